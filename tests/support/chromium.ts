import { type Browser, chromium } from "playwright-core";
import { whereIs } from "./on-path.ts";
import type { Found } from "./setup.ts";

/** The path of an installed Chromium: `TEST_CHROMIUM`, or the first of its names on the path. */
export function findChromium(): Found<string> {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const value = process.env["TEST_CHROMIUM"] || names.map((name) => whereIs(name)).find(Boolean);
  return { value, source: value ?? "apt-get install chromium" };
}

/** Starts a Chromium that asks nobody for anything by itself. */
export const launchChromium = (executablePath: string | undefined): Promise<Browser> =>
  chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
  });
