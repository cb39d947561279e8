import { execFileSync } from "node:child_process";
import type { Browser, Page, Request } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { type CuttingProxy, startCuttingProxy } from "../support/cutting-proxy.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { startProcess, type ServiceProcess, untilReady } from "../support/service-process.ts";

const executablePath = await need("chromium");
const minio = await need("minio");

// One pixel, as a canvas writes it: a picture to a browser, and easy to find in a log.
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

describe.skipIf(executablePath === undefined || minio === undefined)("the page in Chromium", () => {
  let browser: Browser;
  let service: ServiceProcess;
  /** Between the page and the store. */
  let network: CuttingProxy;
  let store: string;

  beforeAll(async () => {
    network = await startCuttingProxy(() => Number(new URL(minio?.endpoint ?? "").port));
    store = `http://127.0.0.1:${network.port}`;
    browser = await launchChromium(executablePath);
    service = await startProcess({
      ...minioEnv(minio),
      STORAGE_PUBLIC_ENDPOINT: store,
      LOG_LEVEL: "debug",
      STORAGE_MAX_FILE_SIZE: "64 MiB",
      STORAGE_POLICIES: JSON.stringify({
        films: { allowed_types: ["video/mp4"] },
        checked: { arrival: "incoming" },
      }),
    });
    // The first readiness check creates the bucket.
    await untilReady(service);
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
    await network.close();
  });
  afterEach(() => network.release());

  it("the page sends a pasted image straight to the store, and shows it from there", async () => {
    const { page, requests, errors } = await open();
    await paste(page, "image/png");
    await card(page, "pasted-image.png", "done").waitFor();
    const image = page.locator("#list .thumb img");
    await expect.poll(() => image.getAttribute("src")).toContain(`${store}/`);
    expect(await image.evaluate((shown: HTMLImageElement) => shown.naturalWidth)).toBe(1);

    const puts = requests.filter((request) => request.method() === "PUT");
    expect(puts.map((request) => new URL(request.url()).origin)).toEqual([store]);
    expect(lastSteps(requests)).toEqual(["presign", "confirm"]);
    // Despite the headers that Chromium adds.
    const asked = requests.find((request) => request.url().endsWith("/presign"));
    expect(asked?.postDataJSON()).toMatchObject({ strict: true });
    expect(errors).toEqual([]);

    const log = service.output();
    expect(log).toContain("files/presign");
    expect(log).not.toContain('"PUT"');
    expect(log).not.toMatch(/IHDR|iVBOR/);
    expect(log).not.toContain(service.token);
    await page.close();
  });

  it("the page tells a person without a token where to get one, and shows on a phone what was chosen", async () => {
    const page = await browser.newPage({ viewport: { width: 375, height: 720 } });
    await page.goto(service.address);
    await drop(page, ["a.png"]);
    const failed = card(page, "a.png", "failed");
    await failed.waitFor();
    const text = await failed.innerText();
    expect(text).toContain("Enter the token that the service printed");
    expect(text).not.toMatch(/header|bearer/i);
    await page.getByLabel("Token", { exact: true }).fill(service.token);
    await page.getByLabel("Token", { exact: true }).blur();
    await page.evaluate(() => scrollTo(0, 0));
    await drop(page, ["b.png"]);
    const done = card(page, "b.png", "done");
    await done.waitFor();
    await expect.poll(() => done.evaluate(isInView)).toBe(true);
    await page.close();
  });

  it("the page shows the limits of the policy, and offers the files that it allows", async () => {
    const { page } = await open();
    const limits = page.locator("#limits");
    await expect
      .poll(() => limits.innerText())
      .toBe("Up to 64 MiB of PNG, JPEG, GIF, WEBP, AVIF, PDF, text");
    const accept = (await page.locator("#file").getAttribute("accept")) ?? "";
    expect(accept.split(",")).toEqual(expect.arrayContaining(["image/png", ".png", ".jpeg"]));
    await page.getByLabel("Organization").fill("no such name");
    await page.getByLabel("Organization").blur();
    await expect.poll(() => limits.innerText()).toBe("The policy of the service says which.");
    await page.close();
  });

  it("the page uploads several files at once, and says in words for a person which one is refused", async () => {
    const { page, requests } = await open();
    await drop(page, ["first.png", "second.html"]);
    // The browser knows no type of it.
    await drop(page, ["PHOTO.JPG"], "");
    await card(page, "first.png", "done").waitFor();
    const photo = card(page, "PHOTO.JPG", "done");
    await photo.waitFor();
    expect(await photo.getByRole("status").innerText()).toContain("70 bytes, sent as image/jpeg");
    const refused = card(page, "second.html", "failed");
    await refused.waitFor();
    const status = await refused.getByRole("status").innerText();
    expect(status).toMatch(/^Files of this type are not accepted: choose PNG, JPEG, GIF, /);
    expect(await refused.locator(".detail").innerText()).toContain("This file is text/html.");
    expect(await refused.getByRole("button", { name: "Try again" }).count()).toBe(0);
    expect(requests.filter((request) => request.method() === "PUT")).toHaveLength(2);
    expect(await page.locator("#empty").isVisible()).toBe(false);
    await page.close();
  });

  it("the page sends a large file in parts, holds it and goes on", async () => {
    const { page, requests } = await open();
    network.holdAfter(2);
    await drop(page, ["large.png"], "image/png", LARGE);
    await page.getByText("2 of 3 parts").waitFor();
    await page.getByRole("button", { name: "Pause large.png" }).click();
    const paused = card(page, "large.png", "paused");
    await paused.waitFor();
    expect(await paused.getByRole("status").innerText()).toContain("Paused");
    network.release();
    await paused.getByRole("button", { name: "Resume large.png" }).click();
    const done = card(page, "large.png", "done");
    await done.waitFor();
    expect(await done.getByRole("status").innerText()).toContain(
      "15,728,640 bytes, sent as image/png",
    );
    const steps = await showRequests(page, "large.png");
    expect(steps).toEqual(["Start", "Sign parts", "PUT part 1", "Complete", "GET"]);
    expect(lastSteps(requests)).toContain("complete");
    await page.close();
  });

  it("a large file goes on after a reload when it is dropped again, and after a failure", async () => {
    const { page, requests } = await open();
    network.holdAfter(2);
    await page.getByLabel("Policy").selectOption("films");
    await drop(page, ["film.mp4"], "video/mp4", LARGE);
    await page.getByText("2 of 3 parts").waitFor();
    await page.reload();
    network.release();
    requests.length = 0;
    await page.getByLabel("Policy").selectOption("films");
    await page.route("**/multipart/complete", (route) => route.fulfill({ status: 400 }), {
      times: 1,
    });
    await drop(page, ["film.mp4"], "video/mp4", LARGE);
    await card(page, "film.mp4", "failed").waitFor();
    await page.getByRole("button", { name: "Try again film.mp4" }).click();
    await card(page, "film.mp4", "done").waitFor();
    expect(requests.filter((request) => request.method() === "PUT")).toHaveLength(1);
    expect(lastSteps(requests)).not.toContain("multipart");
    await page.close();
  });

  it("a file can be cancelled, and another can be uploaded", async () => {
    const { page } = await open();
    network.holdAfter(2);
    await drop(page, ["never.png"], "image/png", LARGE);
    await page.getByText("2 of 3 parts").waitFor();
    await page.getByRole("button", { name: "Cancel never.png" }).click();
    const cancelled = card(page, "never.png", "aborted");
    await cancelled.waitFor();
    expect(await cancelled.getByRole("status").innerText()).toBe(
      "Cancelled. Nothing of it is left in the store.",
    );
    network.release();
    await drop(page, ["after.png"]);
    await card(page, "after.png", "done").waitFor();
    await page.close();
  });

  it("the page shows what an upload waits for that has arrived", async () => {
    const { page } = await open();
    await page.getByLabel("Policy").selectOption("checked");
    const held = Promise.withResolvers<void>();
    let asked = 0;
    await page.route("**/files/confirm", async (route) => {
      asked += 1;
      if (asked === 1) return route.fulfill(problem(202, "UPLOAD_PENDING", { state: "scanning" }));
      await held.promise;
      return route.continue();
    });
    await drop(page, ["clean.png"]);
    const waiting = card(page, "clean.png", "uploading");
    await expect
      .poll(() => waiting.getByRole("status").innerText())
      .toMatch(/^It has arrived, and is being scanned: asked again in \d+ s\.$/);
    held.resolve();
    const done = card(page, "clean.png", "done");
    await done.waitFor();
    const address = (await done.getByRole("link").getAttribute("href")) ?? "";
    expect((await fetch(address)).status).toBe(200);
    expect(await showRequests(page, "clean.png")).toEqual(["Presign", "PUT", "Confirm", "GET"]);
    await page.close();
  });

  it("the page shows that a scan has refused a file, which is not tried again", async () => {
    const { page } = await open();
    const refusal = problem(409, "UPLOAD_REFUSED_BY_SCAN", {});
    await page.route("**/files/confirm", (route) => route.fulfill(refusal));
    await drop(page, ["eicar.png"]);
    const refused = card(page, "eicar.png", "failed");
    await refused.waitFor();
    expect(await refused.getByRole("status").innerText()).toBe(
      "This file is unsafe, or could not be checked.",
    );
    expect(await refused.locator(".detail").innerText()).toMatch(/^UPLOAD_REFUSED_BY_SCAN/);
    expect(await refused.getByRole("button", { name: "Try again" }).count()).toBe(0);
    await page.close();
  });

  it("a file that is dropped twice is one on the page, and another of its name is another", async () => {
    const { page, requests } = await open();
    await drop(page, ["same.png", "same.png"]);
    await card(page, "same.png", "done").waitFor();
    await drop(page, ["same.png"]);
    await drop(page, ["same.png"], "image/png", 1000);
    await expect.poll(() => card(page, "same.png", "done").count()).toBe(2);
    expect(await page.locator("#list .card").count()).toBe(2);
    await page.route("**/presign", (route) => route.fulfill({ status: 400 }), { times: 1 });
    await drop(page, ["failed.png"]);
    await card(page, "failed.png", "failed").waitFor();
    await drop(page, ["failed.png"]);
    await card(page, "failed.png", "done").waitFor();
    expect(await page.locator("#list .card").count()).toBe(3);
    expect(requests.filter((request) => request.method() === "PUT")).toHaveLength(3);
    await page.close();
  });

  it("the page says of a program that is called a picture what it is, or that it is not shown", async () => {
    const { page } = await open();
    const fake = (name: string) =>
      page.evaluate((name) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["MZ".padEnd(200, "\0")], name, { type: "image/png" }));
        document.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
      }, name);
    await fake("shown.png");
    const kept = card(page, "shown.png", "done");
    await expect
      .poll(() => kept.locator(".detail").innerText())
      .toMatch(/^This browser cannot show it as a picture/);
    await page.getByLabel("Policy").selectOption("checked");
    await fake("program.png");
    const refused = card(page, "program.png", "failed");
    await refused.waitFor();
    expect(await refused.getByRole("status").innerText()).toBe(
      "The content is a Windows program, not PNG.",
    );
    await page.close();
  });

  it("the page shows the requests as commands that work, and the client's code", async () => {
    const { page } = await open();
    await drop(page, ["it's.png"]);
    await card(page, "it's.png", "done").waitFor();
    expect(await showRequests(page, "it's.png")).toEqual(["Presign", "PUT", "Confirm", "GET"]);
    const commands = await page.locator("#list pre").allInnerTexts();
    expect(commands[1]).toContain(`--upload-file 'it'\\''s.png'`);
    const answer = execFileSync("sh", ["-c", commands[2] ?? ""], {
      encoding: "utf8",
      stdio: "pipe",
    });
    expect(answer).toContain('"content_type":"image/png"');
    await page.getByText("The same in your own page").click();
    const code = await page.locator("#code code").innerText();
    expect(code).toContain(`endpoint: "${service.address}/"`);
    expect(code).toContain("await client.upload(file)");
    await page.close();
  });

  it("nothing on the page is cut off on a phone, a tablet and a desk", async () => {
    const { page } = await open();
    await drop(page, [`${"long-name-".repeat(12)}.png`, "page.html"]);
    await page.locator("#list .card[data-state=done]").waitFor();
    await showRequests(page, "long-name-");
    for (const width of [375, 820, 1360]) {
      await page.setViewportSize({ width, height: 900 });
      const cutOff = await page.evaluate(() =>
        [document.documentElement, ...document.querySelectorAll("pre")]
          .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
          .map(({ nodeName }) => nodeName),
      );
      expect(cutOff, `${width}`).toEqual([]);
    }
    await page.close();
  });

  it("the page has an icon, links to the document of the API, and a policy that permits only itself and the store", async () => {
    const { page } = await open();
    const addressed = await page
      .locator("link[rel=icon], nav a")
      .evaluateAll((links) => links.map((link) => link.getAttribute("href") ?? ""));
    expect(addressed).toEqual(["icon.svg", "openapi.json"]);
    const types = ["image/svg+xml", "application/json"];
    for (const [index, path] of addressed.entries()) {
      const answer = await fetch(new URL(path, service.address));
      expect([answer.status, answer.headers.get("content-type")]).toEqual([200, types[index]]);
    }
    const policy = (await fetch(service.address)).headers.get("content-security-policy");
    expect(policy).toBe(
      `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: ${store}; connect-src 'self' ${store}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
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

/** Whether all of an element can be seen without scrolling. */
const isInView = (element: Element): boolean => {
  const { top, bottom } = element.getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
};

/** As many bytes as 3 parts have, of which 2 are sent at a time. */
const LARGE = 15 * 2 ** 20;

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

/** Drops files, which are alike each time; of one that is large, the rest is zeros. */
const drop = (
  page: Page,
  names: ReadonlyArray<string>,
  type?: string,
  size?: number,
): Promise<void> =>
  page.evaluate(
    ({ base64, names, type, size }) => {
      const pixel = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      const bytes = new Uint8Array(size ?? pixel.length);
      bytes.set(pixel);
      const dataTransfer = new DataTransfer();
      for (const name of names) {
        const known = name.endsWith(".html") ? "text/html" : "image/png";
        dataTransfer.items.add(new File([bytes], name, { type: type ?? known, lastModified: 1 }));
      }
      document.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
    },
    { base64: PNG, names, type, size },
  );

/** A problem document of the service. */
const problem = (status: number, code: string, more: object) => ({
  status,
  headers: { "Retry-After": "1" },
  contentType: "application/problem+json",
  body: JSON.stringify({ code, title: "A title", detail: "A detail.", ...more }),
});

/** The upload of a file, once it is so far. */
const card = (page: Page, name: string, state: string) =>
  page.locator(`#list .card[data-state=${state}]`, { has: titled(page, name) });

const titled = (page: Page, name: string) => page.locator("h3", { hasText: name });

/** Opens the list of requests of a file, and gives their titles. */
async function showRequests(page: Page, name: string): Promise<ReadonlyArray<string>> {
  const requests = page.locator("#list .card", { has: titled(page, name) }).locator(".requests");
  await requests.getByText("Requests").click();
  return requests.locator("h4").allInnerTexts();
}

/** The last words of the addresses that were posted to. */
const lastSteps = (requests: ReadonlyArray<Request>) =>
  requests
    .filter((request) => request.method() === "POST")
    .map((request) => new URL(request.url()).pathname.split("/").at(-1));
