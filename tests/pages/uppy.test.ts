import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContext, Page, Request, Route } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { isFullRun } from "../support/full-run.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";
import { type Pages, startPages } from "./project.ts";

// Uppy with its Dashboard and Golden Retriever as published, in a page of another origin than the
// service and the store. The pages are those of docs/client/uppy.md and deploy/examples/uppy.

const executablePath = await need("chromium");
const minio = await need("minio");
const snippets = snippetsOf("docs/client/uppy.md");
const STOCK_PLUGIN = new URL("../../deploy/examples/uppy/aws-s3.ts", import.meta.url);

const MINIO = {
  STORAGE_ADAPTER: "minio",
  STORAGE_BUCKET: `uppy-${crypto.randomUUID()}`,
  STORAGE_CREATE_BUCKET: "on",
  STORAGE_ENDPOINT: minio?.endpoint ?? "",
  STORAGE_ACCESS_KEY: minio?.accessKey ?? "",
  STORAGE_SECRET_KEY: minio?.secretKey ?? "",
};
/** The plugin sends by the client, which tests/browser tries with each store. */
const STORES = {
  local: {},
  ...(isFullRun && { minio: MINIO }),
};
const canRun = executablePath !== undefined && minio !== undefined;

const PNG = { name: "photo.png", mimeType: "image/png", buffer: Buffer.from("a picture") };
const HTML = { name: "page.html", mimeType: "text/html", buffer: Buffer.from("<p>") };
/** Three parts. */
const LARGE = { name: "large.png", mimeType: "image/png", buffer: randomBytes(12 * 2 ** 20) };

/** Reads again and again: how long a page takes is no promise. */
const eventually = <A>(read: () => A | Promise<A>) => expect.poll(read, { timeout: 30_000 });

const refuseConfirm = (route: Route) =>
  route.fulfill({
    status: 409,
    headers: { "Access-Control-Allow-Origin": "*" },
    json: { code: "UPLOAD_MISMATCH", title: "Another file", detail: "These differ: size." },
  });

const isPut = (request: Request) => request.method() === "PUT";

let browser: Browser;
beforeAll(async () => {
  if (canRun) browser = await launchChromium(executablePath);
});
afterAll(() => browser?.close());

describe.runIf(canRun).each(Object.entries(STORES))("Uppy with the store %s", (store, env) => {
  let pages: Pages;
  let service: ServiceProcess;
  let context: BrowserContext;
  let page: Page;
  /** Where files are on this machine: these are the same when they are chosen again. */
  let large: string;
  let photo: string;
  const urls = new Map<string, string>();

  beforeAll(async () => {
    pages = await startPages();
    service = await startProcess({
      ...env,
      CORS_ORIGINS: pages.origin,
      STORAGE_MAX_FILE_SIZE: "20 MiB",
    });
    pages.token = service.token;
    // The first readiness check creates the bucket.
    await fetch(`${service.address}/readyz`);
    const add = async (name: string, source: string) => {
      const modules = {
        [`page-${name}.ts`]: `import { uppy } from "./${name}.ts"; Object.assign(window, { uppy });`,
        [`${name}.ts`]: source.replace("https://uploads.example.com", service.address),
      };
      urls.set(name, await pages.add(modules));
    };
    large = join(pages.folder, LARGE.name);
    writeFileSync(large, LARGE.buffer);
    photo = join(pages.folder, PNG.name);
    writeFileSync(photo, PNG.buffer);
    const source = snippets.get("uppy.ts") ?? "";
    const roomy = "{ indexedDB: { maxFileSize: 2 ** 30 } as object }";
    await add("uppy", source);
    await add("roomy", source.replace("use(GoldenRetriever", `use(GoldenRetriever, ${roomy}`));
    await add("aws-s3", readFileSync(STOCK_PLUGIN, "utf8"));
  });
  afterAll(async () => {
    await service.stop();
    pages.close();
  });
  beforeEach(async () => {
    context = await browser.newContext();
    page = await context.newPage();
  });
  afterEach(() => context.close());

  const open = (name = "uppy") => page.goto(urls.get(name) ?? "");
  const ask = <A>(expression: string) => page.evaluate<A>(expression);
  const button = (name: string) => page.getByRole("button", { name, exact: true }).first();
  const choose = (files: string | Array<string> | Array<typeof PNG>) =>
    page.locator(".uppy-Dashboard-input").first().setInputFiles(files);
  const isDone = () => page.getByText("Complete", { exact: true }).waitFor();
  /** What the Dashboard says of a failure. */
  async function failure(): Promise<string> {
    const shown = new Promise<string>((resolve) =>
      page.once("dialog", (dialog) => dialog.dismiss().then(() => resolve(dialog.message()))),
    );
    await button("Show error details").click();
    return shown;
  }

  /** The response of the first file's upload. */
  const response = () =>
    ask<{ readonly uploadURL: string; readonly body: object }>("uppy.getFiles()[0].response");

  /** The SHA-256 of what the store has of the first file, and of what was chosen. */
  async function digests({ buffer }: typeof PNG) {
    const stored = await fetch((await response()).uploadURL);
    return [Buffer.from(await stored.arrayBuffer()), buffer].map((bytes) =>
      createHash("sha256").update(bytes).digest("hex"),
    );
  }

  /** The parts that the store has of an upload, or the code of the refusal. */
  async function partsOf(upload: string): Promise<ReadonlyArray<object> | string> {
    const url = `${service.address}/api/v1/orgs/acme/files/multipart/parts?upload=${upload}`;
    const answer = await fetch(url, { headers: { Authorization: `Bearer ${service.token}` } });
    const { parts, code } = await answer.json();
    return parts ?? code;
  }

  let held: Array<Route>;
  /** Begins to upload the large file, of which parts 1 and 2 arrive, and the other is held. */
  async function begin(): Promise<string> {
    held = [];
    await page.route(
      () => true,
      async (route) => {
        const part = new URL(route.request().url()).searchParams.get("partNumber");
        if (!isPut(route.request()) || Number(part) <= 2) await route.continue();
        else held.push(route);
      },
    );
    const started = page.waitForResponse((answer) => answer.url().endsWith("/multipart"));
    await choose(large);
    await button("Upload 1 file").click();
    const { upload } = await (await started).json();
    await eventually(() => held.length).toBeGreaterThan(0);
    await eventually(() => partsOf(upload)).toHaveLength(2);
    return upload;
  }

  /** Leaves the page in the middle, and opens it again. */
  async function reload() {
    await eventually(async () => (await kept(page)).split("checksum").length).toBe(3);
    await page.reload();
    await page.getByText("Session restored").waitFor();
    await page.unrouteAll();
  }

  it("the Dashboard uploads files, a large one in parts, with progress that ends at 100 percent, and tells where they are", async () => {
    const puts = requestsOf(page, isPut);
    await open();
    await choose([large, photo]);
    await button("Upload 2 files").click();
    await isDone();
    const [stored, chosen] = await digests(LARGE);
    expect(stored).toBe(chosen);
    expect(puts).toHaveLength(4);
    expect(await ask("uppy.getState().totalProgress")).toBe(100);
    const { uploadURL, body } = await response();
    const { length: size } = LARGE.buffer;
    expect(body).toMatchObject({ getUrl: uploadURL, size, contentType: "image/png" });
  });

  it("an upload goes on after a reload with a file that has to be chosen again", async () => {
    await open();
    await begin();
    await reload();
    const puts = requestsOf(page, isPut);
    await button("Re-select").click();
    await choose(large);
    await button("Upload 1 file").click();
    await isDone();
    const [stored, chosen] = await digests(LARGE);
    expect(stored).toBe(chosen);
    expect(puts).toHaveLength(1);
  });

  it("the Dashboard pauses an upload, whose parts on their way arrive, and resumes it", async () => {
    await open();
    const upload = await begin();
    const confirmed = requestsOf(page, (request) => request.url().endsWith("/complete"));
    await button("Pause").click();
    await button("Resume").waitFor();
    for (const route of held) await route.continue();
    await eventually(() => partsOf(upload)).toHaveLength(3);
    expect(confirmed).toEqual([]);
    await button("Resume").click();
    await isDone();
    expect(held).toHaveLength(1);
    const [stored, chosen] = await digests(LARGE);
    expect(stored).toBe(chosen);
  });

  // The store has no part in these.
  if (store === "local") {
    it("the pages of the guide compile", async () => {
      expect(await pages.compile(["uppy.ts", "aws-s3.ts"])).toBe("");
    });

    it("an upload that is cancelled after a reload leaves no parts behind", async () => {
      await open();
      const upload = await begin();
      await reload();
      await ask("uppy.cancelAll()");
      await eventually(() => partsOf(upload)).toBe("INVALID_UPLOAD");
    });

    it.each<[string, (route: Route) => Promise<void>, string, number]>([
      ["sends again what was refused", refuseConfirm, "Another file. These differ: size.", 2],
      ["confirms again what was not answered", (route) => route.abort(), "Failed to fetch", 1],
    ])(
      "a confirm that fails is an error of the stock S3 plugin, and Retry %s",
      async (_, fail, message, count) => {
        const puts = requestsOf(page, isPut);
        await open("aws-s3");
        await page.route("**/confirm", fail);
        await choose([PNG]);
        await button("Upload 1 file").click();
        expect(await failure()).toContain(message);
        expect(await page.getByText("Complete", { exact: true }).count()).toBe(0);
        expect(await ask("uppy.getFiles()[0].error")).toBe(message);
        await page.unrouteAll();
        const confirmed = page.waitForResponse((answer) => answer.url().endsWith("/confirm"));
        await button("Retry upload").click();
        await isDone();
        expect(puts).toHaveLength(count);
        const { key, final, size } = await (await confirmed).json();
        expect({ final, size }).toEqual({ final: true, size: 9 });
        // Uppy keeps no response of a file that it does not send again.
        if (count > 1) expect((await response()).body).toMatchObject({ key });
        expect(await ask("uppy.getFiles()[0].error")).toBeNull();
      },
    );

    it("the stock S3 plugin says with the recipe why a file is refused", async () => {
      await open("aws-s3");
      await choose([HTML]);
      await button("Upload 1 file").click();
      expect(await failure()).toContain("Files of this type are not accepted");
    });
  }

  // Beside the test of a file that is chosen again, what Golden Retriever does.
  if (store === "local" && isFullRun) {
    it("an upload goes on after a reload with the file that Golden Retriever kept", async () => {
      await open("roomy");
      await begin();
      await reload();
      const puts = requestsOf(page, isPut);
      await button("Upload 1 file").click();
      await isDone();
      const [stored, chosen] = await digests(LARGE);
      expect(stored).toBe(chosen);
      expect(puts).toHaveLength(1);
    });
  }
});

/** The requests that the page makes from now on. */
function requestsOf(page: Page, matches: (request: Request) => boolean): ReadonlyArray<Request> {
  const requests: Array<Request> = [];
  page.on("request", (request) => matches(request) && requests.push(request));
  return requests;
}

/** What Golden Retriever has kept. */
const kept = (page: Page) =>
  page.evaluate(
    () =>
      new Promise<string>((resolve, reject) => {
        const opening = indexedDB.open("uppy-blobs");
        opening.addEventListener("error", reject);
        opening.addEventListener("success", () => {
          const all = opening.result.transaction("metadata").objectStore("metadata").getAll();
          all.addEventListener("success", () => {
            opening.result.close();
            resolve(JSON.stringify(all.result));
          });
        });
      }),
  );
