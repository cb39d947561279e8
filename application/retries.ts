import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import { Lifetime } from "../domain/lifetime.ts";
import type { OrganizationId } from "../domain/organization.ts";
import type { Principal } from "../domain/principal.ts";
import { parse, StorageKey } from "../domain/storage-key.ts";
import type { UploadGrant, UploadRequest } from "../domain/upload-policy.ts";
import type { RetriedUpload } from "./ports/limiter.ts";
import type { SignedRequest } from "./ports/presigner.ts";
import { LimitsUnavailable } from "../domain/errors.ts";

/** What a retry needs of the first request. */
const Memory = Schema.fromJsonString(
  Schema.Struct({
    key: StorageKey,
    putExpiresAt: Schema.DateTimeUtcFromMillis,
    getExpiresAt: Schema.DateTimeUtcFromMillis,
  }),
);
const encode = Schema.encodeSync(Memory);
const decode = Schema.decodeEffect(Memory);

/** How a retry of this upload is recognized, for as long as its first URLs work. */
export function retryOf(given: {
  readonly principal: Principal;
  readonly idempotencyKey: string;
  readonly upload: UploadRequest;
  readonly policyName: string;
  readonly signed: {
    readonly key: StorageKey;
    readonly put: SignedRequest;
    readonly get: SignedRequest;
  };
  readonly issuedAt: DateTime.Utc;
}): RetriedUpload {
  const { kind, subject } = given.principal;
  const { fileName, mediaType, size, strict, checksum } = given.upload;
  const { key, put, get } = given.signed;
  const end = DateTime.min(put.expiresAt, get.expiresAt);
  return {
    caller: [kind, subject],
    key: given.idempotencyKey,
    request: JSON.stringify([
      [fileName, mediaType, size, strict, given.policyName],
      [checksum?.algorithm, checksum?.value],
    ]),
    memory: encode({ key, putExpiresAt: put.expiresAt, getExpiresAt: get.expiresAt }),
    lifetime: DateTime.distance(given.issuedAt, end),
  };
}

/**
 * The object of the first request, and how long it can still be signed, at most the grant's own
 * lifetimes. Fails with `LimitsUnavailable` for an entry that this organization did not write: the
 * counter is not trusted with what is signed.
 */
export const recall = Effect.fnUntraced(function* (
  memory: string,
  {
    organization,
    grant,
    now,
  }: {
    readonly organization: OrganizationId;
    readonly grant: UploadGrant;
    readonly now: DateTime.Utc;
  },
) {
  const { key, putExpiresAt, getExpiresAt } = yield* decode(memory).pipe(
    Effect.filterOrFail(
      ({ key }) => Option.getOrUndefined(parse(key))?.organization === organization,
    ),
    Effect.mapError(
      () =>
        new LimitsUnavailable({
          reason: "an entry for an Idempotency-Key was not written by this service",
        }),
    ),
  );
  return {
    key,
    putLifetime: shorter(left(putExpiresAt, now), grant.putLifetime),
    getLifetime: shorter(left(getExpiresAt, now), grant.getLifetime),
  };
});

const shorter = (a: Lifetime, b: Lifetime): Lifetime => (Duration.isLessThan(a, b) ? a : b);

/** At least one second: signatures are dated in whole seconds. */
function left(end: DateTime.Utc, now: DateTime.Utc): Lifetime {
  return Lifetime.make(Duration.seconds(Math.max(1, secondOf(end) - secondOf(now))));
}

const secondOf = (instant: DateTime.Utc) => Math.floor(DateTime.toEpochMillis(instant) / 1000);
