import { hash } from "node:crypto";
import { canonicalQuery, type SigningKeys, timestampAt } from "./sign-query.ts";
import { canonicalRequest, type Pair, signedHeaders, stringToSign } from "./v4.ts";

/**
 * Signs a request with its body, in headers, as tools do: "Authenticating Requests: Using the
 * Authorization Header (AWS Signature Version 4)", Amazon S3 API Reference. Returns the headers that
 * it needs besides its own, of which `host` is one.
 */
export function signHeaders(
  { algorithm, accessKey, secretKey, sessionToken }: SigningKeys,
  request: {
    readonly method: string;
    /** As the server reads it: percent-encoded, with its leading slash. */
    readonly path: string;
    readonly query?: ReadonlyArray<Pair>;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string | Uint8Array;
    readonly region: string;
    /** Milliseconds since 1970, UTC. */
    readonly now: number;
  },
): Readonly<Record<string, string>> {
  const { method, path, query = [], body, region, now } = request;
  const timestamp = timestampAt(now);
  const day = timestamp.slice(0, 8);
  const added = {
    "x-amz-date": timestamp,
    "x-amz-content-sha256": hash("sha256", body, "hex"),
    ...(sessionToken && { "x-amz-security-token": sessionToken }),
  };
  const headers = Object.entries({ ...request.headers, ...added })
    .map(([name, value]): Pair => [name.toLowerCase(), value])
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const names = signedHeaders(headers);
  const canonical = { method, path, query: canonicalQuery(query), headers, signedHeaders: names };
  const scope = algorithm.scope(day, region);
  const canonicalText = canonicalRequest(canonical);
  const text = stringToSign({ algorithm, timestamp, scope, canonicalRequest: canonicalText });
  const signature = algorithm.signer(secretKey, day, region)(text);
  const authorization = `${algorithm.name} Credential=${accessKey}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...added, authorization };
}
