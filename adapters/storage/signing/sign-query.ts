import {
  type Algorithm,
  canonicalRequest,
  encodeComponent,
  type Pair,
  signedHeaders,
  stringToSign,
} from "./v4.ts";

/** The signer's name in the URL. The same object while it stays the same. */
export interface Signatory {
  readonly algorithm: Omit<Algorithm<never>, "signer">;
  /** The access key, or the address of a service account. */
  readonly accessKey: string;
  /** The session token of temporary credentials. */
  readonly sessionToken?: string | undefined;
}

/** A signatory whose secret is in this process. */
export interface SigningKeys<Secret = string> extends Signatory {
  readonly algorithm: Algorithm<Secret>;
  readonly secretKey: Secret;
}

/** A request to be signed into its URL. */
export interface QuerySigning {
  readonly method: string;
  /** Scheme, host and port, without a trailing slash. */
  readonly origin: string;
  /** The path prefix that is sent but not signed; empty, or beginning with a slash. */
  readonly unsignedPrefix?: string;
  /** Percent-encoded, with its leading slash. */
  readonly path: string;
  /** Further query parameters, not encoded. */
  readonly query: ReadonlyArray<Pair>;
  /** Lower-case names in ascending order; `host` among them. */
  readonly headers: ReadonlyArray<Pair>;
  /** Headers that the request may not have; none of `headers`, and behind `query` in order. */
  readonly absent?: AbsentHeaders | undefined;
  readonly region: string;
  /** Milliseconds since 1970, UTC. */
  readonly now: number;
  /** Seconds from `now`. */
  readonly expiresIn: number;
}

/** Headers that are signed as absent, so that a client that adds one has no valid signature. */
export interface AbsentHeaders {
  /** In lower case, in ascending order. */
  readonly names: ReadonlyArray<string>;
  /** MinIO signs a missing header's value from the query; Ceph leaves it out. */
  readonly signedAs: "parameters" | "nothing";
}

/** Signs a URL for exactly this request. The key is derived once for a day and region. */
export function signQuery<Secret>(keys: SigningKeys<Secret>, signing: QuerySigning): string {
  const { url, text, context } = toBeSigned(keys, signing);
  context.sign ??= keys.algorithm.signer(keys.secretKey, context.day, context.region);
  return url + context.sign(text);
}

/** Returns the text to sign, with a secret that may be elsewhere, and the URL before it. */
export function toBeSigned(signatory: Signatory, signing: QuerySigning) {
  const { path } = signing;
  const { algorithm } = signatory;
  const timestamp = timestampAt(signing.now);
  const { names, encodedNames, gaps, missing } = layoutFor(signing);
  const context = contextFor(signatory, timestamp, signing.region);
  const encoded = canonicalQuery(signing.query);
  const further = encoded === "" || missing === "" ? encoded + missing : `${encoded}&${missing}`;
  let query = `${context.beforeDate}${timestamp}${context.beforeExpires}${signing.expiresIn}${context.beforeNames}${encodedNames}`;
  if (further !== "") {
    query += `&${further}`;
    // Lower-case names, as almost all are, sort after those of the signature.
    if (further < "a") query = sorted(query.split("&").map(pairIn));
  }
  const text = stringToSign({
    algorithm,
    timestamp,
    scope: context.scope,
    canonicalRequest: canonicalRequest({
      method: signing.method,
      path,
      query,
      headers: signing.headers,
      gaps,
      signedHeaders: names,
    }),
  });
  const url = `${signing.origin}${signing.unsignedPrefix ?? ""}${path}?${query}&${algorithm.prefix}Signature=`;
  return { text, url, context };
}

/** The parts that requests with the same header names share. */
interface Layout {
  readonly names: string;
  readonly encodedNames: string;
  /** The lines of absent headers before each header, and after the last one. */
  readonly gaps: ReadonlyArray<string>;
  /** The query parameters of absent headers. */
  readonly missing: string;
}

const layouts = new WeakMap<AbsentHeaders, Map<string, Layout>>();
const NO_ABSENT: AbsentHeaders = { names: [], signedAs: "nothing" };

/** Returns the layout; few are cached: a store binds few headers, and no request can name one. */
function layoutFor({ headers, absent = NO_ABSENT }: QuerySigning): Layout {
  let byNames = layouts.get(absent);
  if (byNames === undefined) layouts.set(absent, (byNames = new Map()));
  const present = signedHeaders(headers);
  const held = byNames.get(present);
  if (held !== undefined) return held;
  const all = withAbsent({ headers, query: [], absent });
  const gaps = [""];
  for (const pair of all.headers) {
    if (headers.includes(pair)) gaps.push("");
    else gaps.push(`${gaps.pop()}${pair[0]}:\n`);
  }
  const { names } = all;
  const encodedNames = encodeComponent(names);
  const layout = { names, encodedNames, gaps, missing: canonicalQuery(all.query) };
  byNames.set(present, layout);
  return layout;
}

export function withAbsent({
  headers,
  query,
  absent,
}: Pick<QuerySigning, "headers" | "query" | "absent">) {
  if (absent === undefined) return { headers, query, names: signedHeaders(headers) };
  // Both are sorted, so they are merged and not sorted again.
  const all: Array<Pair> = [];
  const missing: Array<Pair> = [];
  let next = 0;
  for (const name of absent.names) {
    let header = headers[next];
    for (; header !== undefined && header[0] < name; header = headers[++next]) all.push(header);
    const pair: Pair = [name, ""];
    all.push(pair);
    missing.push(pair);
  }
  all.push(...headers.slice(next));
  const names = signedHeaders(all);
  return absent.signedAs === "nothing"
    ? { headers, query, names }
    : { headers: all, query: [...query, ...missing], names };
}

/** Encodes query parameters, sorted by their encoded name and value. */
export function canonicalQuery(pairs: ReadonlyArray<Pair>): string {
  let query = "";
  let last = "";
  for (const [name, value] of pairs) {
    const encoded = encodeComponent(name);
    // Most are in order already; the check costs less than a sort.
    if (encoded <= last) return sorted(pairs.map(encodePair));
    query += `${query === "" ? "" : "&"}${encoded}=${encodeComponent(value)}`;
    last = encoded;
  }
  return query;
}

const sorted = (encoded: ReadonlyArray<Pair>): string =>
  encoded
    .toSorted((a, b) => compareText(a[0], b[0]) || compareText(a[1], b[1]))
    .map((pair) => pair.join("="))
    .join("&");

const encodePair = ([name, value]: Pair): Pair => [encodeComponent(name), encodeComponent(value)];

const pairIn = (text: string): Pair => {
  const [name = "", value = ""] = text.split("=");
  return [name, value];
};

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

interface SigningContext {
  readonly day: string;
  readonly region: string;
  readonly scope: string;
  /** The query up to its date, from there to its lifetime, and from there to the signed headers. */
  readonly beforeDate: string;
  readonly beforeExpires: string;
  readonly beforeNames: string;
  sign?: (stringToSign: string) => string;
}

const contexts = new WeakMap<Signatory, SigningContext>();

/** Everything that stays the same for a day and region. */
function contextFor(signatory: Signatory, timestamp: string, region: string): SigningContext {
  const day = timestamp.slice(0, 8);
  const held = contexts.get(signatory);
  if (held?.day === day && held.region === region) return held;
  const { algorithm, accessKey, sessionToken } = signatory;
  const { name, prefix } = algorithm;
  const scope = algorithm.scope(day, region);
  const credential = encodeComponent(`${accessKey}/${scope}`);
  const token =
    sessionToken === undefined ? "" : `&${prefix}Security-Token=${encodeComponent(sessionToken)}`;
  const context: SigningContext = {
    day,
    region,
    scope,
    beforeDate: `${prefix}Algorithm=${name}&${prefix}Credential=${credential}&${prefix}Date=`,
    beforeExpires: `&${prefix}Expires=`,
    beforeNames: `${token}&${prefix}SignedHeaders=`,
  };
  contexts.set(signatory, context);
  return context;
}

let lastSecond = Number.NaN;
let lastTimestamp = "";

/** Writes a time as `YYYYMMDDTHHMMSSZ`, rounded down to the second. */
export function timestampAt(milliseconds: number): string {
  const second = Math.floor(milliseconds / 1000);
  if (second !== lastSecond) {
    lastTimestamp = new Date(second * 1000).toISOString().replace(/[-:]|\.\d+/g, "");
    lastSecond = second;
  }
  return lastTimestamp;
}
