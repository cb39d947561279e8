import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { type ProviderName, PROVIDERS, provider as providerSetting } from "../providers.ts";
import { VARIABLES } from "../../settings/source.ts";
import { type BucketSettings, clockFault, reasonOfRefusal } from "./refusal-reason.ts";
import { type Bucket, signedFetch } from "./signed-fetch.ts";

const LIST = [
  ["list-type", "2"],
  ["max-keys", "1"],
] as const;

/** Whether the store says that there is no such bucket, where it says that there is no object. */
export const isBucketMissing = (bucket: Bucket) =>
  Effect.map(signedFetch(bucket, { method: "HEAD" }), ({ status }) => status === 404);

/**
 * Whether the bucket is there; fails with what to do where that cannot be told, or
 * where the clocks differ.
 */
export const hasBucket = Effect.fnUntraced(function* (
  bucket: Bucket,
  settings: BucketSettings & { readonly provider: ProviderName },
) {
  const { provider, words = VARIABLES } = settings;
  const { ok, status, headers } = yield* signedFetch(bucket, { method: "HEAD" });
  const actual = providerIn(headers);
  if (actual !== undefined && actual !== provider && !warned.has(bucket)) {
    warned.add(bucket);
    yield* Effect.logWarning(
      `the store seems to be ${PROVIDERS[actual].title}, but is configured as ${PROVIDERS[provider].title}, which may enforce more; set ${words.assign(providerSetting, actual)}`,
    );
  }
  const fault = clockFault(headers.get("date"), yield* Clock.currentTimeMillis);
  if (fault !== undefined) return yield* new StoreUnavailable({ reason: fault });
  if (ok || status === 404) return ok;
  // Answers to a HEAD have no body that could say why.
  const refused = yield* signedFetch(bucket, { method: "GET", query: LIST });
  const body = yield* Effect.promise(() => refused.text().catch(() => ""));
  const reason = reasonOfRefusal(settings, {
    status,
    code: /<Code>(\w+)<\/Code>/.exec(body)?.[1],
    message: /<Message>([^<]*)<\/Message>/.exec(body)?.[1]?.replaceAll("&#39;", "'"),
  });
  return yield* new StoreUnavailable({ reason });
});

/** Buckets of which it was said that their server is another. */
const warned = new WeakSet<Bucket>();

/** The server that answers so, as far as it can be told. */
function providerIn(headers: Headers): ProviderName | undefined {
  const server = headers.get("server") ?? "";
  if (server.startsWith("SeaweedFS")) return "seaweedfs";
  if (server.startsWith("VERSITYGW")) return "versitygw";
  if (headers.has("x-openstack-request-id")) return "swift";
  return headers.get("x-amz-request-id")?.startsWith("tx0") === true ? "ceph" : undefined;
}
