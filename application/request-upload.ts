import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import { dispositionOf } from "../domain/disposition.ts";
import { CONFIRM_GRACE } from "../domain/receipt.ts";
import { generate, type StorageKey } from "../domain/storage-key.ts";
import { ChecksumNotSupported, IdempotencyNotSupported, UnknownPolicy } from "../domain/errors.ts";
import {
  authorize,
  type CallerKind,
  DEFAULT_POLICY,
  type UploadGrant,
  type UploadPolicy,
  type UploadRequest,
} from "../domain/upload-policy.ts";
import { audienceOf, type Member } from "./admit.ts";
import { Limiter } from "./ports/limiter.ts";
import { Policies } from "./ports/policies.ts";
import { type Audience, Presigner } from "./ports/presigner.ts";
import { recall, retryOf } from "./retries.ts";
import { sealReceipt } from "./tokens.ts";

/**
 * Grants one upload: a new key in the caller's organization, a PUT bound to exactly what was asked
 * for, and a GET that shows the file once it is there. Nothing is stored, and the store is not
 * called. The URLs use the address for the caller's place: a person's browser, or a service on the
 * private network.
 *
 * With an idempotency key the object is written once. The same request with the same key gets the
 * same object again, with URLs that expire no later than the first ones.
 *
 * Fails with `UnknownPolicy`, `PolicyNotAllowed`, `FileTooLarge`, `MediaTypeNotAllowed`,
 * `ChecksumRequired`, `ChecksumNotSupported`, `QuotaExceeded`, `IdempotencyConflict`,
 * `IdempotencyNotSupported`, `LimitsUnavailable` or `CredentialsUnavailable`.
 */
export const requestUpload = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly upload: UploadRequest;
  /** The name of a policy; `files` if undefined. */
  readonly policy?: string | undefined;
  /** Chosen by the caller: 1 to 255 printable characters. */
  readonly idempotencyKey?: string | undefined;
}) {
  const { member, upload, idempotencyKey, policy: policyName = DEFAULT_POLICY } = request;
  const { principal, organization } = member;
  const policies = yield* Policies;
  const presigner = yield* Presigner;

  const policy = policies.get(policyName);
  if (policy === undefined) return yield* unknownPolicy(policies, principal.kind);
  const granted = yield* authorize(policy, principal.kind, upload);
  const { mediaType, fileName, checksum } = granted;
  if (checksum !== undefined && !presigner.checksums.includes(checksum.algorithm)) {
    return yield* new ChecksumNotSupported({ supported: presigner.checksums });
  }
  const isRepeatable = idempotencyKey !== undefined;
  const grant = isRepeatable ? { ...granted, writeOnce: true } : granted;
  const issuedAt = DateTime.makeUnsafe(yield* Clock.currentTimeMillis);
  const toSign = { grant, policy, issuedAt, audience: audienceOf(member) };

  const key = yield* generate({ organization, fileName, mediaType });
  let signed = yield* sign(presigner, { ...toSign, key });
  if (isRepeatable && !signed.put.isOnce) return yield* new IdempotencyNotSupported();
  // Signed before it is counted, so that an upload that cannot be signed is not counted.
  const earlier = yield* (yield* Limiter).countUpload({
    organization,
    size: grant.size,
    retry: isRepeatable
      ? retryOf({ principal, idempotencyKey, upload, policyName, signed, issuedAt })
      : undefined,
  });
  if (earlier !== undefined) {
    const first = yield* recall(earlier, { organization, grant, now: issuedAt });
    const { key, putLifetime, getLifetime } = first;
    signed = yield* sign(presigner, {
      ...toSign,
      key,
      grant: { ...grant, putLifetime, getLifetime },
    });
  }
  const { put } = signed;
  const receipt = yield* sealReceipt({
    key: signed.key,
    fileName,
    mediaType,
    size: grant.size,
    ...(checksum === undefined ? {} : { checksum }),
    policy: policyName,
    subject: principal.subject,
    organization,
    writeOnce: put.isOnce,
    pending: grant.unconfirmedAfter !== undefined,
    issuedAt,
    putExpiresAt: put.expiresAt,
    confirmUntil: DateTime.addDuration(put.expiresAt, CONFIRM_GRACE),
  });
  return { ...signed, receipt, policy: policyName, isRetry: earlier !== undefined };
});

/** Signs the PUT and the GET. Without a generator, since this runs for each upload. */
function sign(
  presigner: Presigner["Service"],
  upload: {
    readonly key: StorageKey;
    readonly grant: UploadGrant;
    readonly policy: UploadPolicy;
    readonly issuedAt: DateTime.Utc;
    readonly audience: Audience;
  },
) {
  const { key, grant, policy, issuedAt, audience } = upload;
  const { mediaType, minLifetime } = grant;
  const signedPut = presigner.put({
    key,
    mediaType,
    size: grant.size,
    writeOnce: grant.writeOnce,
    strict: grant.strict,
    checksum: grant.checksum,
    pendingSince: grant.unconfirmedAfter === undefined ? undefined : issuedAt,
    lifetime: grant.putLifetime,
    minLifetime,
    audience,
  });
  const signedGet = presigner.get({
    key,
    lifetime: grant.getLifetime,
    minLifetime,
    audience,
    responseMediaType: mediaType,
    responseDisposition: dispositionOf(mediaType, grant.fileName, policy),
  });
  return Effect.zipWith(signedPut, signedGet, (put, get) => ({ key, put, get }), {
    // A second fiber costs more than a signature that is made in this process.
    concurrent: presigner.isRemote,
  });
}

const unknownPolicy = (policies: ReadonlyMap<string, UploadPolicy>, caller: CallerKind) =>
  new UnknownPolicy({
    known: [...policies].flatMap(([name, { callers }]) => (callers.includes(caller) ? [name] : [])),
  });
