import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import { MultipartNotSupported } from "../../domain/errors.ts";
import { countParts, MULTIPART_LIFETIME, partSizeFor } from "../../domain/multipart.ts";
import { uploadKey } from "../../domain/storage-key.ts";
import type { RequestedUpload, UploadRequest } from "../../domain/upload-policy.ts";
import type { Member } from "../admit.ts";
import { grantContextFor, grantUpload } from "../uploads/grant-upload.ts";
import { ObjectStore } from "../ports/object-store.ts";
import { sealUpload } from "../tokens.ts";

/**
 * Grants one upload in parts and begins it in the store. All its bytes are counted before the store
 * is called, so that nobody begins uploads there beyond a quota.
 */
export const startMultipart = Effect.fnUntraced(function* ({
  member,
  upload: asked,
  policy,
}: Omit<RequestedUpload, "upload"> & {
  readonly member: Member;
  readonly upload: Omit<UploadRequest, "strict">;
}) {
  const { principal, organization } = member;
  const { multipart } = yield* ObjectStore;
  const granting = yield* grantContextFor(member);
  const { presigner, limiter, issuedAt } = granting;
  if (multipart === undefined || presigner.part === undefined) {
    return yield* new MultipartNotSupported();
  }
  const granted = yield* grantUpload(
    granting,
    { upload: { ...asked, strict: true }, policy },
    { checksums: multipart.fileChecksums ?? [], inParts: true },
  ).pipe(Effect.catchTag("ChecksumRequired", Effect.die));
  const { key, grant: upload, policyName } = granted;
  const { fileName, mediaType, size, checksum } = upload;
  const incoming = upload.arrival === "incoming";
  const counted = { organization, caller: principal, size };
  yield* limiter.countUpload(counted);
  const uploadId = yield* multipart
    .create({ key: uploadKey({ key, incoming }), mediaType, checksum })
    .pipe(Effect.tapError(() => limiter.uncountUpload(counted)));
  const partSize = partSizeFor(size);
  const expiresAt = DateTime.addDuration(issuedAt, MULTIPART_LIFETIME);
  const token = yield* sealUpload({
    key,
    uploadId,
    fileName,
    mediaType,
    size,
    partSize,
    checksum,
    metadata: upload.metadata,
    ...(incoming && { incoming }),
    policy: policyName,
    subject: principal.subject,
    organization,
    issuedAt,
    expiresAt,
  });
  member.recordFacts?.({ policy: policyName, key });
  return { upload: token, key, partSize, partCount: countParts({ size, partSize }), expiresAt };
});
