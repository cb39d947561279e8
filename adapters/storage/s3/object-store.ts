import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { putChecksums } from "../../../application/ports/abilities.ts";
import { ObjectStore, type Parts } from "../../../application/ports/object-store.ts";
import type { StoreUnavailable } from "../../../domain/errors.ts";
import { VARIABLES } from "../../settings/source.ts";
import { configuredProvider, provider as providerSetting, providerIn } from "./provider.ts";
import { type Provider, PROVIDERS } from "./providers.ts";
import { endpoint } from "../settings.ts";
import { versionQuery } from "../signing/binding.ts";
import { clockFault, noBucket, refusalIn, refused } from "../rest/refusal-reason.ts";
import type { WatchedBucket } from "./bucket-state.ts";
import { listObjects, listUploads } from "../rest/list.ts";
import { multipartCalls } from "../rest/multipart.ts";
import { readObject } from "../rest/read-object.ts";
import { rememberedBucket } from "../rest/remembered-bucket.ts";
import { factsFromHead, failIfUnreadable, scanTag } from "./rode-along.ts";
import { s3Copy } from "./copy.ts";
import { s3Lifecycle } from "./lifecycle.ts";
import type { S3Settings } from "./settings.ts";
import { listVersions } from "./versions.ts";
import {
  type Bucket,
  doneBy,
  headBucket,
  headObject,
  listOne,
  type Refuse,
  unavailable,
} from "../rest/signed-fetch.ts";

/** Loads the official client, which makes a bucket. */
export type BucketMaker = Effect.Effect<Effect.Effect<void, StoreUnavailable>, StoreUnavailable>;

/** Signs its calls: official clients hide headers of answers, or request no checksums. */
export function s3ObjectStore(
  settings: S3Settings,
  { at: bucket, state }: { readonly at: Bucket; readonly state: WatchedBucket },
  client: BucketMaker,
): ObjectStore["Service"] {
  const { words = VARIABLES } = settings;
  const provider = configuredProvider(settings);
  // MD5 is in the ETag, and servers that know no other may refuse the request (S3Proxy).
  const reports = putChecksums(provider.abilities).filter((algorithm) => algorithm !== "md5");
  const checksums = reports.length > 0 ? CHECKSUMS : [];
  let isWarned = false;
  const hasBucket = Effect.gen(function* () {
    const { ok, status, headers } = yield* headBucket(bucket);
    const actual = providerIn(headers) ?? settings.provider;
    if (![actual, "s3"].includes(settings.provider)) {
      const { title, needsPutKey }: Provider = PROVIDERS[actual];
      const other = `the store seems to be ${title}, but is configured as ${provider.title}, which may enforce more; set ${words.assign(providerSetting, actual)}`;
      if (needsPutKey !== undefined) return yield* unavailable(other);
      if (!isWarned) yield* Effect.logWarning(other);
      isWarned = true;
    }
    const fault = clockFault(headers.get("date"), yield* Clock.currentTimeMillis);
    if (fault !== undefined) return yield* unavailable(fault);
    if (ok || status === 404) return ok;
    // An answer to HEAD has no body with the reason.
    const list = yield* listOne(bucket);
    return yield* refused(settings, { ...refusalIn(list), status });
  });

  const isThere = rememberedBucket(Effect.map(headBucket(bucket), ({ status }) => status !== 404));

  const makesParts = provider.abilities.has("multipart");
  const refuse: Refuse = (answer) => Effect.fail(refused(settings, refusalIn(answer)));
  const calls = multipartCalls(bucket, {
    refuse: (answer) =>
      refusalIn(answer).code === "AccessDenied" ? MAY_NOT_MAKE_PARTS : refuse(answer),
    // Elsewhere the header may be refused, as by Backblaze B2, or ignored.
    ifNone: provider.abilities.has("copies once") ? [["if-none-match", "*"]] : [],
  });
  const parts: Parts<never> = {
    ...calls,
    // After a completion, the caller needs to know if the object is final.
    complete: (upload) => Effect.andThen(state.renew, calls.complete(upload)),
    abandoned: provider.abandoned,
    listOpen: listUploads(bucket, refuse),
  };
  const copy = s3Copy(bucket, settings, parts, provider.largestCopy);
  const objects = listObjects(bucket, refuse, provider.listMark);
  return ObjectStore.of({
    abilities: state.abilities,
    limits: provider.limits,
    ensureBucket: Effect.gen(function* () {
      // Reports a missing client before anything else.
      const makeBucket = yield* client;
      if (yield* hasBucket) return;
      if (!settings.createBucket) return yield* unavailable(noBucket(settings));
      // Another process may have made it at the same moment.
      yield* makeBucket.pipe(
        Effect.catch((failure) =>
          Effect.flatMap(hasBucket, (isThere) => (isThere ? Effect.void : Effect.fail(failure))),
        ),
      );
    }).pipe(Effect.andThen(state.settle)),
    remove: ({ key, version }) =>
      doneBy(bucket, { method: "DELETE", key, query: versionQuery(version) }, refuse),
    ...(state.check && { checkState: state.check }),
    certificate: settings.certificate?.facts?.name,
    read: (object) => readObject(bucket, object, versionQuery(object.version), refuse),
    list: { objects, versions: listVersions(bucket, refuse, objects) },
    ...(provider.abilities.has("copies") && {
      copies: {
        copy: (upload) => Effect.andThen(state.mayCopy, copy(upload)),
        writeEmpty: (key) => doneBy(bucket, { method: "PUT", key }, refuse),
      },
    }),
    ...(makesParts && { parts }),
    ...(provider.abilities.has("scan tags") && {
      scanTag: (object) => scanTag({ bucket, ...object }),
    }),
    rules: s3Lifecycle(bucket, {
      removesParts: makesParts && provider.abandoned === undefined,
    }),
    head: Effect.fnUntraced(function* (key) {
      const { ok, status, headers } = yield* headObject(bucket, key, checksums);
      if (status === 404) {
        return (yield* isThere) ? Option.none() : yield* unavailable(noBucket(settings));
      }
      const object = { bucket, key, unsigned: provider.unsigned, reports };
      if (status === 400 || status === 403) yield* failIfUnreadable(object, status);
      // Without the second permission, a missing object looks like a forbidden one.
      if (status === 403) {
        return yield* unavailable("the key lacks s3:GetObject or s3:ListBucket; allow both");
      }
      if (!ok)
        return yield* unavailable(
          `the store answered the request for an object with ${status}`,
          status < 400 ? "senseless" : "refused",
        );
      const facts = yield* factsFromHead(object, headers);
      if (facts === undefined) {
        return yield* unavailable(
          `the answer is not from an S3 store; check ${words.name(endpoint)}`,
          "senseless",
        );
      }
      return Option.some(yield* state.judge(facts));
    }),
  });
}

const MAY_NOT_MAKE_PARTS = unavailable(
  "the service's key may not make large files; allow it s3:PutObject, s3:AbortMultipartUpload and s3:ListMultipartUploadParts",
);

const CHECKSUMS = [["x-amz-checksum-mode", "ENABLED"]] as const;
