import type { Browser, Page, Request } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { need } from "../support/need.ts";
import { startProcess, type ServiceProcess } from "../support/service-process.ts";

const executablePath = await need("chromium");
const minio = await need("minio");

// One pixel, as a canvas writes it: recognisable in a log, and a picture to a browser.
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

describe.skipIf(executablePath === undefined || minio === undefined)("the page in Chromium", () => {
  let browser: Browser;
  let service: ServiceProcess;

  beforeAll(async () => {
    browser = await launchChromium(executablePath);
    service = await startProcess({
      STORAGE_ADAPTER: "minio",
      STORAGE_BUCKET: `page-${crypto.randomUUID()}`,
      STORAGE_CREATE_BUCKET: "on",
      STORAGE_ENDPOINT: minio?.endpoint ?? "",
      STORAGE_ACCESS_KEY: minio?.accessKey ?? "",
      STORAGE_SECRET_KEY: minio?.secretKey ?? "",
      LOG_LEVEL: "debug",
    });
    // The bucket is made by the first look at the store.
    await fetch(`${service.address}/readyz`);
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
  });

  it("sends a pasted image straight to the store, and shows it from there", async () => {
    const { page, requests, errors } = await open();
    await paste(page, "image/png");
    const image = page.locator("#result img");
    await image.waitFor();
    await expect
      .poll(() => image.evaluate((shown: HTMLImageElement) => shown.naturalWidth))
      .toBe(1);

    const puts = requests.filter((request) => request.method() === "PUT");
    expect(puts.map((request) => new URL(request.url()).origin)).toEqual([minio?.endpoint]);
    expect(await image.getAttribute("src")).toMatch(new RegExp(`^${minio?.endpoint}/page-`));
    expect(errors).toEqual([]);

    const log = service.output();
    expect(log).toContain("files/presign");
    expect(log).not.toContain('"PUT"');
    expect(log).not.toMatch(/IHDR|iVBOR/);
    expect(log).not.toContain(service.token);
    await page.close();
  });

  it("shows a refusal as a person reads it", async () => {
    const { page, requests } = await open();
    await paste(page, "text/html");
    const refusal = page.locator("#refusal");
    await refusal.waitFor();
    expect(await refusal.innerText()).toMatch(/Files of this type are not accepted/);
    expect(await refusal.innerText()).toMatch(/image\/png/);
    expect(requests.filter((request) => request.method() === "PUT")).toEqual([]);
    await page.close();
  });

  async function open() {
    const page = await browser.newPage();
    const requests: Array<Request> = [];
    const errors: Array<string> = [];
    page.on("request", (request) => requests.push(request));
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(`${service.address}/#token=${service.token}`);
    return { page, requests, errors };
  }
});

async function paste(page: Page, type: string): Promise<void> {
  await page.evaluate(
    ({ base64, type }) => {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const clipboardData = new DataTransfer();
      clipboardData.items.add(new File([bytes], "image.png", { type }));
      document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
    },
    { base64: PNG, type },
  );
}
