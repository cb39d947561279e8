import type { Answer } from "./cause.ts";

/** The headers that the store signed itself, where its answer shows them (Amazon, Ceph). */
export function canonicalOf({ text }: Answer): ReadonlyMap<string, string> | undefined {
  const [, after] = text.split("<CanonicalRequest>", 2);
  const lines = after?.split("</CanonicalRequest>", 1)[0]?.split("\n").slice(3);
  const end = lines?.indexOf("") ?? -1;
  return lines === undefined
    ? undefined
    : new Map(
        lines.slice(0, end === -1 ? undefined : end).map((line) => {
          const colon = line.indexOf(":");
          return [line.slice(0, colon), line.slice(colon + 1, colon + 101)];
        }),
      );
}
