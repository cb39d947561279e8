import { encodeComponent } from "./encode.ts";
import {
  type Algorithm,
  canonicalRequest,
  type Pair,
  signedHeaders,
  type SigningKeys,
  stringToSign,
} from "./v4.ts";

/** A request to be signed into its URL. */
export interface QuerySigning {
  readonly algorithm: Algorithm;
  readonly method: string;
  /** Scheme, host and port, without a slash at the end. */
  readonly origin: string;
  /** Percent-encoded, with its leading slash. */
  readonly path: string;
  /**
   * Further query parameters, not yet encoded. Their names begin in lower case, as those of all
   * stores do, and so sort behind the parameters of the signature.
   */
  readonly query: ReadonlyArray<Pair>;
  /** Lower-case names in ascending order; `host` among them. */
  readonly headers: ReadonlyArray<Pair>;
  /** One object for as long as the keys are the same: what is derived from it is kept with it. */
  readonly keys: SigningKeys;
  readonly region: string;
  /** Milliseconds since 1970, UTC. */
  readonly now: number;
  /** Seconds from `now`. */
  readonly expiresIn: number;
}

/** The URL that makes the request good until `now + expiresIn`, and nothing else. */
export function signQuery(signing: QuerySigning): string {
  const { algorithm, keys, headers, path } = signing;
  const timestamp = timestampOf(signing.now);
  const context = contextOf(algorithm, keys, timestamp.slice(0, 8), signing.region);
  const names = signedHeaders(headers);
  let query = `${context.beforeDate}${timestamp}${context.beforeExpires}${signing.expiresIn}${context.beforeHeaders}${signedHeaders(headers, "%3B")}`;
  if (signing.query.length > 0) query += `&${canonicalQuery(signing.query)}`;
  const signature = context.sign(
    stringToSign({
      algorithm,
      timestamp,
      scope: context.scope,
      canonicalRequest: canonicalRequest({
        method: signing.method,
        path,
        query,
        headers,
        signedHeaders: names,
      }),
    }),
  );
  return `${signing.origin}${path}?${query}${context.beforeSignature}${signature}`;
}

/** Query parameters encoded, then sorted by their encoded name and value. */
export function canonicalQuery(pairs: ReadonlyArray<Pair>): string {
  const encoded = pairs.map(([name, value]): Pair => [
    encodeComponent(name),
    encodeComponent(value),
  ]);
  encoded.sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]));
  let query = "";
  for (const [name, value] of encoded) query += `${query === "" ? "" : "&"}${name}=${value}`;
  return query;
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

interface SigningContext {
  readonly algorithm: Algorithm;
  readonly day: string;
  readonly region: string;
  readonly scope: string;
  /** The query from one changing value to the next. */
  readonly beforeDate: string;
  readonly beforeExpires: string;
  readonly beforeHeaders: string;
  readonly beforeSignature: string;
  readonly sign: (stringToSign: string) => string;
}

const contexts = new WeakMap<SigningKeys, SigningContext>();

function contextOf(
  algorithm: Algorithm,
  keys: SigningKeys,
  day: string,
  region: string,
): SigningContext {
  const held = contexts.get(keys);
  if (held?.day === day && held.region === region && held.algorithm === algorithm) return held;
  const { name, prefix } = algorithm;
  const scope = algorithm.scope(day, region);
  const credential = encodeComponent(`${keys.accessKey}/${scope}`);
  const token =
    keys.sessionToken === undefined
      ? ""
      : `&${prefix}Security-Token=${encodeComponent(keys.sessionToken)}`;
  const context: SigningContext = {
    algorithm,
    day,
    region,
    scope,
    beforeDate: `${prefix}Algorithm=${name}&${prefix}Credential=${credential}&${prefix}Date=`,
    beforeExpires: `&${prefix}Expires=`,
    beforeHeaders: `${token}&${prefix}SignedHeaders=`,
    beforeSignature: `&${prefix}Signature=`,
    sign: algorithm.signer(keys, day, region),
  };
  contexts.set(keys, context);
  return context;
}

let lastSecond = Number.NaN;
let lastTimestamp = "";

/** An instant as `YYYYMMDDTHHMMSSZ`, the seconds cut off. */
export function timestampOf(milliseconds: number): string {
  const second = Math.floor(milliseconds / 1000);
  if (second !== lastSecond) {
    lastTimestamp = new Date(second * 1000).toISOString().replace(/[-:]|\.\d+/g, "");
    lastSecond = second;
  }
  return lastTimestamp;
}
