import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The path of an installed Chromium: `TEST_CHROMIUM`, or the first of its names on the path. */
export function findChromium(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const candidates = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [process.env["TEST_CHROMIUM"] ?? "", ...candidates].find(
    (path) => path && existsSync(path),
  );
}
