import type { Browser, Page, Request } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { need } from "../support/need.ts";
import { startProcess, type ServiceProcess } from "../support/service-process.ts";

const executablePath = await need("chromium");
const minio = await need("minio");

// One pixel, as a canvas writes it: a picture to a browser, and easy to find in a log.
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
    // The first readiness check creates the bucket.
    await fetch(`${service.address}/readyz`);
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
  });

  it("the page sends a pasted image straight to the store, and shows it from there", async () => {
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

  it("the page shows a refusal in words for a person", async () => {
    const { page, requests } = await open();
    await paste(page, "text/html");
    const refusal = page.locator("#refusal");
    await refusal.waitFor();
    expect(await refusal.innerText()).toMatch(/Files of this type are not accepted/);
    expect(await refusal.innerText()).toMatch(/image\/png/);
    expect(await refusal.getByRole("button").isVisible()).toBe(false);
    expect(requests.filter((request) => request.method() === "PUT")).toEqual([]);
    await page.close();
  });

  it("the page offers to try again if that can help", async () => {
    const { page } = await open();
    await page.getByLabel("Organization").fill("no such name");
    await paste(page, "image/png");
    await page.getByRole("button", { name: "Try again" }).waitFor();
    await page.getByLabel("Organization").fill("acme");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator("#result img").waitFor();
    await page.close();
  });

  it("the page shows the limits of the policy, and offers the files that it allows", async () => {
    const { page } = await open();
    const limits = page.locator("#limits");
    await expect
      .poll(() => limits.innerText())
      .toBe(
        "Up to 10 MiB of image/png, image/jpeg, image/gif, image/webp, image/avif, application/pdf, text/plain",
      );
    const accept = (await page.locator("#file").getAttribute("accept")) ?? "";
    expect(accept.split(",")).toEqual(expect.arrayContaining(["image/png", ".png", ".jpeg"]));
    await page.getByLabel("Organization").fill("no such name");
    await page.getByLabel("Organization").blur();
    await expect.poll(() => limits.innerText()).toContain("if the service's policy allows them");
    await page.close();
  });

  it("the page gives a file whose type the browser does not know the type of its extension", async () => {
    const { page } = await open();
    await drop(page, ["PHOTO.JPG"], "");
    await page.locator("#confirm[data-state=done]").waitFor();
    expect(await page.locator("#confirm").innerText()).toContain("70 bytes of image/jpeg");
    await page.close();
  });

  it("the page confirms the upload as the fourth step", async () => {
    const { page, requests } = await open();
    await paste(page, "image/png");
    await page.locator("#confirm[data-state=done]").waitFor();
    expect(await page.locator("ol h2").allInnerTexts()).toEqual([
      "Presign",
      "PUT",
      "GET",
      "Confirm",
    ]);
    expect(await page.locator("#confirm").innerText()).toContain(
      "70 bytes of image/png, as signed",
    );
    expect(await page.locator("#confirm-curl").innerText()).toContain("/files/confirm'");
    const posts = requests.filter((request) => request.method() === "POST");
    expect(posts.map((request) => new URL(request.url()).pathname.split("/").at(-1))).toEqual([
      "presign",
      "confirm",
    ]);
    await page.close();
  });

  it.each([
    ["a phone", 375, 720],
    ["a tablet", 820, 1100],
    ["a desk", 1360, 900],
  ])(
    "the page wraps long lines and scrolls the result into view on %s",
    async (_, width, height) => {
      const { page } = await open({ width, height });
      await paste(page, "image/png");
      await page.locator("#confirm[data-state=done]").waitFor();
      const cutOff = await page.evaluate(() =>
        [document.documentElement, ...document.querySelectorAll("pre")]
          .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
          .map(({ nodeName }) => nodeName),
      );
      expect(cutOff).toEqual([]);
      const isSeen = () =>
        page.locator("#result").evaluate((result) => {
          const { top, bottom } = result.getBoundingClientRect();
          return top >= 0 && bottom <= innerHeight;
        });
      await expect.poll(isSeen).toBe(true);
      await page.close();
    },
  );

  it("the page uploads the first of several dropped files, and says so", async () => {
    const { page, requests } = await open();
    await drop(page, ["first.png", "second.png", "third.png"]);
    await page.locator("#confirm[data-state=done]").waitFor();
    expect(await page.locator("#note").isVisible()).toBe(true);
    expect(await page.locator("#note").innerText()).toBe(
      "These are 3 files, and this page takes one at a time: first.png is uploaded.",
    );
    expect(requests.filter((request) => request.method() === "PUT")).toHaveLength(1);
    await drop(page, ["alone.png"]);
    await page.getByRole("link", { name: "Open alone.png" }).waitFor();
    expect(await page.locator("#note").isVisible()).toBe(false);
    await page.close();
  });

  it("the page has an icon, links to the API, and a policy that permits only itself and the store", async () => {
    const { page } = await open();
    const addressed = await page
      .locator("link[rel=icon], nav a")
      .evaluateAll((links) => links.map((link) => link.getAttribute("href") ?? ""));
    expect(addressed).toEqual(["icon.svg", "docs", "openapi.json"]);
    const types = ["image/svg+xml", "text/html; charset=utf-8", "application/json"];
    for (const [index, path] of addressed.entries()) {
      const answer = await fetch(new URL(path, service.address));
      expect([answer.status, answer.headers.get("content-type")]).toEqual([200, types[index]]);
    }
    const policy = (await fetch(service.address)).headers.get("content-security-policy");
    expect(policy).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: ${minio?.endpoint}; connect-src 'self' ${minio?.endpoint}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    await page.close();
  });

  it("a dead link shows a page in the style of the service, and the browser reports no error", async () => {
    const page = await browser.newPage();
    const complaints: Array<string> = [];
    page.on("console", (message) => complaints.push(message.text()));
    await page.goto(`${service.address}/f/v1.dead`);
    expect(await page.locator("h1").innerText()).toBe("The link does not work");
    expect(await page.locator("main").evaluate((main) => getComputedStyle(main).maxWidth)).toBe(
      "576px",
    );
    expect(complaints.filter((text) => !text.includes("404"))).toEqual([]);
    await page.close();
  });

  async function open(viewport = { width: 1280, height: 720 }) {
    const page = await browser.newPage({ viewport });
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

const drop = (page: Page, names: ReadonlyArray<string>, type = "image/png"): Promise<void> =>
  page.evaluate(
    ({ base64, names, type }) => {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const dataTransfer = new DataTransfer();
      for (const name of names) {
        dataTransfer.items.add(new File([bytes], name, { type }));
      }
      document.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
    },
    { base64: PNG, names, type },
  );
