// What Google Cloud Storage's XML API checks of a V4 signed URL, as functions of the raw request.
// A part of the tests' double in store.ts: written from Google's documentation, not from
// our signer, whose words and helpers it does not share, so that one error cannot hide another.
import {
  constants,
  createHash,
  createHmac,
  type KeyObject,
  timingSafeEqual,
  verify,
} from "node:crypto";

/** A request as it was on the wire: each byte of the path and of a header is one character. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  /** By lower-case name, in the order sent. */
  readonly headers: ReadonlyMap<string, ReadonlyArray<string>>;
  /** By lower-case name, since X-Goog-Date and x-goog-date are the same parameter. */
  readonly query: ReadonlyMap<string, { readonly name: string; readonly value: string }>;
}

/** What may verify a signature: no key that could make an RSA one is among it. */
export interface VerifyingKeys {
  /** Public keys by service account. */
  readonly rsa: ReadonlyMap<string, KeyObject>;
  /** Secrets by access id. */
  readonly hmac: ReadonlyMap<string, string>;
}

/** An answer in the XML API's error form. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * Throws the refusal of a request that was not signed so. As is seen on the service, a URL
 * past its lifetime is refused as expired, with status 400, before its signature is looked at.
 * @see https://cloud.google.com/storage/docs/authentication/canonical-requests
 * @see https://cloud.google.com/storage/docs/authentication/signatures
 */
export function verifySignature(request: WireRequest, keys: VerifyingKeys, now: number): void {
  if (!request.query.has("x-goog-signature")) {
    throw new Refusal(403, "AccessDenied", "A request without a signature may do nothing here.");
  }
  const algorithm = required(request, "X-Goog-Algorithm", /^GOOG4-(?:RSA|HMAC)-SHA256$/)[0];
  const date = required(request, "X-Goog-Date", DATE);
  const [, authorizer = "", scope = "", day] = required(request, "X-Goog-Credential", CREDENTIAL);
  if (date[1] !== day) throw malformed("X-Goog-Credential", "It is of another day than the date.");
  const names = signedHeaderNames(request);
  checkLifetime(request, date, now);

  const signature = Buffer.from(required(request, "X-Goog-Signature", HEX)[0], "hex");
  // Google's clients document that a URL signed for GET also serves HEAD.
  const verbs = request.method === "HEAD" ? ["HEAD", "GET"] : [request.method];
  const verifies = verifier(keys, algorithm, authorizer, scope, signature);
  const isSigned = verbs.some((verb) => {
    const canonical = canonicalRequest(request, verb, names);
    const hash = createHash("sha256").update(canonical, "latin1").digest("hex");
    return verifies([algorithm, date[0], scope, hash].join("\n"));
  });
  if (!isSigned) {
    throw new Refusal(403, "SignatureDoesNotMatch", "This is not the signature of this request.");
  }
}

/** Takes a request apart without losing how it was written. */
export function readRequest(
  method: string,
  target: string,
  rawHeaders: ReadonlyArray<string>,
): WireRequest {
  const [, path = "", search = ""] = /^([^?]*)\??(.*)$/s.exec(target) ?? [];
  if (!path.startsWith("/")) throw new Refusal(400, "InvalidURI", "The target is not a path.");
  const query = new Map<string, { name: string; value: string }>();
  for (const pair of search.split("&").filter(Boolean)) {
    const [, name = "", value = ""] = /^([^=]*)=?(.*)$/s.exec(pair) ?? [];
    const parameter = { name: decode(name), value: decode(value) };
    const key = parameter.name.toLowerCase();
    if (query.has(key)) {
      throw new Refusal(400, "InvalidArgument", `The parameter ${parameter.name} is there twice.`);
    }
    query.set(key, parameter);
  }
  const headers = new Map<string, Array<string>>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), rawHeaders[at + 1] ?? ""]);
  }
  return { method, path, headers, query };
}

/** The error form of the XML API. */
export const toXml = ({ code, message }: Refusal): string =>
  `<?xml version='1.0' encoding='UTF-8'?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;

/** Undoes percent-encoding, and nothing else: a plus sign stays one. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal(400, "InvalidURI", "The URL's percent-encoding is not that of UTF-8 text.");
  }
}

const DATE = /^(\d{8})T(\d{6})Z$/;
/** Authorizer, scope, and the scope's day; any location will do. */
const CREDENTIAL = /^([^/]+)\/((\d{8})\/[^/]+\/storage\/goog4_request)$/;
const HEX = /^(?:[0-9a-f]{2})+$/i;
const LONGEST_SECONDS = 604_800;
const EARLY_MILLISECONDS = 15 * 60 * 1000;

function required(request: WireRequest, name: string, shape: RegExp): RegExpExecArray {
  const value = request.query.get(name.toLowerCase())?.value;
  if (value === undefined) {
    throw new Refusal(400, "MissingSecurityHeader", `A signed URL needs ${name}.`);
  }
  const match = shape.exec(value);
  if (match === null) throw malformed(name, "It is not of the documented shape.");
  return match;
}

function signedHeaderNames(request: WireRequest): ReadonlyArray<string> {
  const parameter = "X-Goog-SignedHeaders";
  const [list] = required(request, parameter, /^.+$/);
  const names = list.split(";");
  if (list !== [...new Set(names)].sort().join(";") || list !== list.toLowerCase()) {
    throw malformed(parameter, "Names are in lower case, sorted, and each there once.");
  }
  if (!names.includes("host")) throw malformed(parameter, "The host is always signed.");
  const absent = names.find((name) => !request.headers.has(name));
  if (absent !== undefined) throw malformed(absent, "It is signed, but not in the request.");
  const unsigned = [...request.headers.keys()].find(
    (name) => /^x-(?:goog|amz)-/.test(name) && !names.includes(name),
  );
  if (unsigned !== undefined) throw malformed(unsigned, "It is in the request, but not signed.");
  return names;
}

function checkLifetime(request: WireRequest, date: RegExpExecArray, now: number): void {
  const seconds = Number(required(request, "X-Goog-Expires", /^[1-9]\d{0,5}$/)[0]);
  if (seconds > LONGEST_SECONDS) throw malformed("X-Goog-Expires", "The longest is seven days.");
  const start = Date.parse(date[0].replace(/^(.{4})(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (Number.isNaN(start)) throw malformed("X-Goog-Date", "There is no such moment.");
  if (now < start - EARLY_MILLISECONDS) {
    throw new Refusal(403, "AccessDenied", "The signature is of the future.");
  }
  if (now >= start + seconds * 1000) {
    throw new Refusal(400, "ExpiredToken", "The signature is past its lifetime.");
  }
}

function canonicalRequest(
  request: WireRequest,
  verb: string,
  names: ReadonlyArray<string>,
): string {
  const parameters = [...request.query.entries()]
    .filter(([key]) => key !== "x-goog-signature")
    .map(([, { name, value }]) => ({ name: encode(name), value: encode(value) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return [
    verb,
    // What is encoded stays as it was sent; what should have been is encoded.
    request.path.replace(/[?=!#$&'()*+,:;@[\]"]/g, percent),
    parameters.map(({ name, value }) => `${name}=${value}`).join("&"),
    ...names.map((name) => `${name}:${canonicalValue(request, name)}`),
    "",
    names.join(";"),
    "UNSIGNED-PAYLOAD",
  ].join("\n");
}

/**
 * Values of one name joined by a comma alone, without white space around them. That runs of it
 * inside become one space is how Google's own conformance tests of signers have it.
 */
const canonicalValue = (request: WireRequest, name: string) =>
  (request.headers.get(name) ?? [])
    .map((value) => value.trim().replace(/[ \t\r\n]+/g, " "))
    .join(",");

const encode = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, percent);

const percent = (character: string) =>
  `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;

const verifier = (
  keys: VerifyingKeys,
  algorithm: string,
  authorizer: string,
  scope: string,
  signature: Buffer,
) =>
  algorithm === "GOOG4-RSA-SHA256"
    ? isRsaSignature(keys.rsa.get(authorizer), signature)
    : isHmacSignature(keys.hmac.get(authorizer), scope, signature);

const isRsaSignature = (key: KeyObject | undefined, signature: Buffer) => (toSign: string) =>
  key !== undefined &&
  verify("sha256", Buffer.from(toSign), { key, padding: constants.RSA_PKCS1_PADDING }, signature);

const isHmacSignature =
  (secret: string | undefined, scope: string, signature: Buffer) => (toSign: string) => {
    if (secret === undefined) return false;
    const signingKey = scope
      .split("/")
      .reduce((key, part) => hmac(key, part), Buffer.from(`GOOG4${secret}`));
    const expected = hmac(signingKey, toSign);
    return expected.length === signature.length && timingSafeEqual(expected, signature);
  };

const hmac = (key: Buffer, text: string) => createHmac("sha256", key).update(text).digest();

const malformed = (name: string, details: string) =>
  new Refusal(400, "MalformedSecurityHeader", `${name}: ${details}`);
