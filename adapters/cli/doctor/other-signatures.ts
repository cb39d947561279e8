import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { Audience } from "../../../application/ports/presigner.ts";
import { sendForm } from "../../storage/contract/uploads.ts";
import { refusalIn } from "../../storage/rest/refusal-reason.ts";
import type { Target } from "./target.ts";

// A URL that is refused says little: its signature covers the secret, the host and the query. Other
// signatures cover only some of them.

/**
 * Whether the secret is right, by a form, whose signature covers its policy alone; false too where
 * the store does not tell. The policy has expired, so nothing is written.
 */
export const knowsSecret = Effect.fnUntraced(function* (
  { s3, newKey, inTime }: Target,
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
 * Whether the store takes a request that the official client signs in a header: it removes a version
 * that does not exist, whose name in the query is signed too.
 */
export const takesSignedHeaders = ({ store, newKey, inTime }: Target) =>
  Effect.flatMap(newKey, (key) => inTime(store.remove({ key, version: "null" }))).pipe(
    Effect.isSuccess,
  );

/** A finding's words for a store that takes signatures in headers alone. */
export const NO_SIGNED_URLS = {
  seen: "takes requests that are signed in a header, and no signed URLs",
  why: "Browsers upload and download with signed URLs alone.",
  mend: "use a store with presigned URLs, or switch them on there",
} as const;
