import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { StoreUnavailable } from "../../application/ports/object-store.ts";
import type { StorageKey } from "../../domain/storage-key.ts";
import type { BucketAddress } from "./bucket-address.ts";
import { encodeKey } from "./encode.ts";
import type { Held, Signer } from "./signer.ts";
import type { Pair } from "./v4.ts";

/**
 * Sends a `HEAD` with a signature in its query, for an object or for the bucket itself, where no
 * official client can ask what we have to know.
 */
export const signedHead = Effect.fnUntraced(
  function* (request: {
    readonly signer: Held<Signer>;
    readonly address: BucketAddress;
    readonly region: string;
    readonly key?: StorageKey;
    /** Further headers: lower-case names that sort behind `host`, in ascending order. */
    readonly headers?: ReadonlyArray<Pair>;
  }) {
    const { address, region, key, headers = [] } = request;
    const now = yield* Clock.currentTimeMillis;
    const signer = yield* request.signer(now, 0);
    const url = yield* signer.sign({
      method: "HEAD",
      origin: address.origin,
      unsignedPrefix: address.unsignedPrefix,
      path: key === undefined ? address.path || "/" : `${address.path}/${encodeKey(key)}`,
      query: [],
      headers: [["host", address.host], ...headers],
      region,
      now,
      expiresIn: 60,
    });
    return yield* Effect.tryPromise({
      try: (signal) => fetch(url, { method: "HEAD", headers: Object.fromEntries(headers), signal }),
      catch: (cause) => new StoreUnavailable({ reason: reasonOf(cause) }),
    });
  },
  Effect.catchTag("CredentialsUnavailable", ({ reason }) =>
    Effect.fail(new StoreUnavailable({ reason })),
  ),
);

/** What `fetch` failed of is the cause of its failure. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message;
}
