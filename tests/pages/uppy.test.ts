import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContext, Page, Request, Route } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { type Pages, startPages } from "./project.ts";

// Uppy with its Dashboard and Golden Retriever as published, in the page of deploy/examples/uppy,
// which is of another origin than the service.

const executablePath = await need("chromium");
const EXAMPLE = readFileSync(
  new URL("../../deploy/examples/uppy/uppy.ts", import.meta.url),
  "utf8",
);

const PNG = { name: "photo.png", mimeType: "image/png", buffer: Buffer.from("a picture") };
/** Six parts, of which few are on their way at a time. */
const LARGE = { name: "large.png", mimeType: "image/png", buffer: randomBytes(30 * 2 ** 20) };
const HTML = { name: "page.html", mimeType: "text/html", buffer: Buffer.from("<p>") };

/** Reads again and again: how long a page takes is no promise. */
const eventually = <A>(read: () => A | Promise<A>) => expect.poll(read);

const isPut = (request: Request) => request.method() === "PUT";
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe.skipIf(executablePath === undefined)("Uppy's Dashboard in Chromium", () => {
  let browser: Browser;
  let pages: Pages;
  let service: ServiceProcess;
  let context: BrowserContext;
  let page: Page;
  let puts: Array<Request>;
  /** Files on this machine: these are the same when they are chosen again. */
  let large: string;
  let photo: string;
  const urls = new Map<string, string>();

  beforeAll(async () => {
    [browser, pages] = await Promise.all([launchChromium(executablePath), startPages()]);
    service = await startProcess({
      CORS_ORIGINS: pages.origin,
      STORAGE_MAX_FILE_SIZE: "100 MiB",
    });
    pages.token = service.token;
    const add = async (name: string, source: string) => {
      const modules = {
        [`page-${name}.ts`]: `import { uppy } from "./${name}.ts"; Object.assign(window, { uppy });`,
        [`${name}.ts`]: source.replace("https://uploads.example.com", service.address),
      };
      urls.set(name, await pages.add(modules));
    };
    await add("uppy", EXAMPLE);
    const roomy = "use(GoldenRetriever, { indexedDB: { maxFileSize: 2 ** 30 } as object }";
    await add("roomy", EXAMPLE.replace("use(GoldenRetriever", roomy));
    large = join(pages.folder, LARGE.name);
    writeFileSync(large, LARGE.buffer);
    photo = join(pages.folder, PNG.name);
    writeFileSync(photo, PNG.buffer);
  });
  afterAll(async () => {
    await browser?.close();
    await service?.stop();
    pages?.close();
  });
  beforeEach(async () => {
    context = await browser.newContext();
    page = await context.newPage();
    puts = [];
    page.on("request", (request) => isPut(request) && puts.push(request));
  });
  afterEach(() => context.close());

  const open = (name = "uppy") => page.goto(urls.get(name) ?? "");
  const ask = <A>(expression: string) => page.evaluate<A>(expression);
  const button = (name: string) => page.getByRole("button", { name, exact: true }).first();
  const choose = (files: string | Array<string> | Array<typeof PNG>) =>
    page.locator(".uppy-Dashboard-input").first().setInputFiles(files);
  const isDone = () => page.getByText("Complete", { exact: true }).waitFor();
  const response = (index = 0) =>
    ask<{ readonly uploadURL: string; readonly body: Readonly<Record<string, unknown>> }>(
      `uppy.getFiles()[${index}].response`,
    );

  async function isStored({ buffer }: typeof PNG, index = 0) {
    const stored = await fetch((await response(index)).uploadURL);
    expect(sha256(await stored.bytes())).toBe(sha256(buffer));
  }

  /** The parts that the store has of an upload, or the code of the refusal. */
  async function partsOf(upload: string): Promise<ReadonlyArray<object> | string> {
    const url = `${service.address}/api/v1/orgs/acme/files/multipart/parts?upload=${upload}`;
    const answer = await fetch(url, { headers: { Authorization: `Bearer ${service.token}` } });
    const { parts, code } = await answer.json();
    return parts ?? code;
  }

  /** The parts that are held, unless they are let through. */
  let held: Array<Route> | undefined;
  /** Begins to upload the large file, of which the first part arrives, and others are held. */
  async function begin(others: ReadonlyArray<string> = []): Promise<string> {
    const first: Array<Route> = (held = []);
    await page.route("**/store/**", (route) => {
      const part = new URL(route.request().url()).searchParams.get("partNumber") ?? "1";
      return isPut(route.request()) && part !== "1" && held
        ? void held.push(route)
        : route.continue();
    });
    const started = Promise.withResolvers<string>();
    await page.route("**/multipart", async (route) => {
      if (route.request().method() !== "POST") return route.continue();
      const response = await route.fetch();
      started.resolve((await response.json()).upload);
      return route.fulfill({ response });
    });
    await choose([large, ...others]);
    await button(`Upload ${1 + others.length} file${others.length ? "s" : ""}`).click();
    const upload = await started.promise;
    await eventually(() => first.length).toBeGreaterThan(0);
    await eventually(() => partsOf(upload)).toHaveLength(1);
    return upload;
  }

  /** Handles the parts that were held, and lets others through. */
  async function release(handle = (route: Route) => route.continue()) {
    const routes = held ?? [];
    held = undefined;
    await Promise.all(routes.map(handle));
  }

  /** Leaves the page in the middle, and opens it again. */
  async function reload() {
    await eventually(() => kept(page)).toContain('"partNumber":1');
    await page.reload();
    await page.getByText("Session restored").waitFor();
    await page.unrouteAll();
    puts = [];
  }

  it("the Dashboard takes files of the types that the policy allows, in the words of a refusal", async () => {
    await open();
    const input = page.locator(".uppy-Dashboard-input").first();
    await eventually(() => input.getAttribute("accept")).toMatch(/^image\/png,.*, \.png,/);
    await choose([HTML]);
    const said = "You can only upload: PNG, JPEG, GIF, WEBP, AVIF, PDF, text";
    await page.getByText(said).first().waitFor();
    expect(await ask("uppy.opts.restrictions.maxFileSize")).toBe(100 * 2 ** 20);
    await ask("uppy.setOptions({ restrictions: { allowedFileTypes: null, maxFileSize: null } })");
    // The service refuses what Uppy has let through.
    await choose([HTML]);
    await button("Upload 1 file").click();
    await page.getByText("Upload failed").first().waitFor();
    expect(await ask("uppy.getFiles()[0].error")).toMatch(
      /^Files of this type are not accepted: choose PNG, JPEG, /,
    );
  });

  it("limits of the page that are stricter than the policy stay", async () => {
    const url = await pages.add({
      "limits.ts": `import { Uppy } from "@uppy/core";
        import { createClient } from "valetkey/client";
        import { Valetkey } from "valetkey/uppy";
        const token = () => fetch("/upload-token").then((answer) => answer.text());
        const client = createClient({ endpoint: "${service.address}", organization: "acme", token });
        const all = [{ maxFileSize: 10 }, { maxFileSize: 2 ** 60, allowedFileTypes: [".png"] }].map(
          (restrictions) => new Uppy({ restrictions }).use(Valetkey, { client }));
        Object.assign(window, { all });`,
    });
    await page.goto(url);
    await eventually(() =>
      ask(
        "all.map(({ opts: { restrictions: { maxFileSize, allowedFileTypes } } }) => [maxFileSize, allowedFileTypes])",
      ),
    ).toEqual([
      [10, expect.arrayContaining(["image/png", ".jpg"])],
      [100 * 2 ** 20, [".png"]],
    ]);
  });

  it("files are uploaded and confirmed, a large one in parts, with progress to the end", async () => {
    await open();
    await choose([large, photo]);
    await ask(
      'window.sent = []; uppy.on("upload-progress", (file, { bytesUploaded }) => file.size > 100 && sent.push(bytesUploaded))',
    );
    await button("Upload 2 files").click();
    await isDone();
    const sent = await ask<ReadonlyArray<number>>("sent");
    expect(sent).toEqual(sent.toSorted((a, b) => a - b));
    expect([sent.length > 2, sent.at(-1)]).toEqual([true, LARGE.buffer.length]);
    expect(await ask("uppy.getState().totalProgress")).toBe(100);
    expect(puts).toHaveLength(7);
    await isStored(LARGE);
    await isStored(PNG, 1);
    const { uploadURL, body } = await response();
    expect(body).toMatchObject({ getUrl: uploadURL, size: LARGE.buffer.length });
    for (const name of ["key", "fileUrl", "receipt"])
      expect(body[name]).toEqual(expect.any(String));
  });

  it("a file of a dropped folder keeps its place", async () => {
    await open();
    mkdirSync(join(pages.folder, "album/inner"), { recursive: true });
    writeFileSync(join(pages.folder, "album/inner/a.png"), PNG.buffer);
    const devtools = await context.newCDPSession(page);
    const { x = 0, y = 0 } = (await page.locator(".uppy-Dashboard-inner").boundingBox()) ?? {};
    for (const type of ["dragEnter", "dragOver", "drop"] as const) {
      const data = { items: [], files: [join(pages.folder, "album")], dragOperationsMask: 1 };
      await devtools.send("Input.dispatchDragEvent", { type, x: x + 100, y: y + 100, data });
    }
    await button("Upload 1 file").click();
    await isDone();
    expect((await response()).body).toMatchObject({ filename: "a.png", path: "album/inner/a.png" });
  });

  it("Pause holds a file that is sent whole: its PUT ends, and there is none until Resume", async () => {
    await open();
    await page.route("**/store/**", () => undefined);
    const begun = page.waitForRequest(isPut);
    await choose(photo);
    await button("Upload 1 file").click();
    const ended = page.waitForEvent("requestfailed", isPut);
    await begun;
    await button("Pause").click();
    await ended;
    await page.unrouteAll();
    await page.getByText("Upload paused").waitFor();
    // Whatever is not held would have begun by now.
    await page.evaluate(() => fetch("/upload-token"));
    expect(puts).toHaveLength(1);
    await button("Resume").click();
    await isDone();
    expect(puts).toHaveLength(2);
    await isStored(PNG);
  });

  it("Pause holds a large file, whose parts on their way arrive, until Resume", async () => {
    await open();
    const upload = await begin();
    const asked: Array<string> = [];
    page.on("request", (request) => asked.push(request.url().replace(/.*\/|\?.*/g, "")));
    await button("Pause").click();
    await page.getByText("Upload paused").waitFor();
    const before = puts.length;
    expect(before).toBeLessThan(6);
    await release();
    await eventually(() => partsOf(upload)).toHaveLength(before);
    await page.evaluate(() => fetch("/upload-token"));
    expect(puts).toHaveLength(before);
    expect(asked).not.toContain("complete");
    await button("Resume").click();
    await isDone();
    expect(puts).toHaveLength(6);
    await isStored(LARGE);
  });

  it("one file is paused and cancelled while another goes on, and leaves no parts behind", async () => {
    await open();
    const upload = await begin([photo]);
    await eventually(() => ask("uppy.getFiles()[1].progress.uploadComplete")).toBe(true);
    await button("Pause upload").click();
    expect(await ask("uppy.getFiles().map(({ isPaused }) => isPaused)")).toEqual([true, false]);
    await page.locator(".uppy-Dashboard-Item-action--remove").first().click();
    await eventually(() => partsOf(upload)).toBe("INVALID_UPLOAD");
    await isDone();
    expect(await ask("uppy.getFiles().map(({ name, error }) => [name, error])")).toEqual([
      ["photo.png", undefined],
    ]);
  });

  it("Cancel ends all uploads without an error, and leaves no parts behind", async () => {
    await open();
    await ask(
      'window.failures = []; uppy.on("upload-error", (_, error) => failures.push(error.message))',
    );
    const upload = await begin([photo]);
    await button("Cancel").click();
    await eventually(() => partsOf(upload)).toBe("INVALID_UPLOAD");
    expect(await ask("[uppy.getFiles(), failures]")).toEqual([[], []]);
  });

  it("a file that is paused before it begins waits for Resume", async () => {
    await open();
    await choose(photo);
    await ask(
      "uppy.addPreProcessor(([id]) => { uppy.pauseResume(id); return Promise.resolve(); }); void uppy.upload()",
    );
    await page.getByText("Upload paused").waitFor();
    await page.evaluate(() => fetch("/upload-token"));
    expect(puts).toEqual([]);
    await button("Resume").click();
    await isDone();
  });

  it("Retry sends only what is missing of a file that has failed", async () => {
    await open();
    const upload = await begin();
    const headers = { "Access-Control-Allow-Origin": "*" };
    await release((route) => route.fulfill({ status: 400, headers }));
    const shown = new Promise<string>((resolve) =>
      page.once("dialog", (dialog) => dialog.dismiss().then(() => resolve(dialog.message()))),
    );
    await button("Show error details").click();
    expect(await shown).toContain("The upload failed. Try again later.");
    const stored = (await partsOf(upload)).length;
    puts = [];
    await button("Retry upload").click();
    await isDone();
    expect(puts).toHaveLength(6 - stored);
    await isStored(LARGE);
  });

  it("what Uppy shows while the service checks a file that has arrived", async () => {
    await open();
    let isSeen = false;
    await page.route("**/confirm", (route) =>
      isSeen
        ? route.continue()
        : route.fulfill({
            status: 202,
            headers: { "Access-Control-Allow-Origin": "*", "Retry-After": "1" },
            json: { code: "UPLOAD_PENDING", title: "T", detail: "D.", state: "scanning" },
          }),
    );
    await choose(photo);
    await button("Upload 1 file").click();
    await page.getByText("A file has arrived, and is being checked.").first().waitFor();
    isSeen = true;
    await isDone();
  });

  it.each([
    ["uppy", "that has to be chosen again"],
    ["roomy", "that Golden Retriever has kept"],
  ])("in the page %s an upload continues after a reload with a file %s", async (name) => {
    await open(name);
    await begin();
    await reload();
    if (name === "uppy") {
      await button("Re-select").click();
      await choose(large);
    }
    await button("Upload 1 file").click();
    await isDone();
    expect(puts.length).toBeLessThan(6);
    await isStored(LARGE);
  });

  it("an upload that is cancelled after a reload leaves no parts behind", async () => {
    await open();
    const upload = await begin();
    await reload();
    await ask("uppy.cancelAll()");
    await eventually(() => partsOf(upload)).toBe("INVALID_UPLOAD");
  });

  it("a file is sent under the name that a person gives it, in its folder too, with its metadata", async () => {
    await open();
    await ask(
      `uppy.getPlugin("Valetkey").setOptions({ allowedMetaFields: ["caption", "none"] });
       for (const relativePath of ["trip/2026/a.png", null]) {
         const data = new File([String(relativePath)], "a.png", { type: "image/png", lastModified: 1 });
         uppy.setFileMeta(uppy.addFile({ name: "a.png", data, meta: { relativePath, caption: 7 } }), { name: "b.png" });
       }`,
    );
    await ask("uppy.upload()");
    const found = await ask<ReadonlyArray<Record<string, unknown>>>(
      "uppy.getFiles().map(({ error, response }) => response?.body ?? { error })",
    );
    expect(found.map(({ filename, path, metadata }) => [filename, path, metadata])).toEqual([
      ["b.png", "trip/2026/b.png", { caption: "7" }],
      ["b.png", undefined, { caption: "7" }],
    ]);
  });

  it("a file that is renamed once it has failed is sent under its new name", async () => {
    await open();
    await page.route("**/presign", (route) => route.fulfill({ status: 400 }), { times: 1 });
    const found = await ask<ReadonlyArray<string>>(
      `(async () => {
         const data = new File(["photo"], "a.png", { type: "image/png", lastModified: 1 });
         const id = uppy.addFile({ name: "a.png", data });
         await uppy.upload();
         const { error } = uppy.getFile(id);
         uppy.setFileMeta(id, { name: "b.png" });
         await uppy.retryAll();
         return [typeof error, uppy.getFile(id).response.body.filename];
       })()`,
    );
    expect(found).toEqual(["string", "b.png"]);
  });

  it("a file of Companion is refused in a sentence, and others are uploaded", async () => {
    await open();
    await choose(photo);
    await ask(
      'uppy.addFile({ name: "drive.png", type: "image/png", isRemote: true, data: { size: 3 }, remote: { companionUrl: "https://c.example", url: "https://c.example/drive", requestClientId: "drive" } })',
    );
    await ask("uppy.upload()");
    expect(await ask("uppy.getFiles().map(({ error }) => error ?? null)")).toEqual([
      null,
      "drive.png is not on this device, and cannot be uploaded from where it is. Download it, then add it from this device.",
    ]);
  });

  it("a plugin that is removed sends nothing more", async () => {
    await open();
    const upload = await begin();
    await ask('uppy.removePlugin(uppy.getPlugin("Valetkey"))');
    await eventually(() => partsOf(upload)).toBe("INVALID_UPLOAD");
    expect(await ask("uppy.getState().capabilities.resumableUploads")).toBe(false);
  });

  it("the example compiles, with the types of what was uploaded", async () => {
    await pages.add({
      "typed.ts": `import { uppy } from "./uppy.ts";
        const file = uppy.getFiles()[0];
        export const key: string | undefined = file?.response?.body?.key;
        // @ts-expect-error There is no such member.
        export const other = file?.response?.body?.location.href;`,
    });
    expect(await pages.compile("typed.ts")).toBe("");
  });
});

/** What the client remembers of uploads in parts. */
const kept = (page: Page) =>
  page.evaluate(async () => {
    const found = [];
    for (const { name = "" } of await indexedDB.databases()) {
      const opening = indexedDB.open(name);
      await new Promise((resolve) => opening.addEventListener("success", resolve));
      for (const store of opening.result.objectStoreNames) {
        const all = opening.result.transaction(store).objectStore(store).getAll();
        await new Promise((resolve) => all.addEventListener("success", resolve));
        found.push(all.result.filter((each) => typeof each === "string"));
      }
      opening.result.close();
    }
    return found.join();
  });
