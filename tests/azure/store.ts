// A double of what Azure Blob Storage checks and Azurite does not: no account of Microsoft's can be
// reached in tests. It verifies user-delegation SAS with signed headers and parameters, gives out
// the keys of delegations, takes access tokens, and passes on to Azurite with a signature of its own.
import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { AzuriteServer } from "./azurite.ts";
import {
  accountSas,
  type KeyFields,
  isOfBlocks,
  OF_SIGNATURE,
  readRequest,
  Refusal,
  serviceSas,
  toXml,
  verifyDelegation,
  type WireRequest,
} from "./signature.ts";
import { listen } from "../support/serve.ts";

/** What the double stands in front of, and whom it believes. */
export interface AzureVerifierOptions extends AzuriteServer {
  /** The tenant of whoever asks for the key of a delegation. */
  readonly tenant: string;
  /** True for the access tokens that it takes. */
  readonly knows: (token: string) => boolean;
}

/** A listening double. */
export interface AzureVerifier {
  readonly port: number;
  /** With the account as its path, and without a slash at its end. */
  readonly endpoint: string;
  /** How often the key of a delegation was asked for. */
  readonly asked: { keys: number };
  readonly close: () => Promise<void>;
}

/** Listens on 127.0.0.1, as `localhost` too. */
export async function startAzureVerifier(options: AzureVerifierOptions): Promise<AzureVerifier> {
  const seed = randomBytes(32);
  const asked = { keys: 0 };
  const keyOf = ({ skoid, sktid, skt, ske, sks, skv }: KeyFields) =>
    createHmac("sha256", seed)
      .update([skoid, sktid, skt, ske, sks, skv].join("\n"))
      .digest("base64");
  const started = {
    ...options,
    keyOf,
    asked,
    objectId: crypto.randomUUID(),
    obeyed: new Map<string, ReadonlyArray<string>>(),
  };
  const { port, close } = await listen(
    (incoming, response) => void answer(started, incoming, response),
  );
  return {
    port,
    endpoint: `http://127.0.0.1:${port}/${options.account}`,
    asked,
    close,
  };
}

interface Started extends AzureVerifierOptions {
  readonly keyOf: (fields: KeyFields) => string;
  readonly asked: { keys: number };
  readonly objectId: string;
  /** Headers of blobs that Azurite takes and forgets, by the path. */
  readonly obeyed: Map<string, ReadonlyArray<string>>;
}

async function answer(
  options: Started,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const { method = "", url = "", rawHeaders, socket } = incoming;
    const { remoteAddress = "" } = socket;
    const request = readRequest(method, url, rawHeaders, remoteAddress);
    // A preflight has no signature, and what else has none is refused by Azurite.
    if (method === "OPTIONS" || !isSigned(request)) {
      return await passOn(options, request, incoming, response);
    }
    if (method === "PUT" && !request.headers.has("content-length")) {
      throw new Refusal(411, "MissingContentLengthHeader", "How long the body is must be said.");
    }
    if (request.query.get("comp") === "userdelegationkey") {
      const body = await delegationKey(options, request, incoming);
      response.writeHead(200, { "Content-Type": "application/xml" }).end(body);
      return;
    }
    const authorized = authorize(options, request);
    await keepFromOverwriting(options, request);
    await passOn(options, request, incoming, response, authorized);
  } catch (cause) {
    if (response.headersSent) return void response.destroy();
    const { status, code, message, headers } =
      cause instanceof Refusal ? cause : new Refusal(500, "InternalError", String(cause));
    // The client is heard out, so that it reads the answer.
    incoming.resume();
    response.writeHead(status, {
      "Content-Type": "application/xml",
      "x-ms-error-code": code,
      "Access-Control-Allow-Origin": "*",
      ...headers,
    });
    response.end(
      incoming.method === "HEAD" ? "" : toXml(new Refusal(status, code, message, headers)),
    );
  }
}

const isSigned = ({ headers, query }: WireRequest) =>
  headers.has("authorization") || query.has("skoid") || query.get("comp") === "userdelegationkey";

/** The parameters by which Azurite takes what this double allows. */
function authorize(options: Started, request: WireRequest): ReadonlyMap<string, string> {
  const { headers, query } = request;
  if (query.has("skoid")) {
    verifyDelegation(request, options.keyOf, Date.now());
    const rights = query.get("sp") ?? "";
    const needed = headers.has("x-ms-tags") ? "t" : RIGHTS.get(query.get("comp") ?? "");
    if (needed !== undefined && !rights.includes(needed)) {
      throw new Refusal(403, "AuthorizationPermissionMismatch", `It needs the right ${needed}.`);
    }
    if (query.get("comp") === "block" || query.get("sr") === "d") requireSource(options, request);
    return serviceSas(request, options.key);
  }
  requireToken(options, request);
  // "Copy Blob" alone reads a source of the same account by the token itself.
  const isLater = !["x-ms-requires-sync", "x-ms-blob-type"].some((name) => headers.has(name));
  if (!isLater || query.has("comp")) requireSource(options, request);
  return accountSas(options.account, options.key, Date.now());
}

/** "Permissions for a directory, container, or blob", of calls that Azurite does not know. */
const RIGHTS = new Map([
  ["query", "r"],
  ["expiry", "w"],
  ["immutabilityPolicies", "i"],
  ["legalhold", "i"],
]);

/** By `c` nothing is overwritten, by a list of blocks either. */
async function keepFromOverwriting(options: Started, request: WireRequest): Promise<void> {
  const { account, container, blob, query } = request;
  if (query.get("sr") !== "d" || query.get("sp")?.includes("w") || !isOfBlocks(request)) return;
  const signed = searchOf(request, accountSas(options.account, options.key, Date.now()));
  const name = blob.split("/").map(encodeURIComponent).join("/");
  const url = `${new URL(options.endpoint).origin}/${account}/${container}/${name}`;
  const { ok } = await fetch(`${url}?${signed.replace(/comp=block(list)?&|blockid=[^&]*&/g, "")}`, {
    method: "HEAD",
  });
  if (ok) throw new Refusal(403, "UnauthorizedBlobOverwrite", "The blob is there already.");
}

/** "Authorize with Microsoft Entra ID" takes a token, by versions from 2017-11-09. */
function requireToken({ knows, tenant }: Started, { headers }: WireRequest): void {
  const [, token = ""] = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "") ?? [];
  if (!knows(token)) {
    const challenge = `Bearer authorization_uri=https://login.microsoftonline.com/${tenant}/oauth2/authorize resource_id=https://storage.azure.com`;
    throw new Refusal(
      401,
      token === "" ? "NoAuthenticationInformation" : "InvalidAuthenticationInfo",
      "A token of Entra is needed.",
      { "WWW-Authenticate": challenge },
    );
  }
  const version = headers.get("x-ms-version") ?? "";
  if (version < "2017-11-09") throw new Refusal(400, "InvalidHeaderValue", "x-ms-version is old.");
}

/**
 * "Copy Blob From URL", "Put Blob From URL" and "Put Block From URL" take a source by a signature or
 * a token of its own; Azurite asks for none inside the account.
 */
function requireSource(options: Started, { headers }: WireRequest): void {
  const source = headers.get("x-ms-copy-source");
  if (source === undefined) return;
  const [, token = ""] =
    /^Bearer (.+)$/.exec(headers.get("x-ms-copy-source-authorization") ?? "") ?? [];
  if (options.knows(token)) return;
  const { pathname, search } = new URL(source);
  const read = readRequest("GET", `${pathname}${search}`, [], "127.0.0.1");
  if (!read.query.has("skoid")) {
    throw new Refusal(401, "CannotVerifyCopySource", "The source has no signature.");
  }
  verifyDelegation(read, options.keyOf, Date.now());
  if (!read.query.get("sp")?.includes("r")) {
    throw new Refusal(403, "CannotVerifyCopySource", "The signature of the source reads nothing.");
  }
}

/** "Get User Delegation Key": a key of at most seven days from now. */
async function delegationKey(
  options: Started,
  request: WireRequest,
  incoming: IncomingMessage,
): Promise<string> {
  requireToken(options, request);
  if (request.method !== "POST" || request.query.get("restype") !== "service") {
    throw new Refusal(400, "InvalidQueryParameterValue", "A key is asked of the account by POST.");
  }
  const asked = await text(incoming);
  const [, start = ""] = /<Start>(.*?)<\/Start>/.exec(asked) ?? [];
  const [, end = ""] = /<Expiry>(.*?)<\/Expiry>/.exec(asked) ?? [];
  const week = Date.now() + 7 * 86_400_000;
  // Without a start it begins now.
  const begins = start === "" ? Date.now() : Date.parse(start);
  const isValid = begins <= week && Date.parse(end) > Math.max(begins, Date.now());
  if (!isValid || Date.parse(end) > week) {
    throw new Refusal(400, "InvalidXmlNodeValue", "Start and expiry are within seven days.");
  }
  options.asked.keys++;
  const fields = {
    skoid: options.objectId,
    sktid: options.tenant,
    skt: `${new Date(begins).toISOString().slice(0, 19)}Z`,
    ske: `${new Date(end).toISOString().slice(0, 19)}Z`,
    sks: "b",
    skv: request.headers.get("x-ms-version") ?? "",
  };
  const { skoid, sktid, skt, ske, sks, skv } = fields;
  return `<?xml version="1.0" encoding="utf-8"?><UserDelegationKey><SignedOid>${skoid}</SignedOid><SignedTid>${sktid}</SignedTid><SignedStart>${skt}</SignedStart><SignedExpiry>${ske}</SignedExpiry><SignedService>${sks}</SignedService><SignedVersion>${skv}</SignedVersion><Value>${options.keyOf(fields)}</Value></UserDelegationKey>`;
}

/** Passes a request on, signed anew, and its answer as it comes. */
async function passOn(
  { endpoint, key, obeyed }: Started,
  request: WireRequest,
  incoming: IncomingMessage,
  response: ServerResponse,
  signature: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  const { method, url = "", rawHeaders } = incoming;
  const { hostname, port } = new URL(endpoint);
  const [path = ""] = url.split("?");
  const search = searchOf(request, signature);
  const headers = rawHeaders.flatMap((name, at) => {
    const value = rawHeaders[at + 1] ?? "";
    if (at % 2 === 1 || /^(?:x-ms-copy-source-)?authorization$/i.test(name)) return [];
    return [name, /^x-ms-copy-source$/i.test(name) ? resignedSource(value, key) : value];
  });
  const onward = httpRequest({ method, hostname, port, path: `${path}?${search}`, headers });
  // An answer that comes before the end of the body ends the connection.
  onward.on("error", () => undefined);
  const [[found]] = await Promise.all([once(onward, "response"), pipeline(incoming, onward)]);
  const isRead = method === "GET" || method === "HEAD";
  if (found.statusCode === 201 && !request.query.has("comp")) {
    obeyed.set(
      path,
      rawHeaders.flatMap((name, at) =>
        at % 2 === 0 && OBEYED.test(name) ? [name, rawHeaders[at + 1] ?? ""] : [],
      ),
    );
  }
  const further = isRead && found.statusCode < 300 ? (obeyed.get(path) ?? []) : [];
  response.writeHead(found.statusCode, [...found.rawHeaders, ...further]);
  await pipeline(found, response);
}

/** "Put Blob" takes them, and "Get Blob Properties" tells of them. */
const OBEYED =
  /^x-ms-(?:encryption-scope|immutability-policy-(?:mode|until-date)|legal-hold|expiry-time)$/i;

/** The parameters that are none of a signature, and those of another one. */
const searchOf = ({ query }: WireRequest, signature: ReadonlyMap<string, string>) =>
  [...[...query].filter(([name]) => !OF_SIGNATURE.test(name)), ...signature]
    .map((pair) => pair.map(encodeURIComponent).join("="))
    .join("&");

/** Azurite reads the source by itself, so it has to know the signature. */
function resignedSource(source: string, key: string): string {
  if (!URL.canParse(source)) return source;
  const { origin, pathname, search } = new URL(source);
  const read = readRequest("GET", `${pathname}${search}`, [], "");
  return read.query.has("skoid")
    ? `${origin}${pathname}?${searchOf(read, serviceSas(read, key))}`
    : source;
}
