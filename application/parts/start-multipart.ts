import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import { LimitsUnavailable, MultipartNotSupported } from "../../domain/errors.ts";
import { countParts, MULTIPART_LIFETIME, partSizeFor } from "../../domain/multipart.ts";
import { uploadKey } from "../../domain/storage-key.ts";
import type { RequestedUpload, UploadRequest } from "../../domain/upload-policy.ts";
import { abortQuietly } from "./abort-multipart.ts";
import type { Member } from "../admit.ts";
import { grantContextFor, grantUpload } from "../uploads/grant-upload.ts";
import { type FirstRequest, Limiter } from "../ports/limiter.ts";
import { type Multipart, ObjectStore } from "../ports/object-store.ts";
import { encodeStart, recallStart, retryOfStart, type MultipartStart } from "../uploads/retries.ts";
import { sealUpload } from "../tokens.ts";

/**
 * Grants one upload in parts and begins it in the store. All its bytes are counted before the store
 * is called, so that nobody begins uploads there beyond a quota, or more at once than an
 * organization may have open. With an idempotency key, the same request gets the same upload again.
 */
export const startMultipart = Effect.fnUntraced(function* ({
  member,
  upload: asked,
  policy,
  idempotencyKey,
}: Omit<RequestedUpload, "upload"> & {
  readonly member: Member;
  readonly upload: Omit<UploadRequest, "strict">;
  /** Chosen by the caller: 1 to 255 printable characters. */
  readonly idempotencyKey?: string | undefined;
}) {
  const { principal, organization } = member;
  const { multipart } = yield* ObjectStore;
  const granting = yield* grantContextFor(member);
  const { presigner, limiter } = granting;
  if (multipart === undefined || presigner.part === undefined) {
    return yield* new MultipartNotSupported();
  }
  const granted = yield* grantUpload(
    granting,
    { upload: { ...asked, strict: true }, policy },
    {
      checksums: multipart.fileChecksums ?? [],
      // Where a checksum is required, each part has to have one.
      adapt: (policy) => ({ ...policy, requireChecksum: false }),
    },
  ).pipe(Effect.catchTag("ChecksumRequired", Effect.die));
  const { grant: upload, policyName } = granted;
  const { fileName, mediaType, size, checksum } = upload;
  const incoming = upload.arrival === "incoming";
  const start = { key: granted.key, issuedAt: granted.issuedAt };
  const retry =
    idempotencyKey === undefined
      ? undefined
      : retryOfStart({ member, idempotencyKey }, { upload, policy: policyName, start });
  const counted = {
    organization,
    caller: principal,
    size,
    multipart: { key: start.key, lifetime: MULTIPART_LIFETIME },
    retry,
  };
  const earlier = yield* limiter.countUpload(counted);
  const first = earlier === undefined ? start : yield* recallStart(earlier, organization);
  const { key, issuedAt, uploadId } = hasBegun(first)
    ? first
    : yield* begin({
        multipart,
        object: { mediaType, checksum, incoming },
        start: first,
        first: retry && { organization, retry: { ...retry, memory: earlier ?? retry.memory } },
      }).pipe(
        Effect.tapError(() =>
          earlier === undefined ? limiter.uncountUpload(counted) : Effect.void,
        ),
      );
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
  member.recordFacts?.({ policy: policyName, key, isRetry: earlier !== undefined });
  return { upload: token, key, partSize, partCount: countParts({ size, partSize }), expiresAt };
});

type StartedMultipart = MultipartStart & { readonly uploadId: string };
const hasBegun = (start: MultipartStart): start is StartedMultipart => start.uploadId !== undefined;

/**
 * Begins an upload in the store. Of several requests under one idempotency key, whose first request
 * is `first`, the fastest decides, and the others remove what they have begun.
 */
const begin = Effect.fnUntraced(function* (given: {
  readonly multipart: Multipart;
  readonly object: Pick<UploadRequest, "mediaType" | "checksum"> & { readonly incoming: boolean };
  readonly start: MultipartStart;
  readonly first: FirstRequest | undefined;
}) {
  const { multipart, object, start, first } = given;
  const { mediaType, checksum, incoming } = object;
  const key = uploadKey({ key: start.key, incoming });
  const uploadId = yield* multipart.create({ key, mediaType, checksum });
  const begun: StartedMultipart = { ...start, uploadId };
  if (first === undefined) return begun;
  const memory = encodeStart(begun);
  const kept = yield* Effect.result((yield* Limiter).replaceMemory({ ...first, memory }));
  if (Result.isSuccess(kept) && kept.success === memory) return begun;
  yield* abortQuietly(multipart, { key, uploadId });
  if (Result.isFailure(kept)) return yield* Effect.fail(kept.failure);
  if (kept.success !== undefined) {
    const other = yield* recallStart(kept.success, first.organization);
    if (hasBegun(other)) return other;
  }
  return yield* new LimitsUnavailable({
    reason: "the first request with this Idempotency-Key has failed meanwhile",
  });
});
