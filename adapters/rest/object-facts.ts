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

/** What the answer to a `HEAD` says of an object, in the headers of S3 or of Cloud Storage. */
export function factsIn(headers: Headers): ObjectFacts {
  const get = (name: string) => headers.get(name) ?? undefined;
  const extras = EXTRA_HEADERS.flatMap((name) => {
    const value = headers.get(name);
    return value === null || (name === "cache-control" && value === DEFAULT_OF_GOOGLE)
      ? []
      : [[name, value] as const];
  });
  const version = get("x-amz-version-id") ?? get("x-goog-generation");
  return {
    size: Number(headers.get("content-length")),
    mediaType: get("content-type") ?? "",
    etag: get("etag") ?? "",
    checksums: checksumsIn(headers),
    extraHeaders: Object.fromEntries(extras),
    version: version === "null" ? undefined : version,
  };
}

/** The values that are there. */
export const present = (
  values: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );

/** What Cloud Storage answers for objects of which nothing else was said. */
const DEFAULT_OF_GOOGLE = "private, max-age=0";

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
