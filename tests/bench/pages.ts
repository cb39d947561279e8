import { readFileSync, writeFileSync } from "node:fs";

/** Writes what a command has measured between its two marks in a page. */
export const writePart = (file: string, command: string, text: string): void => {
  const [begin, end] = [`<!-- Written by ${command} -->`, `<!-- End of ${command} -->`];
  rewrite(file, new RegExp(`${begin}.*${end}`, "s"), `${begin}\n\n${text}\n\n${end}`);
};

/** Replaces what stands in a file of the repository. */
export function rewrite(file: string, what: RegExp, text: string): void {
  const path = new URL(`../../${file}`, import.meta.url);
  const before = readFileSync(path, "utf8");
  if (!what.test(before)) throw new Error(`${file} has no place for what was measured: ${what}`);
  writeFileSync(
    path,
    before.replace(what, () => text),
  );
}
