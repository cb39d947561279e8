import { readFileSync, writeFileSync } from "node:fs";

/** Writes what a command has measured between its two marks in a page. */
export function writePart(file: string, command: string, text: string): void {
  const [begin, end] = [`<!-- Written by ${command} -->`, `<!-- End of ${command} -->`];
  const path = new URL(`../../${file}`, import.meta.url);
  const before = readFileSync(path, "utf8");
  const part = new RegExp(`${begin}.*${end}`, "s");
  if (!part.test(before)) throw new Error(`${file} has no place for what ${command} measured`);
  writeFileSync(
    path,
    before.replace(part, () => `${begin}\n\n${text}\n\n${end}`),
  );
}
