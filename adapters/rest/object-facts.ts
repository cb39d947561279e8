import type { ObjectFacts } from "../../application/ports/object-store.ts";
import type { ChecksumAlgorithm } from "../../domain/checksum.ts";

/** Headers of an object that change what a download does, and that nobody is granted to set. */
export const EXTRA_HEADERS = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "expires",
  "x-amz-website-redirect-location",
] as const;

/**
 * What the answer to a `HEAD` says of an object, in the headers of S3 or of Cloud Storage;
 * undefined where it is not the answer of a store.
 */
export function factsIn(headers: Headers): ObjectFacts | undefined {
  const length = headers.get("content-length");
  if (length === null || !/^\d+$/.test(length)) return undefined;
  const generation = headers.get("x-goog-generation") ?? undefined;
  const extras = EXTRA_HEADERS.flatMap((name) => {
    const value = headers.get(name);
    return value === null || (generation !== undefined && isMadeUp(name, value))
      ? []
      : [[name, value] as const];
  });
  return {
    size: Number(length),
    mediaType: headers.get("content-type") ?? "",
    etag: headers.get("etag") ?? "",
    checksums: checksumsIn(headers),
    extraHeaders: Object.fromEntries(extras),
    version: versionOf(headers.get("x-amz-version-id") ?? generation),
  };
}

/** What Cloud Storage answers of its own for objects of which nothing was said. */
const isMadeUp = (name: string, value: string) =>
  name === "expires" ||
  (name === "cache-control" && ["private, max-age=0", "public, max-age=3600"].includes(value));

/** A version that is one: the null version, of a bucket that keeps none, names whatever is there. */
export const versionOf = (version: string | undefined): string | undefined =>
  version === "null" ? undefined : version;

/** The values that are there. */
export const present = (
  values: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );

function checksumsIn(headers: Headers): ObjectFacts["checksums"] {
  const found: { [Algorithm in ChecksumAlgorithm]?: string } = {};
  for (const algorithm of ["sha256", "crc32c"] as const) {
    const value = headers.get(`x-amz-checksum-${algorithm}`);
    // Behind a hyphen there is the number of parts that it is a checksum of checksums of.
    if (value !== null && !value.includes("-")) found[algorithm] = value;
  }
  for (const item of headers.get("x-goog-hash")?.split(",") ?? []) {
    const [, algorithm, value] = /^\s*(crc32c|md5)=(\S+)\s*$/.exec(item) ?? [];
    if (algorithm !== undefined && value !== undefined) {
      found[algorithm as "crc32c" | "md5"] = value;
    }
  }
  return found;
}
