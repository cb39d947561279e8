import * as Arr from "effect/Array";
import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import { LimitsUnavailable } from "../../domain/errors.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import type { Metadata } from "../../domain/metadata.ts";
import { MULTIPART_LIFETIME } from "../../domain/multipart.ts";
import type { OrganizationId } from "../../domain/organization.ts";
import { parse, StorageKey } from "../../domain/storage-key.ts";
import {
  DEFAULT_POLICY,
  type RequestedUpload,
  type UploadGrant,
  type UploadRequest,
} from "../../domain/upload-policy.ts";
import type { Member } from "../admit.ts";
import type { RetriedUpload } from "../ports/limiter.ts";
import type { SignedRequest } from "../ports/presigner.ts";

/** The facts of the first request's uploads that a retry needs. */
const Memory = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({
      key: StorageKey,
      issuedAt: Schema.DateTimeUtcFromMillis,
      putExpiresAt: Schema.DateTimeUtcFromMillis,
      getExpiresAt: Schema.DateTimeUtcFromMillis,
    }),
  ),
);
const encode = Schema.encodeSync(Memory);
const decode = Schema.decodeEffect(Memory);

const StartMemory = Schema.fromJsonString(
  Schema.Struct({
    key: StorageKey,
    issuedAt: Schema.DateTimeUtcFromMillis,
    /** Left out until the store has begun the upload. */
    uploadId: Schema.optionalKey(Schema.String),
  }),
);
export type MultipartStart = typeof StartMemory.Type;
export const encodeStart = Schema.encodeSync(StartMemory);
const decodeStart = Schema.decodeEffect(StartMemory);

interface RetryKey {
  readonly member: Member;
  readonly idempotencyKey: string;
}

/** For as long as all their first URLs work. */
export function retryOfUploads(
  keyed: RetryKey,
  given: {
    readonly asked: ReadonlyArray<RequestedUpload>;
    readonly signed: ReadonlyArray<{
      readonly key: StorageKey;
      readonly put: SignedRequest;
      readonly get: SignedRequest;
    }>;
    readonly issuedAt: DateTime.Utc;
  },
): RetriedUpload {
  const { asked, signed, issuedAt } = given;
  const memory = signed.map(({ key, put, get }) => ({
    key,
    issuedAt,
    putExpiresAt: put.expiresAt,
    getExpiresAt: get.expiresAt,
  }));
  const ends = signed.flatMap(({ put, get }) => [put.expiresAt, get.expiresAt]);
  return {
    ...keyFrom(keyed),
    request: JSON.stringify(asked.map(described)),
    memory: encode(memory),
    lifetime: DateTime.distance(issuedAt, ends.reduce(DateTime.min)),
  };
}

const keyFrom = ({ member: { principal }, idempotencyKey }: RetryKey) => ({
  caller: [principal.kind, principal.subject],
  key: idempotencyKey,
});

const described = ({ upload, policy = DEFAULT_POLICY }: RequestedUpload) => {
  const { fileName, mediaType, size, strict, checksum, metadata } = upload;
  const { algorithm, value } = checksum ?? {};
  return [fileName, mediaType, size, strict, policy, algorithm, value, ...pairsIn(metadata)];
};

const pairsIn = (metadata: Metadata = {}) => Object.entries(metadata).toSorted();

/**
 * The same uploads with the keys of the first request, signed for as long as the first URLs still
 * work, at most for the grant's own lifetimes. Fails for an entry that this organization did not
 * write: the counter is not trusted with what is signed.
 */
export const recall = Effect.fnUntraced(function* <U extends { readonly grant: UploadGrant }>(
  memory: string,
  given: {
    readonly organization: OrganizationId;
    readonly uploads: ReadonlyArray<U>;
    readonly now: DateTime.Utc;
  },
) {
  const { organization, uploads, now } = given;
  const first = yield* decode(memory).pipe(
    Effect.filterOrFail(
      (first) => first.length === uploads.length && first.every(belongsTo(organization)),
    ),
    Effect.mapError(notOurs),
  );
  return Arr.zipWith(uploads, first, (upload, { key, issuedAt, putExpiresAt, getExpiresAt }) => ({
    ...upload,
    key,
    issuedAt,
    grant: {
      ...upload.grant,
      putLifetime: until(putExpiresAt, now, upload.grant.putLifetime),
      getLifetime: until(getExpiresAt, now, upload.grant.getLifetime),
    },
  }));
});

/** For as long as the upload lives. */
export const retryOfStart = (
  keyed: RetryKey,
  given: {
    readonly upload: UploadRequest;
    readonly policy: string;
    readonly start: MultipartStart;
  },
): RetriedUpload => {
  const { fileName, mediaType, size, checksum, metadata } = given.upload;
  const file = [fileName, mediaType, size, given.policy, checksum, ...pairsIn(metadata)];
  return {
    ...keyFrom(keyed),
    request: JSON.stringify(["multipart", ...file]),
    memory: encodeStart(given.start),
    lifetime: MULTIPART_LIFETIME,
  };
};

/** Fails as `recall` does. */
export const recallStart = (memory: string, organization: OrganizationId) =>
  decodeStart(memory).pipe(Effect.filterOrFail(belongsTo(organization)), Effect.mapError(notOurs));

const belongsTo =
  (organization: OrganizationId) =>
  ({ key }: { readonly key: StorageKey }): boolean =>
    Option.getOrUndefined(parse(key))?.organization === organization;

const notOurs = () =>
  new LimitsUnavailable({
    reason: "an entry for an Idempotency-Key was not written by this service",
  });

/** At least one second: signatures are dated in whole seconds. */
function until(end: DateTime.Utc, now: DateTime.Utc, longest: Lifetime): Lifetime {
  const left = Math.max(1, wholeSeconds(end) - wholeSeconds(now));
  return Lifetime.make(Duration.min(longest, Duration.seconds(left)));
}

const wholeSeconds = (instant: DateTime.Utc) => Math.floor(DateTime.toEpochMillis(instant) / 1000);
