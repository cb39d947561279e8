import { basename } from "node:path/posix";
import type { RawAnswer } from "../sending/send.ts";

export type Row = Readonly<Record<string, string>>;

const each = (names: ReadonlyArray<string>, value: string): ReadonlyArray<Row> =>
  names.map((name) => ({ [name]: value }));

const CALL = btoa('{"callbackUrl":"http://127.0.0.1:9","callbackBody":"a"}');
const EVERYBODY = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"';
const ETAG = "0123456789abcdef0123456789abcdef";
const PAST = "2001-01-01T00:00:00Z";

/**
 * Every header by which a known server does something else than store the body, by its effect;
 * docs/internals/unsigned-headers.md has the servers and the sources. BUCKET stands for the bucket,
 * OTHER for the key of another file, READABLE for a URL that reads it, NEW for a key without one,
 * SECONDS and INSTANT for a moment from now.
 */
export const UNSIGNED_HEADERS = {
  "writes under another key": [
    { "x-amz-meta-snowball-auto-extract": "true" },
    { "x-amz-rename-source": "/BUCKET/OTHER" },
    { "pic-operations": '{"rules":[{"fileid":"/NEW","rule":"imageMogr2/strip"}]}' },
    ...each(["x-oss-callback", "x-cos-callback", "x-obs-callback"], CALL),
  ],
  "stores other bytes": [
    ...["amz", "goog", "oss", "cos", "obs", "bce", "tos", "kss"].map((vendor) => ({
      [`x-${vendor}-copy-source`]: "/BUCKET/OTHER",
    })),
    { "x-amz-write-offset-bytes": "SIZE" },
    ...each(["x-oss-symlink-target", "x-bce-symlink-target"], "OTHER"),
    { "x-copy-from": "/BUCKET/OTHER" },
    ...each(["x-symlink-target", "x-object-manifest"], "BUCKET/OTHER"),
    { "x-minio-replication-server-side-encryption-sealed-key": "AAAA" },
    { "x-ms-copy-source": "READABLE", "x-ms-blob-type": "" },
    { "x-ms-blob-type": "AppendBlob" },
    { "x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": "1099511627776" },
  ],
  "lets others read the file": [
    { "x-amz-acl": "public-read" },
    ...each(
      ["full-control", "read", "read-acp", "write", "write-acp"].map(
        (right) => `x-amz-grant-${right}`,
      ),
      EVERYBODY,
    ),
    ...each(["x-goog-acl", "x-oss-object-acl", "x-cos-acl", "x-obs-acl"], "public-read"),
    ...each(["x-bce-acl", "x-tos-acl", "x-kss-acl"], "public-read"),
  ],
  "removes the file, or changes what a rule or confirm knows it by": [
    { "x-amz-tagging": "a=b" },
    { "x-minio-source-mtime": PAST },
    { "x-minio-source-mtime": "2099-01-01T00:00:00Z" },
    { "x-minio-source-etag": ETAG },
    { "x-rustfs-source-mtime": PAST },
    { "x-rustfs-source-etag": ETAG },
    { "x-amz-meta-mtime": "978307200" },
    { "x-http-method-override": "DELETE" },
    { "x-obs-expires": "1" },
    { "x-amz-meta-object-expires": "+1s" },
    { "x-delete-after": "2" },
    { "x-delete-at": "SECONDS" },
    { "x-ms-tags": "a=b" },
    { "x-ms-meta-hdi_isfolder": "true" },
    { "x-ms-expiry-option": "RelativeToNow", "x-ms-expiry-time": "1000" },
  ],
  "locks, moves or encrypts the file": [
    { "x-amz-storage-class": "REDUCED_REDUNDANCY" },
    { "x-amz-storage-class": "GLACIER" },
    { "x-goog-storage-class": "ARCHIVE" },
    { "x-ms-access-tier": "Archive" },
    { "x-ms-encryption-scope": "other" },
    { "x-ms-legal-hold": "true" },
    {
      "x-ms-immutability-policy-mode": "Unlocked",
      "x-ms-immutability-policy-until-date": "Thu, 01 Dec 2033 16:00:00 GMT",
    },
    {
      "x-ms-encryption-key": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
      "x-ms-encryption-key-sha256": "S7Bvjk46dxXSAdVz0KpCN2LlXavWGiwCJ4+lbMbSlOA=",
      "x-ms-encryption-algorithm": "AES256",
    },
    { "x-amz-website-redirect-location": "/elsewhere" },
    {
      "x-amz-server-side-encryption-aws-kms-key-id": "a",
      "x-amz-server-side-encryption": "aws:kms",
    },
    {
      "x-amz-object-lock-mode": "GOVERNANCE",
      "x-amz-object-lock-retain-until-date": "INSTANT",
    },
    {
      "x-amz-server-side-encryption-customer-algorithm": "AES256",
      "x-amz-server-side-encryption-customer-key": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
      "x-amz-server-side-encryption-customer-key-md5": "y4HAEFCYWuvAXWFTtA1Qpg==",
    },
  ],
  "comes with a download": [
    { "content-encoding": "gzip" },
    { "cache-control": "public, max-age=31536000" },
    { "content-disposition": "inline; filename=evil.html" },
    { "content-language": "tlh" },
    { expires: "Thu, 01 Dec 2033 16:00:00 GMT" },
    { "x-ms-blob-content-type": "text/html" },
    { "x-ms-blob-content-encoding": "gzip" },
    { "x-ms-blob-cache-control": "public, max-age=31536000" },
    { "x-ms-blob-content-disposition": "inline; filename=evil.html" },
    { "x-ms-blob-content-language": "tlh" },
  ],
} as const satisfies Readonly<Record<string, ReadonlyArray<Row>>>;

export type Harm = keyof typeof UNSIGNED_HEADERS;
export const HARMS = Object.keys(UNSIGNED_HEADERS) as ReadonlyArray<Harm>;

/** Milliseconds until a file is gone that is removed after two seconds. */
export const REMOVAL = 3500;

/** The bucket in which the headers are tried, another file in it, and the body. */
export interface Place {
  readonly bucket: string;
  readonly other: string;
  readonly readable?: string;
  readonly content: Uint8Array;
}

/** A PUT with one of the headers, its values filled in, and the key that it would write besides. */
export function attemptWith(template: Row, place: Place, created: string) {
  const now = Date.now();
  const values: Readonly<Record<string, string>> = {
    BUCKET: place.bucket,
    OTHER: place.other,
    READABLE: place.readable ?? "",
    NEW: created,
    SIZE: `${place.content.length}`,
    SECONDS: `${Math.ceil(now / 1000) + 1}`,
    INSTANT: new Date(now + 1500).toISOString(),
  };
  const filled = (text: string) => text.replaceAll(/[A-Z]{3,}/g, (word) => values[word] ?? word);
  const headers = Object.fromEntries(
    Object.entries(template).map(([name, value]) => [name, filled(value)]),
  );
  const [name = ""] = Object.keys(headers);
  const opening = BODIES[name]?.(created) ?? place.content;
  const padding = new Uint8Array(Math.max(place.content.length - opening.length, 0));
  return { name, headers, body: Buffer.concat([opening, padding]) };
}

/** True if a header does something to bodies of one kind alone. */
export const hasOwnBody = (row: Row): boolean =>
  Object.keys(row).some((name) => Object.hasOwn(BODIES, name));

/** Describes what a header did to a file, from downloads before and after it; undefined if nothing. */
export function findEffect(headers: Row, before: RawAnswer, after: RawAnswer): string | undefined {
  if (after.status !== before.status) return `a download is answered with ${after.status}`;
  if (!after.body.equals(before.body)) return "a download has other bytes";
  // However long the requests in between took, it is not of before them, nor to come.
  const [former, now] = [lastModified(before), Date.parse(after.headers.date ?? "")];
  const time = lastModified(after);
  if (time < former - MINUTE || time > (now || former) + MINUTE) return "its time is another";
  const sent = Object.values(headers);
  const shown = Object.entries(after.headers).find(
    ([name, value]) =>
      !CLIENT_METADATA.test(name) &&
      value !== before.headers[name] &&
      (name.startsWith("x-amz-tagging") || sent.includes(`${value}`.replaceAll('"', ""))),
  );
  return shown && `a download has ${shown[0]}: ${shown[1]}`;
}

const MINUTE = 60_000;
const lastModified = ({ headers }: RawAnswer) => Date.parse(headers["last-modified"] ?? "");

/** Metadata of one's own, which changes nothing about a download. */
const CLIENT_METADATA = /^x-[a-z]+-meta-/;

const BODIES: Readonly<Record<string, (key: string) => Uint8Array>> = {
  // The name of an entry is a key, or the last part of one beside the archive.
  "x-amz-meta-snowball-auto-extract": (key) =>
    Buffer.concat([tarEntry(key), tarEntry(basename(key)), Buffer.alloc(1024)]),
  "pic-operations": () =>
    Buffer.from(
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=",
      "base64",
    ),
};

/** An entry of a tar archive (POSIX ustar) that holds its own name. */
function tarEntry(name: string): Uint8Array {
  const entry = Buffer.alloc(1024);
  entry.write(name, 0);
  entry.write("0000644", 100);
  entry.write(name.length.toString(8).padStart(11, "0"), 124);
  entry.write("00000000000", 136);
  entry.write("        0", 148);
  entry.write("ustar\u000000", 257);
  const sum = entry.reduce((total, byte) => total + byte, 0);
  entry.write(`${sum.toString(8).padStart(6, "0")}\0`, 148);
  entry.write(name, 512);
  return entry;
}
