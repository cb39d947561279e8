import { timingSafeEqual } from "node:crypto";
import { canonicalQuery, type SigningKeys, timestampAt } from "../signing/sign-query.ts";
import { canonicalRequest, type Pair, stringToSign } from "../signing/v4.ts";
import { Refused } from "./refusal.ts";

/** For a client's clock, in milliseconds. */
const CLOCK_TOLERANCE = 15 * 60 * 1000;
/** In seconds. */
const LONGEST_LIFE = 7 * 24 * 60 * 60;

export interface ExpectedSignature {
  readonly keys: SigningKeys;
  readonly region: string;
  readonly now: number;
}

/** Checks a signed request as S3 does: signature, lifetime, and that it was signed with our key. */
export function verify(request: Request, expected: ExpectedSignature): void {
  const url = new URL(request.url);
  const query = [...url.searchParams];
  const signature = url.searchParams.get("X-Amz-Signature");
  if (signature === null) throw new Refused("AccessDenied");
  if (new Set(query.map(([name]) => name)).size !== query.length) throw malformed();

  const parameter = (name: string) => url.searchParams.get(`X-Amz-${name}`) ?? "";
  const expires = parameter("Expires");
  if (!/^[1-9]\d{0,5}$/.test(expires) || Number(expires) > LONGEST_LIFE) throw malformed();
  const { sign, scope, timestamp, start } = claimedSigner(parameter, expected);

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

  const signed = sign(
    stringToSign({
      algorithm: expected.keys.algorithm,
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

/** Refuses any field that the policy does not name, as S3 does; returns what the policy allows. */
export function verifyForm(
  fields: ReadonlyMap<string, string>,
  expected: ExpectedSignature & { readonly bucket: string },
) {
  const field = (name: string) => fields.get(name) ?? "";
  const policy = field("policy");
  if (!BASE64.test(policy) || !fields.has("x-amz-signature")) throw new Refused("AccessDenied");
  const { sign } = claimedSigner((name) => field(`x-amz-${name.toLowerCase()}`), expected);
  if (!equal(sign(policy), field("x-amz-signature"))) {
    const message = "The policy of the form differs from what was signed.";
    throw new Refused("SignatureDoesNotMatch", message);
  }
  // Only `formToBeSigned` makes a text that has our signature.
  const { expiration, conditions }: FormPolicy = JSON.parse(
    Buffer.from(policy, "base64").toString(),
  );
  if (expected.now >= Date.parse(expiration)) throw new Refused("RequestExpired");
  const known = new Set(["policy", "x-amz-signature"]);
  let [min, max] = [0, 0];
  for (const condition of conditions) {
    if (Array.isArray(condition)) {
      [, min, max] = condition;
      continue;
    }
    for (const [name, value] of Object.entries(condition)) {
      const sent = name === "bucket" ? expected.bucket : fields.get(name.toLowerCase());
      if (sent !== value) throw differing(name);
      known.add(name.toLowerCase());
    }
  }
  const extra = [...fields.keys()].find((name) => !known.has(name));
  if (extra !== undefined) throw differing(extra);
  return { key: field("key"), mediaType: field("content-type"), min, max };
}

/** No other text that we sign is of this form. */
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

interface FormPolicy {
  readonly expiration: string;
  readonly conditions: ReadonlyArray<
    Readonly<Record<string, string>> | readonly [operator: string, min: number, max: number]
  >;
}

const differing = (name: string) =>
  new Refused(
    "PolicyConditionFailed",
    `The field ${name.slice(0, 100)} is not as it was signed, or was not signed.`,
  );

function claimedSigner(
  parameter: (name: "Algorithm" | "Credential" | "Date") => string,
  { keys, region }: ExpectedSignature,
) {
  const { algorithm, accessKey: ours, secretKey } = keys;
  const timestamp = parameter("Date");
  const start = parseTimestamp(timestamp);
  if (parameter("Algorithm") !== algorithm.name || start === undefined) throw malformed();
  const day = timestamp.slice(0, 8);
  const scope = algorithm.scope(day, region);
  const [accessKey, ...credentialScope] = parameter("Credential").split("/");
  if (accessKey !== ours) throw new Refused("InvalidAccessKeyId");
  if (credentialScope.join("/") !== scope) throw malformed();
  return { sign: algorithm.signer(secretKey, day, region), scope, timestamp, start };
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
