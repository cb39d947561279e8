import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { Audience } from "../../../application/ports/presigner.ts";
import { sendForm } from "../../storage/contract/send.ts";
import { faultIn, explainRefusal, refusalIn } from "../../storage/rest/refusal-reason.ts";
import type { KeyName } from "./key-names.ts";
import { type Doctor, type StoreAnswer, withWrongSignature } from "./doctor.ts";

// Reasons of a store's refusals, and probes that tell such reasons apart.

type Use = "service" | "put" | "get";

/** Explains a refusal, in words that name the settings of the key that signed. */
export function refusalReason({ bucket, names }: Doctor, use: Use, answer: StoreAnswer): string {
  const { code, message } = answer;
  if (code === "AccessDenied" && use !== "service") {
    return `the key may not ${use} (AccessDenied: ${message})`;
  }
  return explainRefusal({ bucket }, answer)
    .replaceAll("STORAGE_ACCESS_KEY", names[use].from)
    .replaceAll("STORAGE_SECRET_KEY", names[use].secret)
    .replaceAll("STORAGE_SESSION_TOKEN", names[use].token);
}

/** Says how to mend a refusal of a request that the key for a use has signed. */
export function refusalMend({ names }: Doctor, use: Use, { status, code }: StoreAnswer): string {
  const fault = faultIn(code);
  const byFault = fault && BY_FAULT[fault]?.(names[use], use);
  if (byFault !== undefined) return byFault;
  if (code === undefined) {
    return "look at the proxies in front of the store, and at its log: this answer is not a store's";
  }
  if (code === "MissingContentLength") {
    return "let the proxy pass Content-Length on, and not send bodies in chunks: nginx: proxy_request_buffering on";
  }
  if (/quota/i.test(code)) return "raise the quota of the bucket, or remove what nobody needs";
  return status >= 500
    ? "look at the log of the store for the reason, such as a full disk"
    : `look up ${code} in the store's documentation, and look at its log`;
}

const BY_FAULT: Readonly<
  Partial<Record<NonNullable<ReturnType<typeof faultIn>>, (name: KeyName, use: Use) => string>>
> = {
  "access key": ({ mend }) => mend,
  "secret key": ({ mend }) => mend,
  "session token": ({ token }) =>
    `set ${token} to the token that came with the key, or make new ones: both end together`,
  permission: (_, use) =>
    `allow the key ${WORK[use]} what \`valetkey policy ${use}\` prints; or correct STORAGE_BUCKET, if that is the bucket of others`,
  bucket: () =>
    "create the bucket, or correct STORAGE_BUCKET; STORAGE_CREATE_BUCKET=on makes it when the service starts",
};

const WORK = { service: "of the service", put: "for uploads", get: "for downloads" } as const;

/** Tells whether the store refuses the key itself, for any request. */
export const isKeyRefused = ({ code }: StoreAnswer): boolean =>
  ["access key", "secret key", "session token"].includes(faultIn(code) ?? "");

/** The headers that were not signed, where the answer names them: Amazon does, MinIO does not. */
export const headersNotSigned = (text: string): string | undefined =>
  /<HeadersNotSigned>([\w-,; ]{1,200})</.exec(text)?.[1];

/** The region of the bucket, where the answer names it. */
export const regionNamed = (text: string): string | undefined =>
  /<Region>([a-z0-9-]{1,64})</.exec(text)?.[1] ??
  /expecting (?:&#39;|')([a-z0-9-]{1,64})/.exec(text)?.[1];

export const PASS_QUERY =
  "let the proxy pass path and query on unchanged: nginx: proxy_pass without a path";
export const PASS_REQUEST =
  "let the proxy pass Host, path, query, Content-Type and Content-Length on unchanged: nginx: proxy_pass without a path, proxy_set_header Host $http_host";
export const OR_PROXY =
  "; or, if there is a proxy in front, let it pass Host and the path on unchanged";

/** Says how to mend an endpoint that has the bucket's name, which is added anyway; else undefined. */
export function bucketTwice({ s3, bucket }: Doctor, audience: Audience): string | undefined {
  if (s3 === undefined) return undefined;
  const { host, unsignedPrefix = "", path } = s3.addresses[audience];
  const inPath = `${unsignedPrefix}${path}`.split("/").filter((name) => name === bucket);
  return inPath.length + Number(host.startsWith(`${bucket}.`)) > 1
    ? `leave the bucket's name out of the endpoint: it is in the address twice (${host}${unsignedPrefix}${path})`
    : undefined;
}

// The signature of a URL covers the secret, the host and the query, so its refusal says little.
// Other signatures cover only some of them.

/** Tells whether the store sees signatures: it denies requests without one, and names a wrong one. */
export const seesSignatures = Effect.fnUntraced(function* (doctor: Doctor, audience: Audience) {
  const { url } = yield* doctor.signGet(yield* doctor.newKey, { audience });
  const { code } = yield* doctor.send("GET", withWrongSignature(url));
  return code !== "AccessDenied";
});

/**
 * Tells whether the secret is right, by a form, whose signature covers its policy alone; false also where
 * the answers do not differ. The policy has expired, so nothing is written.
 */
export const knowsSecret = Effect.fnUntraced(function* (
  { s3, newKey, inTime }: Doctor,
  use: "service" | "put",
  audience: Audience,
) {
  if (s3 === undefined) return false;
  const { signers, addresses, bucket, region } = s3;
  const now = yield* Clock.currentTimeMillis;
  const signer = yield* signers[use](now, 0);
  const { origin, path, unsignedPrefix = "" } = addresses[audience];
  const fields = yield* signer.signForm({
    bucket,
    fields: { key: yield* newKey },
    sizes: [0, 1],
    region,
    now,
    expiresIn: -3600,
  });
  const refusalFor = (fields: Readonly<Record<string, string>>) =>
    inTime(
      Effect.promise(() => sendForm({ url: `${origin}${unsignedPrefix}${path}/`, fields })),
    ).pipe(Effect.map(({ status, body }) => refusalIn({ status, text: body.toString() })));
  const wrong = yield* refusalFor({ ...fields, "x-amz-signature": "0".repeat(64) });
  const own = yield* refusalFor(fields);
  // Ceph has one code for both, and says of the second alone that it has expired.
  const isExpired = /expired/i.test(own.message ?? "") && !/expired/i.test(wrong.message ?? "");
  return isExpired || (wrong.code === "SignatureDoesNotMatch" && own.code !== wrong.code);
});

/**
 * Tells whether the store takes a request that the official client signs in a header: it removes a version
 * that does not exist, whose name in the query is signed too.
 */
export const takesSignedHeaders = ({ store, newKey, inTime }: Doctor) =>
  Effect.isSuccess(Effect.flatMap(newKey, (key) => inTime(store.remove({ key, version: "null" }))));

/** A finding about a store that takes signatures in headers alone. */
export const NO_SIGNED_URLS = [
  "takes requests that are signed in a header, and no signed URLs",
  "Browsers upload and download with signed URLs alone.",
  "use a store with presigned URLs, or switch them on there",
] as const;
