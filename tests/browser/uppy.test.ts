import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Browser, Page, Request } from "playwright-core";
import { rolldown } from "rolldown";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";

// The uploader of docs/client/uppy.md, in a page of another origin than the service.

const executablePath = await need("chromium");
const ROOT = new URL("../..", import.meta.url).pathname;
const EXAMPLE = `${ROOT}deploy/examples/uppy/uppy.ts`;

/** The code of a page whose `uppy` is that of the example. */
async function bundled(endpoint: string): Promise<string> {
  const build = await rolldown({
    input: "page",
    platform: "browser",
    resolve: { alias: { "valetkey/client": `${ROOT}adapters/client/client.ts` } },
    plugins: [
      {
        name: "page",
        resolveId: (id) => (id === "page" ? id : undefined),
        load: (id) => {
          if (id === "page") return `import { uppy } from "${EXAMPLE}"; window.uppy = uppy;`;
          if (id !== EXAMPLE) return undefined;
          return readFileSync(id, "utf8").replace("https://uploads.example.com", endpoint);
        },
      },
    ],
  });
  const { output } = await build.generate({ format: "es" });
  await build.close();
  return output[0].code;
}

/** Three parts. */
const LARGE = { name: "large.png", mimeType: "image/png", buffer: randomBytes(12 * 2 ** 20) };
const SMALL = { name: "small.png", mimeType: "image/png", buffer: Buffer.from("a picture") };

const isPut = (request: Request) => request.method() === "PUT";

describe.skipIf(executablePath === undefined)("Uppy in Chromium, with the uploader", () => {
  let browser: Browser;
  let site: Server;
  let service: ServiceProcess;
  let page: Page;

  beforeAll(async () => {
    browser = await launchChromium(executablePath);
    let code = "";
    site = createServer(({ url }, response) => {
      if (url === "/upload-token") return response.end(service.token);
      if (url === "/page.js") {
        return response.writeHead(200, { "Content-Type": "text/javascript" }).end(code);
      }
      return response
        .writeHead(200, { "Content-Type": "text/html" })
        .end('<input type="file" multiple><script type="module" src="/page.js"></script>');
    }).listen(0, "127.0.0.1");
    await once(site, "listening");
    service = await startProcess({ CORS_ORIGINS: origin(), STORAGE_MAX_FILE_SIZE: "20 MiB" });
    code = await bundled(service.address);
  });
  afterAll(async () => {
    await service?.stop();
    await browser?.close();
    site?.close();
  });
  beforeEach(async () => {
    page = await browser.newPage();
    await page.goto(origin());
  });
  afterEach(() => page.close());

  const origin = () => `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  const ask = <A>(expression: string) => page.evaluate<A>(expression);

  async function choose(files: Array<typeof SMALL>) {
    await page.locator("input").setInputFiles(files);
    await ask(
      'for (const data of document.querySelector("input").files) uppy.addFile({ name: data.name, type: data.type, data })',
    );
  }

  it("files are uploaded and confirmed, a large one in parts, with progress to the end", async () => {
    const puts: Array<Request> = [];
    page.on("request", (request) => isPut(request) && puts.push(request));
    await choose([LARGE, SMALL]);
    const sent = await ask<ReadonlyArray<number>>(
      '(async () => { const sent = []; uppy.on("upload-progress", (file, { bytesUploaded }) => file.size > 100 && sent.push(bytesUploaded)); await uppy.upload(); return sent; })()',
    );
    expect(sent).toEqual(sent.toSorted((a, b) => a - b));
    expect([sent.length > 2, sent.at(-1)]).toEqual([true, LARGE.buffer.length]);
    expect(puts).toHaveLength(4);
    const responses = await ask<
      ReadonlyArray<{ uploadURL: string; body: Readonly<Record<string, unknown>> }>
    >("uppy.getFiles().map(({ response }) => response)");
    for (const [index, { name, buffer }] of [LARGE, SMALL].entries()) {
      const { uploadURL = "", body } = responses[index] ?? {};
      expect(body, name).toMatchObject({ getUrl: uploadURL, size: buffer.length });
      expect(body?.["receipt"], name).toEqual(expect.any(String));
      expect(sha256(await (await fetch(uploadURL)).bytes()), name).toBe(sha256(buffer));
    }
  });

  it("a refusal is the error of its file alone, in words for people", async () => {
    await choose([{ ...SMALL, name: "page.html", mimeType: "text/html" }, SMALL]);
    await ask("uppy.upload()");
    const outcomes = await ask<ReadonlyArray<readonly [string | undefined, boolean | undefined]>>(
      "uppy.getFiles().map(({ error, progress }) => [error, progress.uploadComplete])",
    );
    expect(outcomes).toEqual([
      [expect.stringMatching(/^Files of this type are not accepted: choose PNG, /), false],
      [undefined, true],
    ]);
  });

  it("a file that is removed is no longer sent, and Retry sends what failed", async () => {
    await page.route("**/*", (route) => (isPut(route.request()) ? undefined : route.continue()));
    await choose([SMALL]);
    const begun = page.waitForRequest(isPut);
    await ask("void (window.ended = uppy.upload())");
    const ended = page.waitForEvent("requestfailed", isPut);
    await begun;
    await ask("uppy.removeFile(uppy.getFiles()[0].id)");
    await ended;
    expect(await ask("ended.then(({ failed }) => failed)")).toEqual([]);

    await page.unrouteAll();
    await page.route("**/confirm", (route) =>
      route.fulfill({
        status: 409,
        headers: { "Access-Control-Allow-Origin": "*" },
        json: { code: "UPLOAD_MISMATCH", title: "Another file", detail: "These differ: size." },
      }),
    );
    await choose([SMALL]);
    await ask("uppy.upload()");
    expect(await ask("uppy.getFiles()[0].error")).not.toBeNull();
    await page.unrouteAll();
    await ask("uppy.retryAll()");
    expect(await ask("uppy.getFiles()[0].error")).toBeNull();
    expect(await ask("uppy.getFiles()[0].response.body.size")).toBe(SMALL.buffer.length);
  });
});

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
