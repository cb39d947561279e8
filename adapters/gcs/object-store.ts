import type { Bucket } from "@google-cloud/storage";
import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type { KeyObject } from "node:crypto";
import { ObjectStore, StoreUnavailable } from "../../application/ports/object-store.ts";
import type { BucketAddress } from "../signing/bucket-address.ts";
import type { Held } from "../signing/held.ts";
import type { KeySigner, Signer } from "../signing/signer.ts";
import { type GcsSigner, isServiceAccount } from "./keys.ts";
import type { GcsSettings } from "./settings.ts";

/**
 * The calls to the bucket, made by the official client, which is loaded with the first of them.
 * An HMAC key is none of its credentials, so there a signed request of our own asks.
 */
export function objectStore(
  settings: GcsSettings,
  address: BucketAddress,
  signer: Held<GcsSigner> | undefined,
): ObjectStore["Service"] {
  const buckets = new WeakMap<object, Promise<Bucket>>();
  const bucketOf = (held: KeySigner<KeyObject> | undefined) => {
    const bucket = buckets.get(held ?? settings) ?? openBucket(settings, held);
    buckets.set(held ?? settings, bucket);
    return bucket;
  };
  return ObjectStore.of({
    ensureBucket: Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis;
      const held = signer === undefined ? undefined : yield* signer(now, 0);
      if (held !== undefined && !isServiceAccount(held)) {
        return yield* lookAt(address, held, now);
      }
      yield* Effect.tryPromise({
        try: async () => ensure(settings, await bucketOf(held)),
        catch: (cause) => ({ reason: reasonOf(settings.bucket, cause) }),
      });
    }).pipe(Effect.mapError(({ reason }) => new StoreUnavailable({ reason }))),
  });
}

async function openBucket(settings: GcsSettings, signer?: KeySigner<KeyObject>): Promise<Bucket> {
  const { makeClient } = await import("./client.ts");
  return makeClient(settings, signer).bucket(settings.bucket);
}

async function ensure({ createBucket, location }: GcsSettings, bucket: Bucket): Promise<void> {
  const [exists] = await bucket.exists();
  if (exists) return;
  if (!createBucket) throw new Error(missing(bucket.name));
  await bucket.create(location === undefined ? {} : { location });
}

/** `HEAD` on the bucket with a signature in its query. */
const lookAt = (address: BucketAddress, signer: Signer, now: number) =>
  signer
    .sign({
      method: "HEAD",
      origin: address.origin,
      unsignedPrefix: address.unsignedPrefix ?? "",
      path: address.path || "/",
      query: [],
      headers: [["host", address.host]],
      region: "auto",
      now,
      expiresIn: Duration.toSeconds("1 minute"),
    })
    .pipe(
      Effect.flatMap((url) =>
        Effect.tryPromise({
          try: (signal) => fetch(url, { method: "HEAD", signal }),
          catch: (cause) => ({ reason: reasonOf(address.host, cause) }),
        }),
      ),
      Effect.flatMap(({ status }) =>
        status === 200
          ? Effect.void
          : Effect.fail({ reason: reasonOf(address.path, { code: status }) }),
      ),
    );

const missing = (bucket: string) =>
  `there is no bucket ${bucket}; make it, or set STORAGE_CREATE_BUCKET=on`;

function reasonOf(bucket: string, cause: unknown): string {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : "";
  if (code === 404) return missing(bucket);
  if (code === 403) {
    return `the credentials may not look at the bucket ${bucket} (storage.buckets.get)`;
  }
  if (!(cause instanceof Error)) return `it answered with the status ${String(code)}`;
  return cause.message;
}
