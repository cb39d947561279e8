import type { Answer } from "./send.ts";

/** Headers that a client adds to a PUT without a signature, and the servers that obey them. */
export type Row = readonly [headers: Readonly<Record<string, string>>, servers: string];

const copySource = (vendor: string, servers: string): Row => [
  { [`x-${vendor}-copy-source`]: "/BUCKET/OTHER" },
  servers,
];
const acl = (name: string, servers: string): Row => [{ [name]: "public-read" }, servers];
const CALL = Buffer.from('{"callbackUrl":"http://127.0.0.1:9","callbackBody":"a"}').toString(
  "base64",
);
const EVERYBODY = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"';

/**
 * Every header by which a known server does something else than store the body, by what it does;
 * docs/decisions/unsigned-headers.md has the sources. BUCKET stands for the bucket, OTHER for the key
 * of another file, NEW for a key without one, SECONDS and INSTANT for a moment from now.
 */
export const UNSIGNED_HEADERS = {
  "writes under another key": [
    [{ "x-amz-meta-snowball-auto-extract": "true" }, "Amazon Snowball, MinIO, RustFS"],
    [{ "x-amz-rename-source": "/BUCKET/OTHER" }, "Amazon directory buckets, SeaweedFS"],
    [
      { "pic-operations": '{"rules":[{"fileid":"/NEW","rule":"imageMogr2/strip"}]}' },
      "Tencent COS",
    ],
    [{ "x-oss-callback": CALL }, "Alibaba OSS, which calls the address"],
    [{ "x-cos-callback": CALL }, "Tencent COS"],
    [{ "x-obs-callback": CALL }, "Huawei OBS"],
  ],
  "stores other bytes": [
    copySource("amz", "Amazon S3, MinIO, Ceph"),
    copySource("goog", "Google Cloud Storage"),
    copySource("oss", "Alibaba OSS"),
    copySource("cos", "Tencent COS"),
    copySource("obs", "Huawei OBS"),
    copySource("bce", "Baidu BOS"),
    copySource("tos", "Volcengine TOS"),
    copySource("kss", "Kingsoft KS3"),
    [{ "x-amz-write-offset-bytes": "SIZE" }, "Amazon directory buckets, which append"],
    [{ "x-oss-symlink-target": "OTHER" }, "Alibaba OSS"],
    [{ "x-bce-symlink-target": "OTHER" }, "Baidu BOS"],
    [{ "x-copy-from": "/BUCKET/OTHER" }, "OpenStack Swift, Ceph"],
    [{ "x-symlink-target": "BUCKET/OTHER" }, "OpenStack Swift"],
    [{ "x-object-manifest": "BUCKET/OTHER" }, "OpenStack Swift, Ceph"],
    [{ "x-minio-replication-server-side-encryption-sealed-key": "AAAA" }, "MinIO, RustFS"],
  ],
  "lets others read the file": [
    acl("x-amz-acl", "Amazon S3, Ceph"),
    [{ "x-amz-grant-read": EVERYBODY }, "Amazon S3, Ceph"],
    [{ "x-amz-grant-full-control": EVERYBODY }, "Amazon S3, Ceph"],
    acl("x-goog-acl", "Google Cloud Storage"),
    acl("x-oss-object-acl", "Alibaba OSS"),
    acl("x-cos-acl", "Tencent COS"),
    acl("x-obs-acl", "Huawei OBS"),
    acl("x-bce-acl", "Baidu BOS"),
    acl("x-tos-acl", "Volcengine TOS"),
    acl("x-kss-acl", "Kingsoft KS3"),
  ],
  "removes the file, or changes what a rule or confirm knows it by": [
    [{ "x-amz-tagging": "valetkey=pending" }, "Amazon S3, MinIO, Ceph"],
    [{ "x-minio-source-mtime": "2001-01-01T00:00:00Z" }, "MinIO, RustFS"],
    [{ "x-minio-source-mtime": "2099-01-01T00:00:00Z" }, "MinIO, RustFS"],
    [{ "x-minio-source-etag": "0123456789abcdef0123456789abcdef" }, "MinIO, RustFS"],
    [{ "x-rustfs-source-mtime": "2001-01-01T00:00:00Z" }, "RustFS"],
    [{ "x-rustfs-source-etag": "0123456789abcdef0123456789abcdef" }, "RustFS"],
    [{ "x-amz-meta-mtime": "978307200" }, "rclone"],
    [{ "x-http-method-override": "DELETE" }, "gateways of no known name"],
    [{ "x-obs-expires": "1" }, "Huawei OBS"],
    [{ "x-amz-meta-object-expires": "+1s" }, "Storj"],
    [{ "x-delete-after": "2" }, "OpenStack Swift"],
    [{ "x-delete-at": "SECONDS" }, "OpenStack Swift"],
  ],
  "locks, moves or encrypts the file": [
    [{ "x-amz-storage-class": "REDUCED_REDUNDANCY" }, "Amazon S3, MinIO"],
    [{ "x-amz-storage-class": "GLACIER" }, "Amazon S3, Ceph where it has such a class"],
    [{ "x-goog-storage-class": "ARCHIVE" }, "Google Cloud Storage"],
    [{ "x-amz-website-redirect-location": "/elsewhere" }, "Amazon S3, Ceph"],
    [
      {
        "x-amz-server-side-encryption-aws-kms-key-id": "a",
        "x-amz-server-side-encryption": "aws:kms",
      },
      "Amazon S3, MinIO",
    ],
    [
      {
        "x-amz-object-lock-mode": "GOVERNANCE",
        "x-amz-object-lock-retain-until-date": "INSTANT",
      },
      "Amazon S3, MinIO, Ceph",
    ],
    [
      {
        "x-amz-server-side-encryption-customer-algorithm": "AES256",
        "x-amz-server-side-encryption-customer-key": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        "x-amz-server-side-encryption-customer-key-md5": "y4HAEFCYWuvAXWFTtA1Qpg==",
      },
      "Amazon S3, MinIO, Ceph",
    ],
  ],
  "comes with a download": [
    [{ "content-encoding": "gzip" }, "all"],
    [{ "cache-control": "public, max-age=31536000" }, "all"],
    [{ "content-disposition": "inline; filename=evil.html" }, "all"],
    [{ "content-language": "tlh" }, "all"],
    [{ expires: "Thu, 01 Dec 2033 16:00:00 GMT" }, "all"],
  ],
} as const satisfies Readonly<Record<string, ReadonlyArray<Row>>>;

/** What a header does. */
export type Harm = keyof typeof UNSIGNED_HEADERS;
export const HARMS = Object.keys(UNSIGNED_HEADERS) as ReadonlyArray<Harm>;

/** How long a file takes to be gone that is removed two seconds later, in milliseconds. */
export const REMOVAL = 3500;

/** Where the headers are tried. */
export interface Place {
  readonly bucket: string;
  readonly other: string;
  readonly content: Uint8Array;
}

/** A PUT with one of the headers, its values filled in, and the key that it would write besides. */
export function attemptWith<Key extends string>([template]: Row, place: Place, created: Key) {
  const now = Date.now();
  const values: Readonly<Record<string, string>> = {
    BUCKET: place.bucket,
    OTHER: place.other,
    NEW: created,
    SIZE: `${place.content.length}`,
    SECONDS: `${Math.ceil(now / 1000) + 1}`,
    INSTANT: new Date(now + 1500).toISOString(),
  };
  const headers = Object.fromEntries(
    Object.entries(template).map(([name, value]) => [
      name,
      value.replaceAll(/[A-Z]{3,}/g, (word) => values[word] ?? word),
    ]),
  );
  const [name = ""] = Object.keys(headers);
  const opening = BODIES[name]?.(created) ?? place.content;
  const padding = new Uint8Array(Math.max(place.content.length - opening.length, 0));
  return { name, headers, body: Buffer.concat([opening, padding]) };
}

/** What a header did to a file, as downloads before and after it show; undefined if nothing. */
export function effectOf(
  headers: Readonly<Record<string, string>>,
  before: Answer,
  after: Answer,
): string | undefined {
  if (after.status !== before.status) return `a download is answered with ${after.status}`;
  if (!after.body.equals(before.body)) return "a download has other bytes";
  const [earlier, later] = [before, after].map((answer) =>
    Date.parse(answer.headers["last-modified"] ?? ""),
  );
  if (Math.abs(Number(later) - Number(earlier)) > MINUTE) return "its time is another";
  const sent = Object.values(headers);
  const shown = Object.entries(after.headers).find(
    ([name, value]) =>
      !OF_THE_CLIENT.test(name) &&
      value !== before.headers[name] &&
      (name.startsWith("x-amz-tagging") || sent.includes(`${value}`.replaceAll('"', ""))),
  );
  return shown && `a download has ${shown[0]}: ${shown[1]}`;
}

const MINUTE = 60_000;
/** Metadata of one's own, which changes nothing about a download. */
const OF_THE_CLIENT = /^x-[a-z]+-meta-/;

const BODIES: Readonly<Record<string, (key: string) => Uint8Array>> = {
  // The name of an entry is a key, or the last part of one beside the archive.
  "x-amz-meta-snowball-auto-extract": (key) =>
    Buffer.concat([
      tarEntry(key),
      tarEntry(key.slice(key.lastIndexOf("/") + 1)),
      Buffer.alloc(1024),
    ]),
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
