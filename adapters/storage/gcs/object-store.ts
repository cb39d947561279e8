import type { Bucket, FileMetadata } from "@google-cloud/storage";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { KeyObject } from "node:crypto";
import { type ObjectFacts, ObjectStore } from "../../../application/ports/object-store.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { always, current } from "../credentials/held.ts";
import type { BucketAddress } from "../signing/bucket-address.ts";
import { factsIn, present } from "../rest/object-facts.ts";
import { isBucketMissing } from "../rest/bucket-check.ts";
import { clockFault } from "../rest/refusal-reason.ts";
import { signedFetch } from "../rest/signed-fetch.ts";
import type { Held, KeySigner, Signer } from "../signing/signer.ts";
import { loadClient, makeClient } from "./client.ts";
import { type GcsSigner, isServiceAccount } from "./keys.ts";
import { type GcsSettings, REGION } from "./settings.ts";
import { codeOf, isError } from "../../settings/thrown.ts";

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
    const libraries = await loadClient();
    const of = held ?? settings;
    const bucket = buckets.get(of) ?? makeClient(libraries, settings, held).bucket(settings.bucket);
    buckets.set(of, bucket);
    return bucket;
  };
  /** Asks by a signed request with an HMAC key, else by the client. */
  const ask = <A>(by: {
    readonly request: (signer: Held<Signer>) => Effect.Effect<A, StoreUnavailable>;
    readonly client: (bucket: Bucket) => Promise<A>;
  }) =>
    Effect.gen(function* () {
      const held = signer && (yield* current(signer));
      if (held !== undefined && !isServiceAccount(held)) return yield* by.request(always(held));
      return yield* Effect.tryPromise({
        try: async () => by.client(await bucketOf(held)),
        catch: (cause) => unavailable(reasonOf(settings.bucket, cause)),
      });
    }).pipe(
      Effect.catchTag("CredentialsUnavailable", ({ reason }) => Effect.fail(unavailable(reason))),
    );

  const missing = unavailable(`there is no bucket ${settings.bucket}; make it`);
  return ObjectStore.of({
    ensureBucket: ask({
      client: (bucket) => ensure(settings, bucket),
      request: (signer) =>
        Effect.gen(function* () {
          const bucket = { signer, address, region: REGION };
          const { status, headers } = yield* signedFetch(bucket, { method: "HEAD" });
          const fault = clockFault(headers.get("date"), yield* Clock.currentTimeMillis);
          if (fault !== undefined) return yield* unavailable(fault);
          if (status === 404) return yield* missing;
          if (status !== 200) {
            return yield* unavailable(reasonOf(settings.bucket, { code: status }));
          }
        }),
    }),
    keep: (key) =>
      ask({
        client: async (bucket) => {
          // It can only move later, so it is moved to where no rule will look.
          const customTime = "9999-01-01T00:00:00Z";
          await bucket.file(key).setMetadata({ customTime });
        },
        request: () =>
          Effect.fail(unavailable("an HMAC key cannot change an object's custom time")),
      }),
    remove: ({ key, version }) =>
      ask({
        client: async (bucket) => {
          await bucket.file(key).delete({ ifGenerationMatch: version, ignoreNotFound: true });
        },
        request: () => Effect.fail(unavailable("an HMAC key removes nothing here")),
      }),
    lifecycle: {
      rule: (days) => JSON.stringify({ rule: [ruleOf(days)] }, undefined, 2),
      apply: (days) =>
        ask({
          client: (bucket) => applyRule(bucket, days),
          request: () => Effect.fail(unavailable("an HMAC key cannot change a bucket's lifecycle")),
        }),
    },
    head: (key) =>
      ask({
        client: async (bucket) => {
          try {
            const [metadata] = await bucket.file(key).getMetadata();
            return Option.some(factsOf(metadata));
          } catch (cause) {
            if (codeOf(cause) !== 404) throw cause;
            // Who may not look at the bucket is told of the object alone.
            const [exists] = await bucket.exists().catch(() => [true]);
            if (!exists) throw new Error(missing.reason, { cause });
            return Option.none();
          }
        },
        request: (signer) =>
          Effect.gen(function* () {
            const bucket = { signer, address, region: REGION };
            const { ok, status, headers } = yield* signedFetch(bucket, { method: "HEAD", key });
            if (status === 404) {
              if (yield* isBucketMissing(bucket)) return yield* missing;
              return Option.none<ObjectFacts>();
            }
            const facts = ok ? factsIn(headers) : undefined;
            if (facts !== undefined) return Option.some(facts);
            return yield* unavailable(reasonOf(settings.bucket, { code: status }));
          }),
      }),
  });
}

const ruleOf = (days: number) => ({
  action: { type: "Delete" as const },
  condition: { daysSinceCustomTime: days },
});

async function applyRule(bucket: Bucket, days: number): Promise<"added" | "there"> {
  const [metadata] = await bucket.getMetadata();
  const rules = metadata.lifecycle?.rule ?? [];
  const isOurs = (rule: unknown) => JSON.stringify(rule) === JSON.stringify(ruleOf(days));
  // Rules have no names there, so an older one of ours cannot be told from another's.
  const sooner = rules.find(({ condition }) => (condition.daysSinceCustomTime ?? days) < days);
  if (sooner !== undefined) {
    throw new Error(
      `a rule of the bucket ${bucket.name} acts ${sooner.condition.daysSinceCustomTime} days after an object's custom time, and would remove uploads before ${days} days are over; take it away first`,
    );
  }
  if (rules.some(isOurs)) return "there";
  await bucket.setMetadata(
    { lifecycle: { rule: [...rules, ruleOf(days)] } },
    // Another's change in between is not overwritten.
    { ifMetagenerationMatch: metadata.metageneration ?? 0 },
  );
  return "added";
}

/** The facts as the JSON API has them. */
function factsOf(metadata: FileMetadata): ObjectFacts {
  const { crc32c, md5Hash, generation } = metadata;
  const extras = {
    "cache-control": metadata.cacheControl,
    "content-disposition": metadata.contentDisposition,
    "content-encoding": metadata.contentEncoding,
    "content-language": metadata.contentLanguage,
  };
  return {
    size: Number(metadata.size),
    mediaType: metadata.contentType ?? "",
    // The XML API, which clients see, writes the MD5 where there is one.
    etag: md5Hash === undefined ? (metadata.etag ?? "") : `"${hexOf(md5Hash)}"`,
    checksums: present({ crc32c, md5: md5Hash }),
    extraHeaders: present(extras),
    version: generation === undefined ? undefined : String(generation),
  };
}

const hexOf = (base64: string) => Buffer.from(base64, "base64").toString("hex");

async function ensure({ createBucket, location }: GcsSettings, bucket: Bucket): Promise<void> {
  const [exists] = await bucket.exists();
  if (exists) return;
  if (!createBucket) {
    throw new Error(`there is no bucket ${bucket.name}; make it, or set STORAGE_CREATE_BUCKET=on`);
  }
  await bucket.create(location === undefined ? {} : { location });
}

const unavailable = (reason: string) => new StoreUnavailable({ reason });

function reasonOf(bucket: string, cause: unknown): string {
  const code = codeOf(cause);
  if (code === 403) {
    return `the store does not show the bucket ${bucket}: the secret is wrong, or storage.buckets.get is missing`;
  }
  if (!isError(cause)) return `the bucket ${bucket} was answered with ${String(code)}`;
  return cause.message;
}
