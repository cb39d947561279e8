import * as Effect from "effect/Effect";
import {
  AnnouncementTooLong,
  type CredentialsUnavailable,
  type UploadRefusal,
  UploadRefused,
} from "../../domain/errors.ts";
import { uploadKey } from "../../domain/storage-key.ts";
import type { UploadRequest } from "../../domain/upload-policy.ts";
import type { Member } from "../admit.ts";
import { getRequest } from "../files/get-request.ts";
import {
  announcementFor,
  endsOf,
  type GrantedUpload,
  type GrantContext,
  grantContextFor,
  grantUpload,
  receiptFrom,
  reserve,
} from "./grant-upload.ts";
import type { SignedPut, SignedRequest } from "../ports/presigner.ts";
import { LONGEST_ANNOUNCEMENT, sealReceipt } from "../tokens.ts";

/**
 * Grants one upload: a new key in the caller's organization, a PUT bound to exactly the requested
 * file, and a GET that shows the file once it is there. Nothing is stored, and the store is not
 * called.
 *
 * Fails with `UnknownPolicy`, `PolicyNotAllowed`, `FileTooLarge`, `MediaTypeNotAllowed`,
 * `ChecksumRequired`, `ChecksumNotSupported`, `QuotaExceeded`, `StorageFull`, `LimitsUnavailable`
 * or `CredentialsUnavailable`.
 */
export const requestUpload = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly upload: UploadRequest;
}) {
  const granting = yield* grantContextFor(request.member);
  const granted = yield* grantUpload(granting, request.upload, BY_PUT);
  const signed = yield* sign(granting, granted);
  yield* count(granting, [signed]);
  return issue(granting, signed);
});

/**
 * Grants several uploads, at least one, in the order of `uploads`, or none of them. The limits
 * count them together.
 *
 * Fails like `requestUpload`; a refusal of one upload is an `UploadRefused` with its index.
 */
export const requestUploads = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly uploads: ReadonlyArray<UploadRequest>;
}) {
  const granting = yield* grantContextFor(request.member);
  const granted: Array<GrantedUpload> = [];
  const refused = (refusal: UploadRefusal) => new UploadRefused({ index: granted.length, refusal });
  for (const upload of request.uploads) {
    granted.push(yield* Effect.mapError(grantUpload(granting, upload, BY_PUT), refused));
  }
  const signed = yield* Effect.forEach(
    granted,
    (upload, index) =>
      Effect.catchTag(sign(granting, upload), "AnnouncementTooLong", (refusal) =>
        Effect.fail(new UploadRefused({ index, refusal })),
      ),
    { concurrency: granting.presigner.isRemote ? 16 : 1 },
  );
  yield* count(granting, signed);
  return signed.map((upload, index) => issue(granting, upload, index));
});

const BY_PUT = { inParts: false };

interface SignedUpload {
  readonly granted: GrantedUpload;
  readonly put: SignedPut;
  readonly get: SignedRequest;
}

/** Signs the PUT and the GET. */
function sign(
  granting: GrantContext,
  granted: GrantedUpload,
): Effect.Effect<SignedUpload, AnnouncementTooLong | CredentialsUnavailable> {
  const { presigner, audience } = granting;
  const { key, upload, policy } = granted;
  const announcement = announcementFor(granting, granted);
  const actual = announcement?.length ?? 0;
  if (actual > LONGEST_ANNOUNCEMENT) {
    return Effect.fail(new AnnouncementTooLong({ limit: LONGEST_ANNOUNCEMENT, actual }));
  }
  return Effect.zipWith(
    presigner.put({
      ...upload,
      key: uploadKey({ key, incoming: policy.arrival === "incoming" }),
      writeOnce: policy.writeOnce,
      announcement,
      lifetime: policy.putLifetime,
      minLifetime: policy.minLifetime,
      audience,
    }),
    presigner.get(getRequest({ ...upload, key, isNew: true }, policy, audience)),
    (put, get) => ({ granted, put, get }),
    // A second fiber costs more than a local signature.
    { concurrent: presigner.isRemote },
  );
}

/** Counts uploads after they are signed, so that failed ones are not counted. */
function count(granting: GrantContext, signed: ReadonlyArray<SignedUpload>) {
  const { member, limiter, usage } = granting;
  const size = signed.reduce((sum, { granted }) => sum + granted.upload.size, 0);
  const { organization, principal: caller } = member;
  const counted = { organization, caller, size, objects: signed.length };
  if (usage === undefined) return limiter.countUpload(counted);
  const grants = signed.map(({ granted, put: { expiresAt } }) => ({
    key: granted.key,
    size: granted.upload.size,
    ...endsOf(expiresAt),
  }));
  return Effect.andThen(
    limiter.countUpload(counted),
    Effect.tapError(reserve(granting, grants), () => limiter.uncountUpload(counted)),
  );
}

function issue(granting: GrantContext, { granted, put, get }: SignedUpload, index?: number) {
  const { key, policyName } = granted;
  granting.member.recordFacts?.({ policy: policyName, key }, index);
  const { expiresAt: putExpiresAt, isOnce: writeOnce } = put;
  const receipt = receiptFrom(granting, granted, { putExpiresAt, writeOnce });
  return { key, put, get, receipt: sealReceipt(granting.tokens, receipt) };
}
