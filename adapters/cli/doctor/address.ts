import * as Effect from "effect/Effect";
import type { Audience } from "../../../application/ports/presigner.ts";
import { refusalIn } from "../../storage/rest/refusal-reason.ts";
import type { Target } from "./target.ts";

/** How to mend an endpoint that has the bucket's name, which is added anyway; else undefined. */
export function bucketTwice({ s3 }: Target, audience: Audience): string | undefined {
  if (s3 === undefined) return undefined;
  const { host, unsignedPrefix = "", path } = s3.addresses[audience];
  const inPath = `${unsignedPrefix}${path}`.split("/").filter((name) => name === s3.bucket);
  const isInHost = host.startsWith(`${s3.bucket}.`);
  return inPath.length + Number(isInHost) > 1
    ? `leave the bucket's name out of the endpoint: it is in the address twice (${host}${unsignedPrefix}${path})`
    : undefined;
}

/**
 * Whether the store sees signatures. Without one a request is denied; with a wrong one it is told so.
 */
export const seesSignatures = Effect.fnUntraced(function* (target: Target, audience: Audience) {
  const { url } = yield* target.signGet(yield* target.newKey, { audience });
  const { status, body } = yield* target.send(
    "GET",
    url.replace(/(-Signature=)[^&]+/, `$1${"0".repeat(64)}`),
  );
  return refusalIn({ status, text: body.toString() }).code !== "AccessDenied";
});

/** What lets the store see them. */
export const PASS_QUERY =
  "let the proxy pass path and query on as they are: nginx: proxy_pass without a path";

/** What lets the store see the request that was signed. */
export const PASS_ON =
  "let the proxy pass Host, path, query, Content-Type and Content-Length on as they are: nginx: proxy_pass without a path, proxy_set_header Host $http_host";

export const OR_PROXY =
  "; or, if a proxy stands in front, let it pass Host and the path on as they are";
