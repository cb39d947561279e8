// A part of the double of R2 in r2-double.ts: what a request is, and whether it was signed.
import { S3Client } from "@aws-sdk/client-s3";
import { SignatureV4 } from "@smithy/signature-v4";

/** A promise that the double can break. */
export type R2Promise =
  | "if-none-match on put"
  | "if-none-match on complete"
  | "copy-source-if-match"
  | "crc32c";

export interface R2Options {
  readonly without?: R2Promise;
  /**
   * Where others saw it do otherwise than its page says, it does as they saw: it keeps conditions on
   * the source of a part (github.com/vdavid/cmdr, 2026-10-02), and does not implement SHA-1 and
   * SHA-256 of a part (github.com/Alos-no/Cloudflare.NET, 2026-08-24).
   */
  readonly asSeen?: boolean;
  /** Refuses a PUT and a completion under `If-None-Match` with 501, as Backblaze B2 was seen to do. */
  readonly refusesConditions?: boolean;
}

export const R2_KEY = { accessKey: "key-of-the-r2-double", secretKey: "secret-of-the-r2-double" };

export interface Stored {
  readonly body: Buffer;
  readonly etag: string;
  readonly modified: Date;
  readonly headers: Readonly<Record<string, string>>;
  readonly checksums: Readonly<Record<string, string>>;
}
export type Part = Omit<Stored, "headers">;
export interface Upload extends Pick<Stored, "headers"> {
  readonly key: string;
  readonly initiated: Date;
  readonly parts: Map<number, Part>;
}
export interface Bucket {
  readonly objects: Map<string, Stored>;
  readonly uploads: Map<string, Upload>;
  /** Its CORS and lifecycle documents. */
  readonly documents: Map<string, string>;
}
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: Buffer | string;
}
export interface World extends R2Options {
  readonly buckets: Map<string, Bucket>;
}
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly world: World;
  readonly keeps: (promise: R2Promise) => boolean;
}

/** An answer in the error form of S3. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message = code) {
    super(message);
    [this.status, this.code] = [status, code];
  }
}

export const notImplemented = (what: string) =>
  new Refusal(501, "NotImplemented", `${what} not implemented`);

/** Of a bucket: all three are the same ("Bucket region"). */
export const R2_REGIONS = new Set(["auto", "us-east-1", ""]);

/** "Authenticating Requests (AWS Signature Version 4)", as the SDK of Amazon computes it. */
export async function verify({ method, path, query, headers }: Asked): Promise<void> {
  const inQuery = query.has("X-Amz-Signature");
  const find = (name: string) => inAuthorization(headers, name);
  const given = (name: string) => (inQuery ? query.get(`X-Amz-${name}`) : find(name)) ?? "";
  const [id, day, region = "", service, end] = given("Credential").split("/");
  const date = (inQuery ? given("Date") : headers["x-amz-date"]) ?? "";
  if (id !== R2_KEY.accessKey || service !== "s3" || end !== "aws4_request") {
    throw new Refusal(401, "Unauthorized");
  }
  const signingDate = new Date(
    date.replace(/^(.{4})(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"),
  );
  const age = (Date.now() - signingDate.getTime()) / 1000;
  const lifetime = inQuery ? Number(given("Expires")) : 900;
  if (!(age < lifetime && age > -900 && lifetime <= 604_800)) {
    throw new Refusal(400, "ExpiredRequest");
  }
  const names = given("SignedHeaders").split(";");
  const isUnsigned = (name: string) => name.startsWith("x-amz-") && !names.includes(name);
  const signed = Object.fromEntries(names.map((name) => [name, headers[name] ?? ""]));
  const lacks = names.some((name) => headers[name] === undefined);
  if (lacks || !names.includes("host") || !date.startsWith(day ?? "-") || !R2_REGIONS.has(region)) {
    throw new Refusal(403, "SignatureDoesNotMatch");
  }
  if (Object.keys(headers).some(isUnsigned)) {
    throw new Refusal(403, "AccessDenied", "There were headers present which were not signed");
  }
  const signer = new SignatureV4({
    credentials: { accessKeyId: id, secretAccessKey: R2_KEY.secretKey },
    region,
    service,
    sha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
  const own = /^X-Amz-(?:Algorithm|Credential|Date|Expires|SignedHeaders|Signature)$/;
  const request = {
    method,
    protocol: "http:",
    hostname: "127.0.0.1",
    path,
    query: Object.fromEntries([...query].filter(([name]) => !own.test(name))),
    headers: signed,
    // Something whose hash is not computed.
    body: {},
  };
  const bound = new Set(names);
  const options = { signingDate, signableHeaders: bound };
  const inUrl = { ...options, expiresIn: lifetime, unhoistableHeaders: bound };
  const right = inQuery
    ? (await signer.presign(request, inUrl)).query?.["X-Amz-Signature"]
    : inAuthorization((await signer.sign(request, options)).headers, "Signature");
  if (right !== given("Signature")) {
    throw new Refusal(403, "SignatureDoesNotMatch");
  }
}

const inAuthorization = ({ authorization = "" }: Asked["headers"], name: string) =>
  new RegExp(`${name}=([^,\\s]+)`).exec(authorization)?.[1];

const { sha256 } = new S3Client({ region: "auto" }).config;

export const xml = (root: string, status = 200): Reply => ({
  status,
  headers: { "Content-Type": "application/xml" },
  body: `<?xml version="1.0" encoding="UTF-8"?>${root}`,
});
export const escape = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
export const element = (name: string, content: string) => `<${name}>${content}</${name}>`;
export const elements = (name: string, members: Readonly<Record<string, string>>) =>
  element(
    name,
    Object.entries(members)
      .map(([name, text]) => element(name, escape(text)))
      .join(""),
  );
export const textIn = (text: string, name: string) =>
  new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];

/** Those of one page, behind a mark, and whether there are more. */
export function page<A>(all: Iterable<A>, most: string | undefined, isAfter: (item: A) => boolean) {
  const rest = [...all].filter(isAfter);
  const items = rest.slice(0, Math.min(Number(most ?? 1000), 1000));
  return { items, isTruncated: element("IsTruncated", `${items.length < rest.length}`) };
}
