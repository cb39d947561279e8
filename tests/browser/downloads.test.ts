import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerOf } from "../support/ask.ts";
import { launchChromium } from "../support/chromium.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";

const executablePath = await need("chromium");

const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>document.title = "ran"</script></svg>';
const PNG: Uint8Array<ArrayBuffer> = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

const HOSTILE = [
  "../../etc/passwd.svg",
  "..\\..\\boot.ini.svg",
  'a"; filename="../evil.html',
  "a%0d%0aSet-Cookie: a=b.svg",
];

// Headers and answers are those of a signed URL, which the contract tries on each store.
describe.skipIf(executablePath === undefined)("a download in Chromium", () => {
  let browser: Browser;
  let service: ServiceProcess;

  beforeAll(async () => {
    browser = await launchChromium(executablePath);
    service = await startProcess({ STORAGE_ALLOWED_TYPES: "image/*,text/html" });
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
  });

  async function upload(filename: string, type: string, content: Uint8Array<ArrayBuffer> | string) {
    const asked = { filename, content_type: type, size: Buffer.byteLength(content) };
    const { put_url, put_headers, get_url } = (await answerOf(service, "presign", asked)).body;
    const stored = await fetch(put_url, { method: "PUT", headers: put_headers, body: content });
    expect(stored.status).toBe(200);
    return get_url as string;
  }

  it("an SVG or a page with a script is saved, and does not run", async () => {
    for (const [name, type, content] of [
      ["a.svg", "image/svg+xml", SVG],
      ["a.html", "text/html", "<script>document.title = 'ran'</script>"],
    ] as const) {
      const page = await browser.newPage();
      const url = await upload(name, type, content);
      const download = page.waitForEvent("download");
      await page.goto(url).catch(() => undefined);
      expect((await download).suggestedFilename()).toBe(name);
      expect(await page.title()).toBe("");
      await page.close();
    }
  });

  it("a picture is shown in the browser, and not downloaded", async () => {
    const page = await browser.newPage();
    await page.goto(await upload("a.png", "image/png", PNG));
    const width = await page
      .locator("img")
      .evaluate((image: HTMLImageElement) => image.naturalWidth);
    expect(width).toBe(1);
    await page.close();
  });

  it("a download is saved under a name that cannot leave its folder", async () => {
    const page = await browser.newPage();
    for (const name of HOSTILE) {
      const url = await upload(name, "image/svg+xml", SVG);
      const download = page.waitForEvent("download");
      await page.goto(url).catch(() => undefined);
      expect((await download).suggestedFilename()).not.toMatch(/[/\\]|^\.\./);
    }
    await page.close();
  });
});
