import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import { MultipartNotSupported } from "../../domain/errors.ts";
import { countParts, MULTIPART_LIFETIME, partSizeFor } from "../../domain/multipart.ts";
import { uploadKey } from "../../domain/storage-key.ts";
import {
  defaultPolicy,
  type RequestedUpload,
  type UploadPolicy,
  type UploadRequest,
} from "../../domain/upload-policy.ts";
import type { Member } from "../admit.ts";
import { grantContextFor, grantUpload } from "../uploads/grant-upload.ts";
import { type Abilities, checksumsOfParts, checksumsOfWhole } from "../ports/abilities.ts";
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
  const granting = yield* grantContextFor(member);
  const { store, limiter, issuedAt, policies } = granting;
  const { parts } = store;
  if (parts === undefined) return yield* new MultipartNotSupported();
  const granted = yield* grantUpload(
    granting,
    { upload: { ...asked, strict: true }, policy },
    { inParts: true },
  ).pipe(Effect.catchTag("ChecksumRequired", Effect.die));
  const { key, grant: upload, policyName } = granted;
  if (!takesParts(policies.get(policyName), store.abilities)) {
    return yield* new MultipartNotSupported();
  }
  const { filename, contentType, size, checksum } = upload;
  const incoming = upload.arrival === "incoming";
  const counted = { organization, caller: principal, size };
  yield* limiter.countUpload(counted);
  const uploadId = yield* parts
    .create({ key: uploadKey({ key, incoming }), contentType, checksum })
    .pipe(Effect.tapError(() => limiter.uncountUpload(counted)));
  const partSize = partSizeFor(size);
  const expiresAt = DateTime.addDuration(issuedAt, MULTIPART_LIFETIME);
  const token = yield* sealUpload({
    key,
    uploadId,
    filename,
    contentType,
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

/** Tells whether uploads of a policy may come in parts: a store may lack what the policy needs then. */
export const takesParts = (
  { scan, requireChecksum }: UploadPolicy = defaultPolicy,
  abilities: Abilities,
): boolean =>
  abilities.has("multipart") &&
  // What was scanned could be replaced by other bytes of the same ETag.
  (scan === "none" || abilities.has("completes once")) &&
  (!requireChecksum || [...checksumsOfParts(abilities), ...checksumsOfWhole(abilities)].length > 0);
