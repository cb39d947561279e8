import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { isFullRun } from "../support/full-run.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { findingsIn } from "./axe.ts";

const executablePath = await need("chromium");

describe.skipIf(executablePath === undefined)("the page to try the service on", () => {
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

  // A theme has other colours, and a width another layout.
  it.each([
    ["light", 375],
    ["dark", 1360],
    ...(isFullRun
      ? ([
          ["light", 820],
          ["light", 1360],
        ] as const)
      : []),
  ] as const)(
    "axe finds nothing in the %s theme at %i pixels, empty and with uploads",
    async (...view) => {
      const [colorScheme, width] = view;
      const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
      await page.goto(`${service.address}/#token=${service.token}`);
      await page.getByText("Up to 10 MiB").waitFor();
      expect(await findingsIn(page)).toEqual([]);
      await page.evaluate(() => {
        const clipboardData = new DataTransfer();
        clipboardData.items.add(new File(["hello"], "a.txt", { type: "text/plain" }));
        clipboardData.items.add(new File(["<p>"], "b.html", { type: "text/html" }));
        document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
      });
      await page.locator(".card[data-state=done]").waitFor();
      await page.locator(".card[data-state=failed]").waitFor();
      await page.locator(".card[data-state=done] summary").click();
      await page.locator("#code summary").click();
      expect(await findingsIn(page)).toEqual([]);
      await page.close();
    },
  );

  it("files are chosen, and requests opened, by the keyboard alone", async () => {
    const page = await browser.newPage();
    // Before the page is there, or the browser could be asked too late to tell.
    const chooser = page.waitForEvent("filechooser");
    await page.goto(`${service.address}/#token=${service.token}`);
    await page.locator("#drop").focus();
    await page.keyboard.press("Enter");
    const file = { name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("hello") };
    await (await chooser).setFiles([file]);
    await page.getByRole("link", { name: "Open a.txt" }).waitFor();
    await page.locator(".card summary").focus();
    await page.keyboard.press("Enter");
    expect(await page.getByRole("button", { name: "Copy the PUT request" }).isVisible()).toBe(true);
    await page.close();
  });
});
