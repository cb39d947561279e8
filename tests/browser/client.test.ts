import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type * as client from "../../adapters/client/client.ts";
import { bundleClient } from "../../deploy/bundle-client.ts";
import { answerOf } from "../support/ask.ts";
import { launchChromium } from "../support/chromium.ts";
import { type CuttingProxy, reply, startCuttingProxy } from "../support/cutting-proxy.ts";
import { isFullRun } from "../support/full-run.ts";
import { makeFolder } from "../support/make-folder.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { valetkey } from "../support/command-line.ts";
import { accountSas } from "../azure/signature.ts";
import { type ServiceProcess, startProcess, untilReady } from "../support/service-process.ts";
import { snippetsOf } from "../support/snippets.ts";

// The client as it is published, in a page of another origin than the service and the store.

const executablePath = await need("chromium");
const minio = await need("minio");
const azurite = await need("azuriteInMemory");

const MIB = 2 ** 20;
/** Three parts. */
const LARGE = 12 * MIB;

/** What the page of these tests has beside the client. */
interface InPage {
  readonly valetkey: typeof client;
  readonly make: (options?: Partial<client.ClientOptions>) => client.Client;
  /** A file that is the same whenever it is made. */
  readonly fileOf: (size: number, name?: string, type?: string) => File;
  readonly events: Array<client.UploadProgress>;
  readonly onProgress: (event: client.UploadProgress) => void;
  /** What an upload came to: its result, or the code and message of its error. */
  readonly outcomeOf: (upload: Promise<client.UploadResult>) => Promise<Outcome>;
  task: client.UploadTask;
  outcome: Promise<Outcome>;
  dropped: ReadonlyArray<string>;
}
type Outcome = { readonly url: string } | { readonly code: string; readonly message: string };
declare const page: InPage;

const script = (service: ServiceProcess) => `
  import * as valetkey from "./client.js";
  const base = { endpoint: ${JSON.stringify(service.address)}, organization: "acme", token: ${JSON.stringify(service.token)} };
  const events = [];
  globalThis.page = {
    valetkey,
    events,
    onProgress: (event) => events.push(event),
    make: (options) => valetkey.createClient({ ...base, ...options }),
    fileOf: (size, name = "a.png", type = "image/png") => {
      const bytes = new Uint8Array(size);
      for (let start = 0, seed = 1; start < size; start += 4096) {
        seed = (seed * 48271) % 2147483647;
        bytes.fill(seed & 255, start, start + 4096);
      }
      return new File([bytes], name, { type, lastModified: 1700000000000 });
    },
    outcomeOf: (upload) => upload.then(({ getUrl }) => ({ url: getUrl }), ({ code, message }) => ({ code, message })),
  };
`;

/** The SHA-256 of what `fileOf` makes in the page. */
function sha256Of(size: number): string {
  const hash = createHash("sha256");
  for (let start = 0, seed = 1; start < size; start += 4096) {
    seed = (seed * 48271) % 2147483647;
    hash.update(Buffer.alloc(Math.min(4096, size - start), seed & 255));
  }
  return hash.digest("hex");
}

const sha256At = async (outcome: Outcome): Promise<string> => {
  if (!("url" in outcome)) throw new Error(`${outcome.code}: ${outcome.message}`);
  const bytes = await (await fetch(outcome.url)).bytes();
  return createHash("sha256").update(bytes).digest("hex");
};

/** What comes of a file of three parts, the same in each tab. */
const uploadIn = (tab: Page): Promise<Outcome> =>
  tab.evaluate(() => {
    const { make, fileOf, onProgress, outcomeOf } = page;
    return outcomeOf(make().upload(fileOf(12 * 2 ** 20), { onProgress }));
  });

/** The place of a file with so many names. */
const deep = (levels: number) => `f/${"d/".repeat(levels - 2)}a.txt`;

let browser: Browser;
let modules: ReadonlyMap<string, string>;
let site: Server;
let origin: string;
let current: ServiceProcess;

beforeAll(async () => {
  if (executablePath === undefined) return;
  browser = await launchChromium(executablePath);
  modules = await bundleClient();
  site = createServer(({ url = "" }, response) => {
    const name = url.slice(1);
    const isScript = name === "script.js" || modules.has(name);
    response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
    response.end(
      name === "script.js"
        ? script(current)
        : (modules.get(name) ??
            '<!doctype html><body style="height:400px"><input type="file"><script type="module" src="script.js"></script>'),
    );
  });
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await browser?.close();
  site?.close();
});

const STORES = [
  { store: "the embedded store", isHere: true, at: undefined, size: LARGE, env: () => ({}) },
  {
    store: "MinIO",
    isHere: minio !== undefined,
    at: minio?.endpoint,
    size: LARGE,
    env: (address: string) => ({
      ...minioEnv(minio),
      STORAGE_PUBLIC_ENDPOINT: address,
    }),
  },
  {
    store: "Azurite",
    isHere: azurite !== undefined,
    at: azurite?.endpoint,
    size: 60_000_000,
    env: (address: string) => ({
      STORAGE_ADAPTER: "azure",
      STORAGE_BUCKET: `client-${crypto.randomUUID()}`,
      STORAGE_CREATE_BUCKET: "on",
      STORAGE_ENDPOINT: azurite?.endpoint ?? "",
      STORAGE_PUBLIC_ENDPOINT: `${address}/${azurite?.account}`,
      STORAGE_ACCESS_KEY: azurite?.account ?? "",
      STORAGE_SECRET_KEY: azurite?.key ?? "",
    }),
  },
];

describe.each(STORES)("the client in Chromium, with $store", ({ store, isHere, at, size, env }) => {
  describe.skipIf(executablePath === undefined || !isHere)("on another origin", () => {
    let service: ServiceProcess;
    let network: CuttingProxy;
    let context: BrowserContext;
    let tab: Page;
    let puts: Array<string>;

    beforeAll(async () => {
      network = await startCuttingProxy(() => Number(new URL(at ?? service.address).port));
      const address = `http://127.0.0.1:${network.port}`;
      const settings = env(address);
      // MinIO allows every page.
      if (store === "Azurite") {
        const { code, stdout, stderr } = await valetkey(["cors", "--origin", origin], settings);
        expect(code, stderr).toBe(0);
        const query = accountSas(azurite?.account ?? "", azurite?.key ?? "", Date.now());
        const url = `${at}?restype=service&comp=properties&${new URLSearchParams([...query])}`;
        const list = (name: string) =>
          (new RegExp(` --${name} (.*?)(?: --|\\n)`).exec(stdout)?.[1] ?? "").replaceAll(" ", ",");
        const rule = `<AllowedOrigins>${list("origins")}</AllowedOrigins><AllowedMethods>${list("methods")}</AllowedMethods><AllowedHeaders>${list("allowed-headers")}</AllowedHeaders><ExposedHeaders>${list("exposed-headers")}</ExposedHeaders><MaxAgeInSeconds>${list("max-age")}</MaxAgeInSeconds>`;
        const body = `<StorageServiceProperties><Cors><CorsRule>${rule}</CorsRule></Cors></StorageServiceProperties>`;
        expect((await fetch(url, { method: "PUT", body })).status).toBe(202);
      }
      service = await startProcess({
        CORS_ORIGINS: origin,
        STORAGE_MAX_FILE_SIZE: "100 MiB",
        ...(at === undefined ? { PUBLIC_URL: address } : {}),
        ...settings,
      });
      // The first readiness check creates the bucket.
      await untilReady(service);
      current = service;
    });
    afterAll(async () => {
      await network?.close();
      await service?.stop();
    });
    beforeEach(async () => {
      context = await browser.newContext();
      tab = await context.newPage();
      puts = [];
      tab.on("request", (request) => {
        if (request.method() === "PUT") puts.push(request.url());
      });
      await open();
    });
    afterEach(async () => {
      network.release();
      await context.close();
    });

    async function open(): Promise<void> {
      await tab.goto(origin);
      await tab.waitForFunction(() => "page" in globalThis);
    }

    it("the lines of docs/uploads.md upload the file of a form, and send its receipt", async () => {
      const code = snippetsOf("docs/uploads.md").get("form.js") ?? "";
      await tab.evaluate((code) => {
        document.body.innerHTML =
          '<form><input type="file"><input type="hidden" name="receipt"></form>';
        const [form] = document.forms;
        const chosen = new DataTransfer();
        chosen.items.add(page.fileOf(5));
        Object.assign(form?.querySelector("input") ?? {}, { files: chosen.files });
        new Function("form", "client", code)(form, page.make());
        form?.requestSubmit();
      }, code);
      await tab.waitForURL(/receipt=/);
      const receipt = new URL(tab.url()).searchParams.get("receipt");
      const { body } = await answerOf(service, "confirm", { receipt });
      expect(body).toMatchObject({ size: 5, content_type: "image/png" });
    });

    it("a large file arrives as it was, though a connection is cut in the middle", async () => {
      const before = network.cuts();
      network.cutAfter(size / 2);
      const { outcome, events } = await tab.evaluate(async (size) => {
        const { make, fileOf, onProgress, outcomeOf, events } = page;
        const upload = make().upload(fileOf(size), { onProgress });
        return { outcome: await outcomeOf(upload), events };
      }, size);
      expect(network.cuts()).toBe(before + 1);
      expect(await sha256At(outcome)).toBe(sha256Of(size));
      let last = 0;
      for (const { sent, retrying } of events) {
        expect(retrying !== undefined || sent >= last).toBe(true);
        last = sent;
      }
      expect(events.at(-1)).toMatchObject({ percent: 100, sent: size });
      expect(events.some(({ retrying }) => retrying?.reason === "network")).toBe(true);
    });

    it("after a reload in the middle only the rest is sent", async () => {
      network.holdAfter(2);
      await tab.evaluate(async (size) => {
        const { make, fileOf, onProgress, events } = page;
        page.task = make().upload(fileOf(size), { onProgress });
        page.task.catch(() => undefined);
        while ((events.at(-1)?.parts?.done ?? 0) < 2) await new Promise(requestAnimationFrame);
        page.task.pause();
      }, size);
      await tab.reload();
      network.release();
      await tab.waitForFunction(() => "page" in globalThis);
      puts.length = 0;
      const { outcome, pending, left, first } = await tab.evaluate(async (size) => {
        const { make, fileOf, onProgress, outcomeOf, events } = page;
        const client = make();
        const [pending] = await client.pending();
        const upload = client.upload(fileOf(size), { resume: pending, onProgress });
        const outcome = await outcomeOf(upload);
        const left = await client.pending();
        return {
          outcome,
          pending: pending?.filename,
          left: left.length,
          first: events.find(({ parts }) => parts?.done === 2)?.parts,
        };
      }, size);
      expect(await sha256At(outcome)).toBe(sha256Of(size));
      const total = Math.ceil(size / (5 * MIB));
      expect([pending, left, first]).toEqual(["a.png", 0, { done: 2, total }]);
      expect(puts).toHaveLength(total - 2);
    });

    // The store has little part in these.
    if (store !== "the embedded store" && !isFullRun) return;

    describe("over a bad line", () => {
      const SIZE = 7 * MIB;
      const PORTAL = reply("200 OK", "<h1>Welcome to our network</h1>");

      beforeEach(async () => {
        // Delays are short, and longer with each failure all the same.
        await tab.addInitScript(() => (Math.random = () => 0.02));
        await open();
      });
      afterEach(() => {
        network.answer(() => undefined);
      });

      /** Begins an upload; gives its outcome once it has one. */
      const upload = async (size = SIZE) => {
        await tab.evaluate((size) => {
          const { make, fileOf, onProgress, outcomeOf } = page;
          page.outcome = outcomeOf(make().upload(fileOf(size), { onProgress }));
        }, size);
        return () => tab.evaluate(() => page.outcome);
      };

      it("a captive portal that answers without a word about CORS is waited out", async () => {
        let left = 12;
        network.answer(() => (left-- > 0 ? PORTAL : undefined));
        const outcome = await upload();
        expect(await sha256At(await outcome())).toBe(sha256Of(SIZE));
        expect(left).toBeLessThan(0);
      });
    });

    it("of two tabs with the same file one waits, and goes on when the other is closed", async () => {
      const other = await context.newPage();
      await other.goto(origin);
      await other.waitForFunction(() => "page" in globalThis);
      const begun: Array<string> = [];
      context.on("request", (request) => {
        if (request.url().endsWith("/files/multipart")) begun.push(request.method());
      });
      network.holdAfter(2);
      uploadIn(tab).catch(() => undefined);
      await tab.waitForFunction(() => page.events.at(-1)?.parts?.done === 2);
      const outcome = uploadIn(other);
      await other.waitForFunction(() => page.events.at(-1)?.retrying?.reason === "elsewhere");
      await tab.close();
      network.release();
      expect(await sha256At(await outcome)).toBe(sha256Of(LARGE));
      expect(begun.filter((method) => method === "POST")).toEqual(["POST"]);
      expect(await other.evaluate(() => page.events.some(({ parts }) => parts?.done === 2))).toBe(
        true,
      );
    });

    it("an upload waits for the network, before the presign and in the middle", async () => {
      await context.setOffline(true);
      await tab.evaluate(() => {
        const { make, fileOf, onProgress, outcomeOf } = page;
        page.outcome = outcomeOf(make().upload(fileOf(12 * 2 ** 20), { onProgress }));
      });
      await tab.waitForFunction(() => page.events.at(-1)?.retrying?.reason === "offline");
      expect(puts).toEqual([]);
      network.holdAfter(1);
      await context.setOffline(false);
      await tab.waitForFunction(() => (page.events.at(-1)?.parts?.done ?? 0) >= 1);
      const before = await tab.evaluate(() => page.events.length);
      await context.setOffline(true);
      network.release();
      // What one part tells can come after another one has told that it waits.
      await tab.waitForFunction(
        (before) => page.events.slice(before).some(({ retrying }) => retrying !== undefined),
        before,
      );
      await context.setOffline(false);
      expect(await sha256At(await tab.evaluate(() => page.outcome))).toBe(sha256Of(LARGE));
    });

    it("a file that is changed while it is uploaded is named as such", async () => {
      const folder = makeFolder();
      const path = join(folder, "large.png");
      writeFileSync(path, Buffer.alloc(LARGE, 1));
      await tab.locator("input").setInputFiles(path);
      network.holdAfter(1);
      await tab.evaluate(async () => {
        const { make, outcomeOf, onProgress, events } = page;
        const [file] = document.querySelector("input")?.files ?? [];
        page.task = make().upload(file ?? new Blob(), { onProgress });
        page.outcome = outcomeOf(page.task);
        while ((events.at(-1)?.parts?.done ?? 0) < 1) await new Promise(requestAnimationFrame);
        page.task.pause();
      });
      writeFileSync(path, Buffer.alloc(LARGE, 2));
      utimesSync(path, new Date(), new Date(Date.now() + 10_000));
      network.release();
      await tab.evaluate(() => page.task.resume());
      expect(await tab.evaluate(() => page.outcome)).toEqual({
        code: "file-changed",
        message: "large.png was changed, moved or removed after it was chosen. Choose it again.",
      });
    });
  });
});

describe.skipIf(executablePath === undefined)("a page that CORS keeps out, in Chromium", () => {
  it.each(["service", "store"])(
    "a %s that does not know the page's origin is told from one that is down",
    async (place) => {
      const store = createServer((_, response) => response.writeHead(403).end());
      store.listen(0, "127.0.0.1");
      await once(store, "listening");
      const address = `http://127.0.0.1:${(store.address() as AddressInfo).port}`;
      const service = await startProcess({
        ...(place === "store" && { CORS_ORIGINS: origin }),
        STORAGE_ADAPTER: "minio",
        STORAGE_ENDPOINT: "http://127.0.0.1:2",
        STORAGE_PUBLIC_ENDPOINT: address,
        STORAGE_ACCESS_KEY: "an-access-key",
        STORAGE_SECRET_KEY: "a-secret-key-of-nothing",
      });
      current = service;
      const tab = await browser.newPage();
      await tab.goto(origin);
      await tab.waitForFunction(() => "page" in globalThis);
      const outcome = await tab.evaluate(() =>
        page.outcomeOf(page.make({ retry: { for: "1 second" } }).upload(page.fileOf(10))),
      );
      const [asked, rules] =
        place === "store"
          ? [address, "the bucket's CORS rules"]
          : [service.address, "CORS_ORIGINS"];
      expect(outcome).toEqual({
        code: "cors",
        message: `${asked} accepts no requests from pages of ${origin}. Add that origin to ${rules}.`,
      });
      await tab.close();
      store.closeAllConnections();
      store.close();
      await service.stop();
    },
  );

  describe("folders", () => {
    let tab: Page;
    let service: ServiceProcess;
    let folder: string;
    beforeAll(async () => {
      service = await startProcess({ CORS_ORIGINS: origin });
    });
    afterAll(() => service.stop());
    beforeEach(async () => {
      current = service;
      folder = makeFolder();
      tab = await browser.newPage();
      await tab.goto(origin);
      await tab.waitForFunction(() => "page" in globalThis);
      await tab.evaluate(() => {
        const { valetkey, make } = page;
        page.dropped = [];
        valetkey.dropTarget(document.body, async (files) => {
          const { uploads } = make().uploadAll(files);
          const results = uploads.map((upload, index) =>
            upload.then(
              ({ path, filename }) => path ?? filename ?? "",
              ({ userMessage }) => `${valetkey.pathOf(files[index] as File)}: ${userMessage}`,
            ),
          );
          page.dropped = await Promise.all(results);
        });
      });
    });
    afterEach(() => tab.close());

    const write = (...places: ReadonlyArray<string>) => {
      for (const place of places) {
        const path = join(folder, place);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, "text");
      }
    };
    /** Drops files and folders as a person does, and returns the places of what came of them. */
    async function drop(...names: ReadonlyArray<string>): Promise<ReadonlyArray<string>> {
      const devtools = await tab.context().newCDPSession(tab);
      const files = names.map((name) => join(folder, name));
      for (const type of ["dragEnter", "dragOver", "drop"] as const) {
        const data = { items: [], files, dragOperationsMask: 1 };
        await devtools.send("Input.dispatchDragEvent", { type, x: 100, y: 200, data });
      }
      await tab.waitForFunction(() => page.dropped.length > 0);
      return (await tab.evaluate(() => page.dropped)).toSorted();
    }

    it("are dropped with their places, of more files than a browser lists at once", async () => {
      const many = Array.from({ length: 250 }, (_, index) => `album/many/${index}.txt`);
      write("album/a.txt", "album/inner/a.txt", "album/.DS_Store", "c.txt", ...many);
      mkdirSync(join(folder, "album/empty"));
      const places = ["album/a.txt", "album/inner/a.txt", "c.txt", ...many];
      expect(await drop("album", "c.txt")).toEqual(places.toSorted());
    });

    it("are chosen with their places", async () => {
      write("album/a.txt", "album/inner/a.txt");
      await tab.locator("input").evaluate((input: HTMLInputElement) => {
        input.webkitdirectory = true;
      });
      await tab.locator("input").setInputFiles(join(folder, "album"));
      const places = await tab.evaluate(async () => {
        const files = [...(document.querySelector("input")?.files ?? [])];
        const outcomes = await page.make().uploadAll(files);
        return outcomes.map((one) => (one.status === "fulfilled" ? one.value.path : one.reason));
      });
      expect(places.toSorted()).toEqual(["album/a.txt", "album/inner/a.txt"]);
    });

    it("with hostile names are refused or harmless, and leave the others alone", async () => {
      const refused = "The name of this file or of its folders cannot be used. Rename it.";
      const harmless = ["f/con.txt", "f/..a/...txt", "f/%2e%2e/b.txt", "f/x.txt/a.txt", deep(32)];
      const hostile = ["f/a\\b.txt", "f/a\nb.txt", "f/\u202etxt.a", deep(33)];
      write(...harmless, ...hostile, deep(300));
      const unopened = `${deep(101).replace("/a.txt", "")}: d could not be read. Check that you may open it, then choose it again.`;
      const expected = [...harmless, ...hostile.map((path) => `${path}: ${refused}`), unopened];
      expect(await drop("f")).toEqual(expected.toSorted());
      const given = [
        "../a.txt",
        "/etc/a.txt",
        "C:/a.txt",
        "f/./a.txt",
        "f//a.txt",
        "f/".repeat(1000),
      ];
      const sentences = await tab.evaluate(
        (paths) =>
          Promise.all(
            paths.map((path) =>
              page
                .make()
                .upload(page.fileOf(5), { path })
                .then(
                  ({ key }) => key,
                  ({ userMessage }) => userMessage,
                ),
            ),
          ),
        [...given, "aux/a.png"],
      );
      expect(sentences).toEqual([
        ...given.map(() => refused),
        expect.stringMatching(/^orgs\/acme\/files\/\d{4}\/\d\d\/[-0-9a-f]{36}\.png$/),
      ]);
    });
  });
});
