import { writeFileSync } from "node:fs";
import { findChromium, launchChromium } from "./chromium.ts";
import { startProcess } from "./service-process.ts";

// `npm run generate -- picture`: takes the README's picture of the page after an upload to a service that
// runs.

const PICTURE = new URL("../../docs/images/page.png", import.meta.url);

const service = await startProcess({}, () => ["node", "deploy/node.ts"]);
const browser = await launchChromium(findChromium().value);
try {
  const page = await browser.newPage({
    viewport: { width: 1000, height: 480 },
    reducedMotion: "reduce",
  });
  await page.goto(`${service.address}/#token=${service.token}`);
  await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(640, 240);
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("there is no canvas");
    const sky = context.createLinearGradient(0, 0, 0, 240);
    sky.addColorStop(0, "#24507a");
    sky.addColorStop(1, "#f2b880");
    context.fillStyle = sky;
    context.fillRect(0, 0, 640, 240);
    context.fillStyle = "#1d2b3a";
    for (const [x, y] of [
      [0, 90],
      [200, 60],
      [420, 100],
    ] as const) {
      context.beginPath();
      context.moveTo(x - 160, 240);
      context.lineTo(x + 80, y);
      context.lineTo(x + 320, 240);
      context.fill();
    }
    const picture = await canvas.convertToBlob({ type: "image/png" });
    const data = new DataTransfer();
    data.items.add(new File(["<p>"], "page.html", { type: "text/html" }));
    data.items.add(new File([picture], "mountains.png", { type: "image/png" }));
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
  });
  await page.locator("#list .card[data-state=done]").waitFor();
  await page.waitForLoadState("networkidle");
  // Below the header.
  await page.evaluate(() => scrollTo(0, (document.querySelector("main")?.offsetTop ?? 0) - 32));
  writeFileSync(PICTURE, await page.screenshot());
} finally {
  await browser.close();
  await service.stop();
}
