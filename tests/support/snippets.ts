import { readFileSync } from "node:fs";

/**
 * The files that a README shows: each fenced block with a name behind its language, as in
 * "```ts adapter.ts", by that name.
 */
export function snippetsOf(readme: string): ReadonlyMap<string, string> {
  const text = readFileSync(new URL(`../../${readme}`, import.meta.url), "utf8");
  return new Map(
    [...text.matchAll(/^```\w+ (\S+)\n(.*?)^```$/gms)].map(([, name = "", code = ""]) => [
      name,
      code,
    ]),
  );
}
