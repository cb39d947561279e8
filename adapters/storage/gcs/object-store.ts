import type { Bucket, Storage } from "@google-cloud/storage";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { KeyObject } from "node:crypto";
import { ObjectStore, type Parts } from "../../../application/ports/object-store.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { BucketCors } from "../bucket-cors.ts";
import { current } from "../credentials/held.ts";
import { factsIn } from "../rest/object-facts.ts";
import { readObject } from "../rest/read-object.ts";
import { rememberedBucket } from "../rest/remembered-bucket.ts";
import { listObjects, listUploads } from "../rest/list.ts";
import { clockFault, noBucket } from "../rest/refusal-reason.ts";
import type { ObjectKey } from "../../../domain/storage-key.ts";
import {
  asUnavailable,
  type Bucket as SignedBucket,
  doneBy,
  headObject,
  mayBePage,
  type Refuse,
  signedFetch,
  unavailable,
} from "../rest/signed-fetch.ts";
import { temporaryFailure } from "../rest/temporary.ts";
import { GCS_NAMES } from "../signing/binding.ts";
import type { CredentialSource, KeySigner } from "../signing/signer.ts";
import { applyCors, applyLifecycle, corsRule, effectsIn, lifecycleRule } from "./rules.ts";
import { type GcsSigner, isServiceAccount } from "./credentials.ts";
import { accountClient } from "./account-client.ts";
import { GCS_LIMITS, gcsAbilities, type GcsSettings } from "./settings.ts";
import { neededBy } from "../../values/needed-by.ts";
import { errorCode, isError } from "../../values/thrown.ts";

/**
 * Signed requests look at objects, and remove them. The official client does the rest, which only
 * the JSON API has; it cannot use an HMAC key, with which the rest is impossible.
 */
export function objectStore(store: {
  readonly settings: GcsSettings;
  readonly signed: SignedBucket;
  /** Without one, the client looks for the credentials of this machine. */
  readonly signer: CredentialSource<GcsSigner> | undefined;
  readonly parts: Omit<Parts, "listOpen">;
}): { readonly store: ObjectStore["Service"]; readonly cors: BucketCors["Service"] } {
  const { settings, signed, signer, parts } = store;
  const abilities = gcsAbilities(settings);
  const buckets = new WeakMap<object, Bucket>();
  const bucketFor = async (key: KeySigner<KeyObject> | undefined) => {
    const of = key ?? settings;
    const bucket = buckets.get(of) ?? (await makeClient(settings, key)).bucket(settings.bucket);
    buckets.set(of, bucket);
    return bucket;
  };
  const call = <A>(
    withClient: (bucket: Bucket) => Promise<A>,
    withHmacKey: Effect.Effect<A, StoreUnavailable> = Effect.fail(ONLY_SIGNS),
  ) =>
    Effect.gen(function* () {
      const held = signer && (yield* current(signer));
      if (held !== undefined && !isServiceAccount(held)) return yield* withHmacKey;
      return yield* Effect.tryPromise({
        try: async () => withClient(await bucketFor(held)),
        catch: failed,
      });
    }).pipe(Effect.mapError(asUnavailable));

  const isThere = rememberedBucket(
    Effect.map(signedFetch(signed, { method: "HEAD" }), ({ status }) => status !== 404),
  );
  const failed = (cause: unknown) => callFailed(settings.bucket, cause);
  const missing = refused(`the bucket ${settings.bucket} does not exist; create it`);
  const refuse: Refuse = ({ status }) => Effect.fail(failed({ code: status }));
  const objects = ObjectStore.of({
    abilities,
    limits: GCS_LIMITS,
    ensureBucket: call(
      async (bucket) => {
        const [exists] = await bucket.exists();
        // The client takes any answer of 200 as one about its request.
        if (exists && bucket.metadata?.name !== settings.bucket) throw NOT_A_STORE;
        if (exists) return;
        const { createBucket, location } = settings;
        if (!createBucket) throw refused(noBucket(settings));
        await bucket.create(location === undefined ? {} : { location });
      },
      Effect.gen(function* () {
        const answer = yield* signedFetch(signed, { method: "HEAD" });
        const reason = clockFault(answer.headers.get("date"), yield* Clock.currentTimeMillis);
        if (reason !== undefined) return yield* unavailable(reason);
        if (answer.status === 404) return yield* missing;
        if (answer.status !== 200) return yield* refuse(answer);
      }),
    ),
    // By generation: with a precondition, the object would only become an older version in a bucket
    // with versions.
    remove: ({ key, version }) =>
      doneBy(signed, { method: "DELETE", key, query: generationQuery(version) }, refuse, 404),
    read: (object) => readObject(signed, object, generationQuery(object.version), refuse),
    ...(abilities.has("copies") && {
      copies: {
        // With a body, only the named properties of the upload are copied. Each object has a
        // generation.
        copy: ({ key, version: generation, to, contentType, names }) =>
          call(async (bucket) => {
            const preconditionOpts = { ifGenerationMatch: 0 };
            try {
              const upload = bucket.file(key, at(generation));
              const metadata = names === undefined ? {} : { [GCS_NAMES]: names };
              await upload.copy(to, { contentType, metadata, preconditionOpts });
              return "copied";
            } catch (cause) {
              if (errorCode(cause) === 412) return "exists";
              if (errorCode(cause) === 404) return "changed";
              throw cause;
            }
          }),
        writeEmpty: (key) => doneBy(signed, { method: "PUT", key }, refuse),
      },
    }),
    list: {
      objects: listObjects(signed, refuse),
      versions: ({ prefix, after }) =>
        call(async (bucket) => {
          const pageToken = after && { pageToken: after };
          const query = { prefix, versions: true, autoPaginate: false, ...pageToken };
          const [files, next] = await bucket.getFiles(query);
          const versions = files.map(({ name, metadata: { generation, size } }) => ({
            key: name as ObjectKey,
            version: generation === undefined ? undefined : String(generation),
            ...(size !== undefined && { size: Number(size) }),
          }));
          const token = next && (next as { readonly pageToken?: string }).pageToken;
          return { found: versions, ...(token && { next: token }) };
        }),
    },
    parts: { ...parts, listOpen: listUploads(signed, refuse) },
    rules: {
      removesParts: true,
      retention: call(async (bucket) => {
        const [{ retentionPolicy, defaultEventBasedHold }] = await bucket.getMetadata();
        const seconds = Number(retentionPolicy?.retentionPeriod ?? 0);
        if (defaultEventBasedHold === true) return "as long as its event-based hold lasts";
        return seconds > 0 ? `${seconds} seconds` : undefined;
      }, Effect.undefined),
      effects: call(async (bucket) => effectsIn((await bucket.getMetadata())[0])),
      rule: lifecycleRule,
      apply: (days, options) => call((bucket) => applyLifecycle(bucket, days, options)),
    },
    head: Effect.fnUntraced(function* (key) {
      const answer = yield* headObject(signed, key);
      if (answer.status === 404) {
        return (yield* isThere) ? Option.none() : yield* missing;
      }
      const facts = answer.ok ? factsIn(answer.headers) : undefined;
      return facts === undefined ? yield* refuse(answer) : Option.some(facts);
    }),
  });
  const cors = BucketCors.of({
    rule: corsRule,
    byHand: `put it into cors.json beside your other rules, and run: gcloud storage buckets update gs://${settings.bucket} --cors-file=cors.json`,
    apply: (origins, options) => call((bucket) => applyCors(bucket, origins, options)),
  });
  return { store: objects, cors };
}

const generationQuery = (version: string | undefined) =>
  version === undefined ? [] : [["generation", version] as const];

const at = (generation: string | undefined) => (generation === undefined ? {} : { generation });

const refused = (reason: string) => new StoreUnavailable({ kind: "refused", reason });

const ONLY_SIGNS = refused(
  "an HMAC key only signs, and cannot change what describes a file or a bucket; give the key of a service account",
);

const NOT_A_STORE = new StoreUnavailable({
  kind: "senseless",
  reason: "the answer is not from Cloud Storage; check the endpoint, and what is in front of it",
});

async function makeClient(
  settings: GcsSettings,
  key: KeySigner<KeyObject> | undefined,
): Promise<Storage> {
  const { Storage } = await loadClient();
  const { endpoint, key: account } = settings;
  const authClient = await accountClient(settings, key);
  return new Storage({
    apiEndpoint: endpoint.href,
    // Only an emulator has no TLS. It needs no credentials, and a token would be readable.
    useAuthWithCustomEndpoint: endpoint.protocol === "https:",
    ...(account?.universeDomain && { universeDomain: account.universeDomain }),
    // Callers wait no longer, and repeat what can be repeated.
    timeout: 5000,
    retryOptions: { autoRetry: false, maxRetries: 0 },
    ...(account?.project && { projectId: account.project }),
    ...(authClient && { authClient }),
  });
}

async function loadClient() {
  try {
    await import("google-auth-library");
    return await import("@google-cloud/storage");
  } catch (cause) {
    return neededBy("the store gcs", "@google-cloud/storage", "google-auth-library")(cause);
  }
}

function callFailed(bucket: string, cause: unknown): StoreUnavailable {
  if (cause instanceof StoreUnavailable) return cause;
  const code = errorCode(cause);
  const headers = headersIn(cause);
  const status = typeof code === "number" ? code : undefined;
  const temporary = temporaryFailure({ status, retryAfter: headers.get("retry-after") });
  if (temporary !== undefined) return temporary;
  if (status === 200 || mayBePage(headers)) return NOT_A_STORE;
  const kind = status === undefined ? "unreachable" : "refused";
  return new StoreUnavailable({ kind, reason: explain(bucket, cause) });
}

function headersIn(cause: unknown): Headers {
  const { response } = cause as { readonly response?: { readonly headers?: HeadersInit } };
  return new Headers(response?.headers);
}

function explain(bucket: string, cause: unknown): string {
  const code = errorCode(cause);
  if (code === 403) {
    return `the store does not show the bucket ${bucket}: the secret is wrong, or storage.buckets.get is missing`;
  }
  if (!isError(cause)) return `the store answered ${String(code)} for the bucket ${bucket}`;
  return cause.message;
}
