import { hash } from "node:crypto";

/** A name with its value. */
export type Pair = readonly [name: string, value: string];

/** What the signature covers, in the parts that the algorithm names. */
export interface CanonicalParts {
  readonly method: string;
  /** Percent-encoded, with its leading slash. */
  readonly path: string;
  /** Encoded and sorted: see `canonicalQuery`. */
  readonly query: string;
  /** Lower-case names in ascending order. */
  readonly headers: ReadonlyArray<Pair>;
  /** Their names: see `signedHeaders`. */
  readonly signedHeaders: string;
}

/** A signature algorithm: its name on the wire, and how it signs within a scope. */
export interface Algorithm<in Secret> {
  readonly name: string;
  /** What the names of its query parameters begin with. */
  readonly prefix: "X-Amz-" | "X-Goog-";
  /** The scope that a signature of this day (`YYYYMMDD`, UTC) and region is good for. */
  readonly scope: (day: string, region: string) => string;
  /** Derives what is needed once per secret and scope; the answer signs in hexadecimal. */
  readonly signer: (
    secret: Secret,
    day: string,
    region: string,
  ) => (stringToSign: string) => string;
}

/**
 * The request in the one form that signer and store both derive from it. The payload is left
 * open, as in every signed URL, unless a signed header gives its hash.
 *
 * Source of this and the next two: "Authenticating Requests: Using Query Parameters (AWS
 * Signature Version 4)", Amazon S3 API Reference; "Canonical requests" and "V4 signing process
 * with your own program", Cloud Storage documentation. The two agree but for names.
 */
export function canonicalRequest(parts: CanonicalParts): string {
  let headers = "";
  let payload = "UNSIGNED-PAYLOAD";
  for (const [name, value] of parts.headers) {
    headers += `${name}:${foldWhiteSpace(value)}\n`;
    if (name.endsWith("-content-sha256")) payload = value;
  }
  return `${parts.method}\n${parts.path}\n${parts.query}\n${headers}\n${parts.signedHeaders}\n${payload}`;
}

/** What is signed: algorithm, instant (`YYYYMMDDTHHMMSSZ`), scope and the hash of the request. */
export function stringToSign(input: {
  readonly algorithm: Pick<Algorithm<never>, "name">;
  readonly timestamp: string;
  readonly scope: string;
  readonly canonicalRequest: string;
}): string {
  return `${input.algorithm.name}\n${input.timestamp}\n${input.scope}\n${hash("sha256", input.canonicalRequest, "hex")}`;
}

/** The names of signed headers as they stand in the canonical request; `%3B` is for the query. */
export function signedHeaders(headers: ReadonlyArray<Pair>, separator: ";" | "%3B" = ";"): string {
  let names = "";
  for (const [name] of headers) names += names === "" ? name : separator + name;
  return names;
}

function foldWhiteSpace(value: string): string {
  return /\s/.test(value) ? value.trim().replace(/\s+/g, " ") : value;
}
