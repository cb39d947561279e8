import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import type { Found } from "./setup.ts";

/** The path of an installed Chromium: `TEST_CHROMIUM`, or the first of its names on the path. */
export function findChromium(): Found<string> {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const candidates = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  const value = [process.env["TEST_CHROMIUM"] ?? "", ...candidates].find(
    (path) => path && existsSync(path),
  );
  return { value, source: value ?? "apt-get install chromium" };
}

/** Starts a Chromium that asks nobody for anything by itself. */
export const launchChromium = (executablePath: string | undefined): Promise<Browser> =>
  chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
  });
