import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import { MultipartNotSupported } from "../domain/errors.ts";
import { MULTIPART_LIFETIME, partCountOf, partSizeFor } from "../domain/multipart.ts";
import { generate } from "../domain/storage-key.ts";
import { authorize, DEFAULT_POLICY, type UploadRequest } from "../domain/upload-policy.ts";
import type { Member } from "./admit.ts";
import { inTime } from "./in-time.ts";
import { Limiter } from "./ports/limiter.ts";
import { ObjectStore } from "./ports/object-store.ts";
import { Policies } from "./ports/policies.ts";
import { Presigner } from "./ports/presigner.ts";
import { unknownPolicy } from "./request-upload.ts";
import { sealUpload } from "./tokens.ts";

/**
 * Grants one upload in parts, under a new key in the caller's organization, and begins it in the
 * store. All its bytes are counted before the store is called, so that nobody begins uploads there
 * beyond a quota.
 *
 * Fails with `MultipartNotSupported`, `UnknownPolicy`, `PolicyNotAllowed`, `FileTooLarge`,
 * `MediaTypeNotAllowed`, `QuotaExceeded`, `LimitsUnavailable` or `StoreUnavailable`.
 */
export const startMultipart = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly upload: Pick<UploadRequest, "fileName" | "mediaType" | "size">;
  /** The name of a policy; `files` if undefined. */
  readonly policy?: string | undefined;
}) {
  const { member, policy: policyName = DEFAULT_POLICY } = request;
  const { principal, organization } = member;
  const { multipart } = yield* ObjectStore;
  const { part } = yield* Presigner;
  if (multipart === undefined || part === undefined) return yield* new MultipartNotSupported();

  const policies = yield* Policies;
  const policy = policies.get(policyName);
  if (policy === undefined) return yield* unknownPolicy(policies, principal.kind);
  // Where a checksum is required, each part has to have one.
  const { fileName, mediaType, size } = yield* authorize(
    { ...policy, requireChecksum: false },
    principal.kind,
    { ...request.upload, strict: true },
  ).pipe(Effect.catchTag("ChecksumRequired", Effect.die));
  const key = yield* generate({ organization, fileName, mediaType });
  yield* (yield* Limiter)
    .countUpload({ organization, size, objects: 1 })
    .pipe(Effect.catchTag("IdempotencyConflict", Effect.die));
  const issuedAt = DateTime.makeUnsafe(yield* Clock.currentTimeMillis);
  const uploadId = yield* multipart.create({ key, mediaType }).pipe(inTime());
  const partSize = partSizeFor(size);
  const expiresAt = DateTime.addDuration(issuedAt, MULTIPART_LIFETIME);
  const upload = yield* sealUpload({
    key,
    uploadId,
    fileName,
    mediaType,
    size,
    partSize,
    policy: policyName,
    subject: principal.subject,
    organization,
    issuedAt,
    expiresAt,
  });
  const partCount = partCountOf({ size, partSize });
  return { upload, key, partSize, partCount, expiresAt, policy: policyName };
});
