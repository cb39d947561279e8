import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { need } from "../support/need.ts";
import { startProcess, type ServiceProcess } from "../support/service-process.ts";

const executablePath = await need("chromium");

describe.skipIf(executablePath === undefined)("the page of the API in Chromium", () => {
  let browser: Browser;
  let service: ServiceProcess;

  beforeAll(async () => {
    browser = await launchChromium(executablePath);
    service = await startProcess();
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
  });

  it("the page of the API shows every operation, and lets a person try one with a token", async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 1200 } });
    const elsewhere: Array<string> = [];
    const complaints: Array<string> = [];
    page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (origin !== service.address && protocol !== "data:") elsewhere.push(request.url());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    // Chromium reports violations of the content security policy here.
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await page.goto(`${service.address}/docs`);
    await page.locator(".opblock").first().waitFor();

    const document = await (await fetch(`${service.address}/openapi.json`)).json();
    const operations = Object.entries<object>(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const shown = await page.locator(".opblock-summary-path-description-wrapper").count();
    // Messages to a backend are shown too.
    expect(shown).toBe(operations.length + Object.keys(document.webhooks).length);

    await page.locator(".auth-wrapper .authorize").first().click();
    await page.locator(".modal-ux input").fill(service.token);
    await page.locator(".modal-ux .auth-btn-wrapper .authorize").click();
    await page.locator(".modal-ux .close-modal").click();
    await page.locator("#operations-files-presign .opblock-summary-control").click();
    await page.locator("#operations-files-presign .execute").click();
    const answer = page.locator("#operations-files-presign .live-responses-table");
    await answer.waitFor();
    expect(await answer.locator(".response-col_status").last().innerText()).toContain("200");
    expect(await answer.innerText()).toContain("put_url");

    expect(elsewhere).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });
});
