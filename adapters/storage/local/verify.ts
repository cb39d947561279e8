import { timingSafeEqual } from "node:crypto";
import * as Result from "effect/Result";
import { canonicalQuery, type SigningKeys, timestampOf } from "../signing/sign-query.ts";
import { canonicalRequest, type Pair, stringToSign } from "../signing/v4.ts";
import type { RefusalCode, Refused } from "./refusal.ts";

/** How far a client's clock may be ahead, in milliseconds. */
const CLOCK_TOLERANCE = 15 * 60 * 1000;
/** In seconds. */
const LONGEST_LIFE = 7 * 24 * 60 * 60;

/**
 * Checks a signed request as S3 does: the signature must be made with our secret for this method,
 * path, query and set of headers, and `now` (milliseconds since 1970) must be within its lifetime.
 */
export function verify(
  request: Request,
  expected: { readonly keys: SigningKeys; readonly region: string; readonly now: number },
): Result.Result<void, RefusalCode | Refused> {
  const url = new URL(request.url);
  const query = [...url.searchParams];
  const signature = url.searchParams.get("X-Amz-Signature");
  if (signature === null) return Result.fail("AccessDenied");
  if (new Set(query.map(([name]) => name)).size !== query.length) return MALFORMED;

  const parameter = (name: string) => url.searchParams.get(`X-Amz-${name}`) ?? "";
  const timestamp = parameter("Date");
  const start = parseTimestamp(timestamp);
  const expires = parameter("Expires");
  const { keys, region, now } = expected;
  const { algorithm } = keys;
  if (parameter("Algorithm") !== algorithm.name || start === undefined) return MALFORMED;
  if (!/^[1-9]\d{0,5}$/.test(expires) || Number(expires) > LONGEST_LIFE) return MALFORMED;

  const day = timestamp.slice(0, 8);
  const scope = algorithm.scope(day, region);
  const [accessKey, ...credentialScope] = parameter("Credential").split("/");
  if (accessKey !== keys.accessKey) return Result.fail("InvalidAccessKeyId");
  if (credentialScope.join("/") !== scope) return MALFORMED;

  const signedHeaders = parameter("SignedHeaders");
  if (!/^[a-z0-9-]+(?:;[a-z0-9-]+)*$/.test(signedHeaders)) return MALFORMED;
  const headers: Array<Pair> = [];
  for (const name of signedHeaders.split(";")) {
    const value =
      name === "host" ? (request.headers.get("host") ?? url.host) : request.headers.get(name);
    if (value === null) {
      const message = `The header ${name} was signed, but the request does not have it.`;
      return Result.fail({ code: "SignatureDoesNotMatch", message });
    }
    headers.push([name, value]);
  }
  if (!headers.some(([name]) => name === "host")) return Result.fail("SignatureDoesNotMatch");

  const sign = algorithm.signer(keys.secretKey, day, region);
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
    return Result.fail({ code: "SignatureDoesNotMatch", message });
  }
  if (now < start - CLOCK_TOLERANCE) return Result.fail("RequestNotYetValid");
  if (now >= start + Number(expires) * 1000) return Result.fail("RequestExpired");
  return Result.void;
}

const MALFORMED = Result.fail<RefusalCode>("AuthorizationQueryParametersError");

function parseTimestamp(text: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined) return undefined;
  const [year = 0, month = 0, day, hour, minute, second] = parts;
  const milliseconds = Date.UTC(year, month - 1, day, hour, minute, second);
  return timestampOf(milliseconds) === text ? milliseconds : undefined;
}

function equal(a: string, b: string): boolean {
  const [bytesA, bytesB] = [Buffer.from(a), Buffer.from(b)];
  return bytesA.length === bytesB.length && timingSafeEqual(bytesA, bytesB);
}
