import { timingSafeEqual } from "node:crypto";
import { canonicalQuery, type SigningKeys, timestampAt } from "../signing/sign-query.ts";
import { canonicalRequest, type Pair, stringToSign } from "../signing/v4.ts";
import { Refused } from "./refusal.ts";

/** Allowed difference of a client's clock, in milliseconds. */
const CLOCK_TOLERANCE = 15 * 60 * 1000;
/** Longest lifetime, in seconds. */
const LONGEST_LIFE = 7 * 24 * 60 * 60;

export interface ExpectedSignature {
  readonly keys: SigningKeys;
  readonly region: string;
  readonly now: number;
}

/** Checks a signed request as S3 does: signature, lifetime, and that this store's key signed it. */
export function verify(request: Request, expected: ExpectedSignature): void {
  const url = new URL(request.url);
  const query = [...url.searchParams];
  const signature = url.searchParams.get("X-Amz-Signature");
  if (signature === null) throw new Refused("AccessDenied");
  if (new Set(query.map(([name]) => name)).size !== query.length) throw malformed();

  const parameter = (name: string) => url.searchParams.get(`X-Amz-${name}`) ?? "";
  const expires = parameter("Expires");
  if (!/^[1-9]\d{0,5}$/.test(expires) || Number(expires) > LONGEST_LIFE) throw malformed();
  const { algorithm, accessKey: expectedKey, secretKey } = expected.keys;
  const timestamp = parameter("Date");
  const start = parseTimestamp(timestamp);
  if (parameter("Algorithm") !== algorithm.name || start === undefined) throw malformed();
  const day = timestamp.slice(0, 8);
  const scope = algorithm.scope(day, expected.region);
  const [accessKey, ...credentialScope] = parameter("Credential").split("/");
  if (accessKey !== expectedKey) throw new Refused("InvalidAccessKeyId");
  if (credentialScope.join("/") !== scope) throw malformed();

  const signedHeaders = parameter("SignedHeaders");
  if (!/^[a-z0-9-]+(?:;[a-z0-9-]+)*$/.test(signedHeaders)) throw malformed();
  const headers: Array<Pair> = [];
  for (const name of signedHeaders.split(";")) {
    const value =
      name === "host" ? (request.headers.get("host") ?? url.host) : request.headers.get(name);
    if (value === null) {
      const message = `The header ${name} was signed, but the request does not have it.`;
      throw new Refused("SignatureDoesNotMatch", message);
    }
    headers.push([name, value]);
  }
  if (!headers.some(([name]) => name === "host")) throw new Refused("SignatureDoesNotMatch");

  const sign = algorithm.signer(secretKey, day, expected.region);
  const signed = sign(
    stringToSign({
      algorithm,
      timestamp,
      scope,
      canonicalRequest: canonicalRequest({
        method: request.method,
        path: url.pathname,
        query: canonicalQuery(query.filter(([name]) => name !== "X-Amz-Signature")),
        headers,
        signedHeaders,
      }),
    }),
  );
  if (!equal(signed, signature)) {
    const received = headers.map(([name, value]) => `${name}: ${value}`).join(", ");
    const message = `The method, the address or a signed header differs from what was signed; received was ${request.method} with ${received}.`;
    throw new Refused("SignatureDoesNotMatch", message);
  }
  const { now } = expected;
  if (now < start - CLOCK_TOLERANCE) throw new Refused("RequestNotYetValid");
  if (now >= start + Number(expires) * 1000) throw new Refused("RequestExpired");
}

const malformed = () => new Refused("AuthorizationQueryParametersError");

function parseTimestamp(text: string): number | undefined {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
  const milliseconds = Date.parse(iso);
  const isExact = !Number.isNaN(milliseconds) && timestampAt(milliseconds) === text;
  return isExact ? milliseconds : undefined;
}

function equal(a: string, b: string): boolean {
  const [bytesA, bytesB] = [Buffer.from(a), Buffer.from(b)];
  return bytesA.length === bytesB.length && timingSafeEqual(bytesA, bytesB);
}
