// What Azure Blob Storage checks of a user-delegation SAS, as functions of the raw request. A part
// of the tests' double in store.ts: written from Microsoft's pages and the order in which their own
// client joins the fields (signature.test.ts compares both), not from our signer, whose words and
// helpers it does not share, so that one error cannot hide another.
import { createHmac } from "node:crypto";

/** A request as it was on the wire, its path and query decoded. */
export interface WireRequest {
  readonly method: string;
  readonly account: string;
  /** Empty for a request to the account. */
  readonly container: string;
  /** Empty for a request to a container. */
  readonly blob: string;
  /** By lower-case name; values of one name are joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
  readonly query: ReadonlyMap<string, string>;
  /** The address that it came from. */
  readonly ip: string;
}

/** An answer in the error form of the service. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** The error form of the service. */
export const toXml = ({ code, message }: Refusal): string =>
  `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;

/** Takes a request apart; every account is the first segment of the path, as in emulators. */
export function readRequest(
  method: string,
  target: string,
  rawHeaders: ReadonlyArray<string>,
  ip: string,
): WireRequest {
  const [, path = "", search = ""] = /^([^?]*)\??(.*)$/s.exec(target) ?? [];
  const [, account = "", container = "", blob = ""] =
    /^\/([^/]*)\/?([^/]*)\/?(.*)$/s.exec(path) ?? [];
  const query = new Map<string, string>();
  for (const pair of search.split("&").filter(Boolean)) {
    const [, name = "", value = ""] = /^([^=]*)=?(.*)$/s.exec(pair) ?? [];
    const key = decode(name).toLowerCase();
    if (query.has(key)) {
      throw new Refusal(400, "InvalidQueryParameterValue", `${key} is there twice.`);
    }
    query.set(key, decode(value));
  }
  const headers = new Map<string, string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase();
    const value = rawHeaders[at + 1] ?? "";
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return {
    method,
    account: decode(account),
    container: decode(container),
    blob: decode(blob),
    headers,
    query,
    ip: ip.replace("::ffff:", ""),
  };
}

/** The key of a delegation, in base64, by the fields that name it. */
export type KeyOf = (fields: KeyFields) => string;
export type KeyFields = Readonly<Record<"skoid" | "sktid" | "skt" | "ske" | "sks" | "skv", string>>;

/**
 * Throws the refusal of a request that was not signed so: another signature, or a header or
 * parameter that was signed and is missing or another.
 * @see https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas
 */
export function verifyDelegation(request: WireRequest, keyOf: KeyOf, now: number): void {
  const { query, headers } = request;
  for (const name of REQUIRED) {
    if (!query.get(name)) throw unauthenticated(`${name} is missing.`);
  }
  const field = (name: string) => query.get(name) ?? "";
  const missing = [
    ...listed(field("srh")).filter((name) => !headers.has(name.toLowerCase())),
    ...listed(field("srq")).filter((name) => !query.has(name.toLowerCase())),
  ];
  // Nobody has seen with which code Azure refuses these.
  if (missing.length > 0) throw unauthenticated(`${missing.join(", ")} was signed, but not sent.`);
  if (field("sv") < "2026-04-06" && (query.has("srh") || query.has("srq"))) {
    throw unauthenticated("This version signs neither headers nor parameters.");
  }
  const fields = {
    skoid: field("skoid"),
    sktid: field("sktid"),
    skt: field("skt"),
    ske: field("ske"),
    sks: field("sks"),
    skv: field("skv"),
  };
  const expected = createHmac("sha256", Buffer.from(keyOf(fields), "base64"))
    .update(stringToSign(request))
    .digest("base64");
  if (field("sig") !== expected) {
    throw unauthenticated("Signature did not match.");
  }
  if (fields.sks !== "b") throw unauthenticated("The key is of another service.");
  if (now < Date.parse(fields.skt) || now >= Date.parse(fields.ske)) {
    throw unauthenticated("The key is not of this time.");
  }
  if (now >= Date.parse(field("se")) || (field("st") && now < Date.parse(field("st")))) {
    throw unauthenticated("The signature is not of this time.");
  }
  const [first = "", last = first] = field("sip").split("-");
  if (first !== "" && (number(request.ip) < number(first) || number(request.ip) > number(last))) {
    throw new Refusal(403, "AuthorizationSourceIPMismatch", "The request is from elsewhere.");
  }
}

/** The string to sign of a user-delegation SAS of the versions from 2026-04-06. */
export function stringToSign(request: WireRequest): string {
  const { account, container, blob, headers, query } = request;
  const field = (name: string) => query.get(name) ?? "";
  const isOfBlob = field("sr") !== "c";
  const name = field("sr") === "d" ? directoryIn(request) : blob;
  return [
    ...["sp", "st", "se"].map(field),
    `/blob/${account}/${container}${isOfBlob ? `/${name}` : ""}`,
    ...["skoid", "sktid", "skt", "ske", "sks", "skv"].map(field),
    ...["saoid", "suoid", "scid", "skdutid", "sduoid"].map(field),
    ...["sip", "spr", "sv", "sr"].map(field),
    { bs: field("snapshot"), bv: field("versionid") }[field("sr")] ?? "",
    field("ses"),
    listed(field("srh"))
      .map((name) => `${name}:${headers.get(name.toLowerCase()) ?? ""}\n`)
      .join(""),
    listed(field("srq"))
      .map((name) => `\n${name}:${query.get(name.toLowerCase()) ?? ""}`)
      .join(""),
    ...["rscc", "rscd", "rsce", "rscl", "rsct"].map(field),
  ].join("\n");
}

/**
 * The directory of a signature: so many segments of the blob's name, or of the prefix of a list. How
 * Azure reads the latter is on none of its pages; a prefix without its slash would list others too.
 * @see https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas
 */
function directoryIn({ method, blob, query }: WireRequest): string {
  const depth = Number(query.get("sdd"));
  const isList = method === "GET" && blob === "" && query.get("comp") === "list";
  const segments = (isList ? (query.get("prefix") ?? "") : blob).split("/");
  if (segments.length < depth + (isList ? 1 : 0) || !(depth > 0)) {
    throw unauthenticated("Signed Directory Depth Invalid.");
  }
  return segments.slice(0, depth).join("/");
}

/**
 * Signs a service SAS with the account's key, which Azurite takes; the rights are the same. Azurite
 * knows no directories, and lets `c` create no blocks, as Azure does since version 2026-04-06.
 */
export function serviceSas(request: WireRequest, key: string): ReadonlyMap<string, string> {
  const { account, container, blob, query } = request;
  const signed = new Map([...query].filter(([name]) => KEPT.has(name)));
  signed.set("sv", "2020-12-06");
  const field = (name: string) => signed.get(name) ?? "";
  if (field("sr") === "d") {
    signed.set("sr", "c");
    if (isOfBlocks(request)) signed.set("sp", field("sp").replace("c", "cw"));
  }
  const text = [
    ...["sp", "st", "se"].map(field),
    `/blob/${account}/${container}${field("sr") === "c" ? "" : `/${blob}`}`,
    ...["si", "sip", "spr", "sv", "sr", "snapshot", "ses"].map(field),
    ...["rscc", "rscd", "rsce", "rscl", "rsct"].map(field),
  ].join("\n");
  return signed.set("sig", hmac(key, text));
}

/** True for "Put Block" and "Put Block List". */
export const isOfBlocks = ({ method, query }: WireRequest): boolean =>
  method === "PUT" && /^block(list)?$/.test(query.get("comp") ?? "");

/** Signs an account SAS for everything, by which Azurite takes what a token allows. */
export function accountSas(account: string, key: string, now: number): ReadonlyMap<string, string> {
  const se = `${new Date(now + 3_600_000).toISOString().slice(0, 19)}Z`;
  const signed = new Map(
    Object.entries({ sv: "2020-12-06", ss: "b", srt: "sco", sp: "rwdxylacuptfi", se }),
  );
  const field = (name: string) => signed.get(name) ?? "";
  // Its last field is the encryption scope.
  const text = [account, ...["sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses"].map(field)];
  return signed.set("sig", hmac(key, `${text.join("\n")}\n`));
}

/** Parameters of a signature, which are not passed on. */
export const OF_SIGNATURE =
  /^(?:s[vrpte]|sig|sip|spr|ses|sk[a-z]+|saoid|suoid|scid|sduoid|srh|srq|rsc[cdelt]|sdd)$/;

const REQUIRED = ["skoid", "sktid", "skt", "ske", "sks", "skv", "sv", "sr", "sp", "se", "sig"];
/** What a service SAS has in common with one by delegation. */
const KEPT = new Set(
  ["sp", "st", "se", "sip", "spr", "sr"].concat(["rscc", "rscd", "rsce", "rscl", "rsct"]),
);

const listed = (names: string) => names.split(",").filter((name) => name !== "");

const hmac = (key: string, text: string) =>
  createHmac("sha256", Buffer.from(key, "base64")).update(text).digest("base64");

const number = (ip: string) => ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);

const unauthenticated = (message: string) => new Refusal(403, "AuthenticationFailed", message);

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal(400, "InvalidUri", "The URL's percent-encoding is not that of UTF-8 text.");
  }
}
