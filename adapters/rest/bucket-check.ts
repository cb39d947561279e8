import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { StoreUnavailable } from "../../application/ports/object-store.ts";
import { clockFault, reasonOfRefusal } from "./refusal-reason.ts";
import { type Bucket, signedFetch } from "./signed-fetch.ts";

const LIST = [
  ["list-type", "2"],
  ["max-keys", "1"],
] as const;

/** Whether the store says that there is no such bucket, where it says that there is no object. */
export const isBucketMissing = (bucket: Bucket) =>
  Effect.map(signedFetch(bucket, { method: "HEAD" }), ({ status }) => status === 404);

/**
 * Whether the bucket called `name` is there; fails with what to do where that cannot be told, or
 * where the clocks differ.
 */
export const hasBucket = Effect.fnUntraced(function* (bucket: Bucket, name: string) {
  const { ok, status, headers } = yield* signedFetch(bucket, { method: "HEAD" });
  const fault = clockFault(headers.get("date"), yield* Clock.currentTimeMillis);
  if (fault !== undefined) return yield* new StoreUnavailable({ reason: fault });
  if (ok || status === 404) return ok;
  // Answers to a HEAD have no body that could say why.
  const refused = yield* signedFetch(bucket, { method: "GET", query: LIST });
  const body = yield* Effect.promise(() => refused.text().catch(() => ""));
  const reason = reasonOfRefusal(name, {
    status,
    code: /<Code>(\w+)<\/Code>/.exec(body)?.[1],
    message: /<Message>([^<]*)<\/Message>/.exec(body)?.[1]?.replaceAll("&#39;", "'"),
  });
  return yield* new StoreUnavailable({ reason });
});
