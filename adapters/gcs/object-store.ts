import type { Bucket } from "@google-cloud/storage";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { KeyObject } from "node:crypto";
import { ObjectStore, StoreUnavailable } from "../../application/ports/object-store.ts";
import type { BucketAddress } from "../signing/bucket-address.ts";
import type { Held, KeySigner, Signer } from "../signing/signer.ts";
import { type GcsSigner, isServiceAccount } from "./keys.ts";
import { type GcsSettings, REGION } from "./settings.ts";

/**
 * The calls to the bucket, made by the official client, which is loaded with the first of them.
 * An HMAC key is none of its credentials, so there a signed request of our own asks.
 */
export function objectStore(store: {
  readonly settings: GcsSettings;
  readonly address: BucketAddress;
  /** The key that signs; without one, the client finds the credentials of this machine. */
  readonly signer: Held<GcsSigner> | undefined;
}): ObjectStore["Service"] {
  const { settings, address, signer } = store;
  const buckets = new WeakMap<object, Bucket>();
  const bucketOf = async (held: KeySigner<KeyObject> | undefined) => {
    const { makeClient } = await import("./client.ts");
    const of = held ?? settings;
    const bucket = buckets.get(of) ?? makeClient(settings, held).bucket(settings.bucket);
    buckets.set(of, bucket);
    return bucket;
  };
  const ensureBucket = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis;
    const held = signer && (yield* signer(now, 0));
    if (held !== undefined && !isServiceAccount(held)) {
      return yield* lookAt({ name: settings.bucket, address, signer: held, now });
    }
    return yield* Effect.tryPromise({
      try: async () => ensure(settings, await bucketOf(held)),
      catch: (cause) => unavailable(reasonOf(settings.bucket, cause)),
    });
  });
  return ObjectStore.of({
    ensureBucket: Effect.catchTag(ensureBucket, "CredentialsUnavailable", ({ reason }) =>
      Effect.fail(unavailable(reason)),
    ),
  });
}

async function ensure({ createBucket, location }: GcsSettings, bucket: Bucket): Promise<void> {
  const [exists] = await bucket.exists();
  if (exists) return;
  if (!createBucket) {
    throw new Error(`there is no bucket ${bucket.name}; make it, or set STORAGE_CREATE_BUCKET=on`);
  }
  await bucket.create(location === undefined ? {} : { location });
}

/** `HEAD` on the bucket with a signature in its query. */
const lookAt = Effect.fnUntraced(function* (bucket: {
  readonly name: string;
  readonly address: BucketAddress;
  readonly signer: Signer;
  readonly now: number;
}) {
  const { name, address, signer, now } = bucket;
  const url = yield* signer.sign({
    method: "HEAD",
    origin: address.origin,
    unsignedPrefix: address.unsignedPrefix,
    path: address.path || "/",
    query: [],
    headers: [["host", address.host]],
    region: REGION,
    now,
    expiresIn: 60,
  });
  const { status } = yield* Effect.tryPromise({
    try: (signal) => fetch(url, { method: "HEAD", signal }),
    catch: (cause) => unavailable(reasonOf(name, cause)),
  });
  if (status === 404) return yield* unavailable(`there is no bucket ${name}; make it`);
  if (status !== 200) return yield* unavailable(reasonOf(name, { code: status }));
});

const unavailable = (reason: string) => new StoreUnavailable({ reason });

function reasonOf(bucket: string, cause: unknown): string {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : "";
  if (code === 403) {
    return `the credentials may not look at the bucket ${bucket} (storage.buckets.get)`;
  }
  if (!(cause instanceof Error)) return `the bucket ${bucket} was answered with ${String(code)}`;
  // What `fetch` failed of is the cause of its failure.
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message;
}
