import type { ObjectFacts } from "../../../application/ports/object-store.ts";
import type { ChecksumAlgorithm } from "../../../domain/checksum.ts";
import { ANNOUNCEMENT, GCS_ANNOUNCEMENT, GCS_NAMES, NAMES } from "../signing/binding.ts";

/** Headers that are never granted: they change a download, or expire the object. */
const EXTRA_HEADERS: ReadonlySet<string> = new Set([
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "expires",
  "x-amz-website-redirect-location",
  "x-delete-at",
]);

/**
 * Returns the facts in the headers of an answer to `HEAD`, of S3 or Cloud Storage; undefined if the
 * answer is not from a store. `reports` lists the checksums of a PUT that the store would report.
 */
export function factsIn(
  headers: Headers,
  reports?: ReadonlyArray<ChecksumAlgorithm>,
): ObjectFacts | undefined {
  const length = headers.get("content-length");
  const etag = headers.get("etag");
  if (length === null || !/^\d{1,15}$/.test(length) || etag === null) return undefined;
  const generation = headers.get("x-goog-generation") ?? undefined;
  const version = headers.get("x-amz-version-id") ?? generation;
  const extras = [...headers].filter(
    ([name, value]) =>
      EXTRA_HEADERS.has(name) && (generation === undefined || !isGenerated(name, value)),
  );
  return {
    size: Number(length),
    contentType: headers.get("content-type") ?? "",
    etag,
    checksums: checksumsIn(headers),
    ...(reports && { reports }),
    extraHeaders: Object.fromEntries(extras),
    announcement: headers.get(ANNOUNCEMENT) ?? headers.get(GCS_ANNOUNCEMENT) ?? undefined,
    names: headers.get(NAMES) ?? headers.get(`x-goog-meta-${GCS_NAMES}`) ?? undefined,
    // The null version, of a bucket without versions, names any object that is there.
    version: version === "null" ? undefined : version,
    ...timesIn(headers),
  };
}

/** Reads the time at which an object was written, and how long before the answer that was. */
export function timesIn(headers: Headers): Pick<ObjectFacts, "age" | "storedAt"> {
  const storedAt = Date.parse(headers.get("last-modified") ?? "");
  const age = Date.parse(headers.get("date") ?? "") - storedAt;
  return Number.isNaN(age) ? {} : { age, storedAt };
}

const isGenerated = (name: string, value: string) =>
  name === "expires" ||
  (name === "cache-control" && ["private, max-age=0", "public, max-age=3600"].includes(value));

function checksumsIn(headers: Headers): ObjectFacts["checksums"] {
  const checksums: { [Algorithm in ChecksumAlgorithm]?: string } = {};
  for (const algorithm of ["sha256", "crc32c"] as const) {
    const value = headers.get(`x-amz-checksum-${algorithm}`);
    // A checksum of the checksums of parts ends with a hyphen and the number of parts.
    if (value !== null && !value.includes("-")) checksums[algorithm] = value;
  }
  for (const item of headers.get("x-goog-hash")?.split(",") ?? []) {
    const [, algorithm, value] = /^\s*(crc32c|md5)=(\S+)\s*$/.exec(item) ?? [];
    if (algorithm !== undefined && value !== undefined) {
      checksums[algorithm as "crc32c" | "md5"] = value;
    }
  }
  // The ETag is the MD5 after one PUT, unless a key of AWS KMS encrypts the object: "Object",
  // Amazon S3 API Reference. After a multipart upload it has a hyphen.
  const [, hex] = /^"?([0-9a-f]{32})"?$/.exec(headers.get("etag") ?? "") ?? [];
  const encryption = headers.get("x-amz-server-side-encryption") ?? "AES256";
  if (hex !== undefined && encryption === "AES256") {
    checksums.md5 ??= Buffer.from(hex, "hex").toString("base64");
  }
  return checksums;
}
