import { hash } from "node:crypto";

/** A name with its value. */
export type Pair = readonly [name: string, value: string];

/** A signature algorithm: its name on the wire, and how it signs within a scope. */
export interface Algorithm<in Secret> {
  readonly name: string;
  /** The prefix of its query parameters. */
  readonly prefix: "X-Amz-" | "X-Goog-";
  /** Returns the scope of a signature for this day (`YYYYMMDD`, UTC) and region. */
  readonly scope: (day: string, region: string) => string;
  /** Derives the key for a secret and scope; the returned function signs in hexadecimal. */
  readonly signer: (
    secret: Secret,
    day: string,
    region: string,
  ) => (stringToSign: string) => string;
}

/**
 * Builds the canonical request. The payload is not signed, as in every presigned URL, unless a
 * signed header has its hash. Sources: "Authenticating Requests: Using Query Parameters (AWS
 * Signature Version 4)", Amazon S3 API Reference; "Canonical requests" and "V4 signing process with
 * your own program", Cloud Storage documentation. The two differ only in names.
 */
export function canonicalRequest(parts: {
  readonly method: string;
  /** Percent-encoded, with its leading slash. */
  readonly path: string;
  /** Encoded and sorted. */
  readonly query: string;
  /** Lower-case names in ascending order. */
  readonly headers: ReadonlyArray<Pair>;
  /** The lines of absent headers before each header, and after the last one. */
  readonly gaps?: ReadonlyArray<string>;
  readonly signedHeaders: string;
}): string {
  const { gaps = [] } = parts;
  let headers = "";
  let payload = "UNSIGNED-PAYLOAD";
  let index = 0;
  for (const [name, value] of parts.headers) {
    headers += `${gaps[index++] ?? ""}${name}:${foldWhiteSpace(value)}\n`;
    if (PAYLOAD_HASH.has(name)) payload = value;
  }
  headers += gaps[index] ?? "";
  return `${parts.method}\n${parts.path}\n${parts.query}\n${headers}\n${parts.signedHeaders}\n${payload}`;
}

export function stringToSign(input: {
  readonly algorithm: Pick<Algorithm<never>, "name">;
  /** `YYYYMMDDTHHMMSSZ`. */
  readonly timestamp: string;
  readonly scope: string;
  readonly canonicalRequest: string;
}): string {
  return `${input.algorithm.name}\n${input.timestamp}\n${input.scope}\n${hash("sha256", input.canonicalRequest, "hex")}`;
}

export function signedHeaders(headers: ReadonlyArray<Pair>): string {
  let names = "";
  for (const [name] of headers) names += names === "" ? name : `;${name}`;
  return names;
}

const PAYLOAD_HASH: ReadonlySet<string> = new Set([
  "x-amz-content-sha256",
  "x-goog-content-sha256",
]);

/** Folds only spaces and tabs: stores leave other white space as it is. */
function foldWhiteSpace(value: string): string {
  if (!WHITE_SPACE.test(value)) return value;
  const folded = value.replaceAll(RUNS, " ");
  return folded.slice(folded.startsWith(" ") ? 1 : 0, folded.endsWith(" ") ? -1 : undefined);
}

const WHITE_SPACE = /[\t ]/;
const RUNS = /[\t ]+/g;

/** Encodes by RFC 3986, section 2.3. Throws a `URIError` on text that is not well-formed. */
export function encodeComponent(text: string): string {
  if (UNRESERVED.test(text)) return text;
  const encoded = encodeURIComponent(text);
  // Tested first, since a replacement without a match costs more.
  return LEFT_AS_IS.test(encoded) ? encoded.replace(EACH_LEFT_AS_IS, inPercent) : encoded;
}

/** Encodes a key. Empty, `.` and `..` segments stay: to S3 they are part of the name. */
export function encodeKey(key: string): string {
  if (UNRESERVED_PATH.test(key)) return key;
  return key.split("/").map(encodeComponent).join("/");
}

const inPercent = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;

const UNRESERVED = /^[A-Za-z0-9\-._~]*$/;
const LEFT_AS_IS = /[!'()*]/;
const EACH_LEFT_AS_IS = /[!'()*]/g;
const UNRESERVED_PATH = /^[A-Za-z0-9\-._~/]*$/;
