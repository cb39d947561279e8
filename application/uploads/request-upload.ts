import * as Effect from "effect/Effect";
import { type UploadRefusal, UploadRefused } from "../../domain/errors.ts";
import { uploadKey } from "../../domain/storage-key.ts";
import type { RequestedUpload } from "../../domain/upload-policy.ts";
import type { Member } from "../admit.ts";
import { getRequest } from "../files/get-request.ts";
import {
  announcementFor,
  type GrantedUpload,
  type GrantContext,
  grantContextFor,
  grantUpload,
  receiptFrom,
} from "./grant-upload.ts";
import type { SignedPut, SignedRequest } from "../ports/presigner.ts";
import { sealReceipt } from "../tokens.ts";

/**
 * Grants one upload: a new key in the caller's organization, a PUT bound to exactly what was asked
 * for, and a GET that shows the file once it is there. Nothing is stored, and the store is not
 * called.
 *
 * Fails with `UnknownPolicy`, `PolicyNotAllowed`, `FileTooLarge`, `MediaTypeNotAllowed`,
 * `ChecksumRequired`, `ChecksumNotSupported`, `QuotaExceeded`, `LimitsUnavailable` or
 * `CredentialsUnavailable`.
 */
export const requestUpload = Effect.fnUntraced(function* (
  request: RequestedUpload & { readonly member: Member },
) {
  const granting = yield* grantContextFor(request.member);
  const granted = yield* grantUpload(granting, request, BY_PUT);
  const signed = yield* sign(granting, granted);
  yield* count(granting, granted.grant.size, 1);
  return issue(granting, signed);
});

/**
 * Grants several uploads, one at least, in the order of `uploads`, or none of them. The limits
 * decide once for all.
 *
 * Fails like `requestUpload`; a refusal of one upload is an `UploadRefused` with its index.
 */
export const requestUploads = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly uploads: ReadonlyArray<RequestedUpload>;
}) {
  const granting = yield* grantContextFor(request.member);
  const granted: Array<GrantedUpload> = [];
  const refused = (refusal: UploadRefusal) => new UploadRefused({ index: granted.length, refusal });
  for (const upload of request.uploads) {
    granted.push(yield* Effect.mapErrorEager(grantUpload(granting, upload, BY_PUT), refused));
  }
  const signed = yield* Effect.forEach(
    granted,
    (upload, index) =>
      Effect.mapErrorEager(sign(granting, upload), (refusal) =>
        refusal._tag === "AnnouncementTooLong" ? new UploadRefused({ index, refusal }) : refusal,
      ),
    { concurrency: granting.presigner.isRemote ? 16 : 1 },
  );
  const size = granted.reduce((sum, { grant }) => sum + grant.size, 0);
  yield* count(granting, size, granted.length);
  return signed.map((upload, index) => issue(granting, upload, index));
});

const BY_PUT = { inParts: false };

interface SignedUpload {
  readonly granted: GrantedUpload;
  readonly put: SignedPut;
  readonly get: SignedRequest;
}

/** Signs the PUT and the GET. Without a generator, since this runs for each upload. */
function sign(granting: GrantContext, granted: GrantedUpload) {
  const { presigner, audience } = granting;
  const { key, grant } = granted;
  return Effect.flatMapEager(announcementFor(granting, granted), (announcement) =>
    Effect.zipWith(
      presigner.put({
        key: uploadKey({ key, incoming: grant.arrival === "incoming" }),
        contentType: grant.contentType,
        size: grant.size,
        writeOnce: grant.writeOnce,
        strict: grant.strict,
        checksum: grant.checksum,
        announcement,
        lifetime: grant.putLifetime,
        minLifetime: grant.minLifetime,
        audience,
      }),
      presigner.get(getRequest({ ...grant, key }, grant, audience)),
      (put, get): SignedUpload => ({ granted, put, get }),
      // A second fiber costs more than a signature that is made in this process.
      { concurrent: presigner.isRemote },
    ),
  );
}

/** Counts uploads that are signed already, so that those that cannot be signed are not counted. */
const count = ({ member, limiter }: GrantContext, size: number, objects: number) =>
  limiter.countUpload({
    organization: member.organization,
    caller: member.principal,
    size,
    objects,
  });

function issue(granting: GrantContext, { granted, put, get }: SignedUpload, index?: number) {
  const { key, policyName } = granted;
  granting.member.recordFacts?.({ policy: policyName, key }, index);
  const { expiresAt: putExpiresAt, isOnce: writeOnce } = put;
  const receipt = receiptFrom(granting, granted, { putExpiresAt, writeOnce });
  return { key, put, get, receipt: sealReceipt(granting.tokens, receipt) };
}
