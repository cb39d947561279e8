import * as Effect from "effect/Effect";
import type { Audience } from "../../../application/ports/presigner.ts";
import { faultIn, explainRefusal } from "../../storage/rest/refusal-reason.ts";
import type { KeyName, Use } from "./key-names.ts";
import { type Doctor, type StoreAnswer, withWrongSignature } from "./doctor.ts";
import type { Problem } from "./problems.ts";

/** Explains a refusal, in words that name the settings of the key that signed. */
export function refusal({ bucket, names }: Doctor, use: Use, answer: StoreAnswer): Problem {
  const { from, secret, token } = names[use];
  const what =
    answer.code === "AccessDenied" && use !== "service"
      ? `the key may not ${use} (AccessDenied: ${answer.message})`
      : explainRefusal({ bucket }, answer)
          .replaceAll("STORAGE_ACCESS_KEY", from)
          .replaceAll("STORAGE_SECRET_KEY", secret)
          .replaceAll("STORAGE_SESSION_TOKEN", token);
  return { what, mend: refusalMend(names[use], use, answer) };
}

function refusalMend({ mend, token }: KeyName, use: Use, { status, code }: StoreAnswer): string {
  switch (faultIn(code)) {
    case "access key":
      return mend;
    case "secret key":
      // A download is tried where an upload was accepted, so nothing on the way is at fault.
      return use === "get"
        ? mend
        : `${mend}; or, if there is a proxy in front, let it pass Host and the path on unchanged`;
    case "session token":
      return `set ${token} to the token that came with the key, or make new ones: both end together`;
    case "permission":
      return `allow the key ${WORK[use]} what \`valetkey policy ${use}\` prints; or correct STORAGE_BUCKET, if that is the bucket of others`;
    case "bucket":
      return "create the bucket, or correct STORAGE_BUCKET; STORAGE_CREATE_BUCKET=on makes it when the service starts";
  }
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

const WORK = { service: "of the service", put: "for uploads", get: "for downloads" } as const;

export const PASS_QUERY =
  "let the proxy pass path and query on unchanged: nginx: proxy_pass without a path; or switch signed URLs on in the store, or use one that has them";
export const PASS_REQUEST =
  "let the proxy pass Host, path, query, Content-Type and Content-Length on unchanged: nginx: proxy_pass without a path, proxy_set_header Host $http_host";

/** Returns the remedy for an endpoint that repeats the bucket's name; else undefined. */
export function bucketTwice({ s3, bucket }: Doctor, audience: Audience): string | undefined {
  if (s3 === undefined) return undefined;
  const { host, unsignedPrefix = "", path } = s3.addresses[audience];
  const inPath = `${unsignedPrefix}${path}`.split("/").filter((name) => name === bucket);
  return inPath.length + Number(host.startsWith(`${bucket}.`)) > 1
    ? `leave the bucket's name out of the endpoint: it is in the address twice (${host}${unsignedPrefix}${path})`
    : undefined;
}

/**
 * Returns true if a probe shows that something on the way removes the query, or that the store
 * accepts no signed URLs: both refuse a wrong signature in the same words.
 */
export const isQueryLost = Effect.fnUntraced(function* (
  { s3, newKey, signGet, send }: Doctor,
  { audience, code }: { readonly audience: Audience; readonly code: string | undefined },
) {
  if (s3 === undefined || code !== "AccessDenied") return false;
  const { url } = yield* signGet(newKey(), { audience });
  const wrong = yield* send("GET", withWrongSignature(url));
  return wrong.code === code;
});
