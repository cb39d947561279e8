import { type Browser, chromium } from "playwright-core";
import { whereIs } from "./on-path.ts";
import type { Found } from "./setup.ts";

/** The path of an installed Chromium: `TEST_CHROMIUM`, or the first of its names on the path. */
export function findChromium(): Found<string> {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const value = process.env["TEST_CHROMIUM"] || names.map((name) => whereIs(name)).find(Boolean);
  return { value, source: value ?? "apt-get install chromium" };
}

/** In milliseconds: a busy machine takes its time. */
const LONGEST_WAIT = 300_000;

/** Starts a Chromium that asks nobody for anything by itself. */
export async function launchChromium(executablePath: string | undefined): Promise<Browser> {
  const browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
  });
  return browser.on("context", (context) => context.setDefaultTimeout(LONGEST_WAIT));
}
