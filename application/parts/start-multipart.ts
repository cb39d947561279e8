import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import type { ByteSize } from "../../domain/byte-size.ts";
import { MultipartNotSupported } from "../../domain/errors.ts";
import { countParts, MULTIPART_LIFETIME, partSizeFor } from "../../domain/multipart.ts";
import { uploadKey } from "../../domain/storage-key.ts";
import type { UploadRequest } from "../../domain/upload-policy.ts";
import type { Member } from "../admit.ts";
import { takesParts } from "../choose-policy.ts";
import { decideUpload } from "../files/count-files.ts";
import { smallestPart } from "../ports/abilities.ts";
import {
  endsOf,
  grantContextFor,
  grantUpload,
  reserve,
  sealedFacts,
} from "../uploads/grant-upload.ts";
import { sealUpload } from "../tokens.ts";

/**
 * Grants one upload in parts and begins it in the store. All its bytes are counted before the store
 * is called, so that nobody begins uploads there beyond a quota.
 */
export const startMultipart = Effect.fnUntraced(function* ({
  member,
  upload: { partSize: wanted, ...request },
}: {
  readonly member: Member;
  readonly upload: Omit<UploadRequest, "strict"> & { readonly partSize?: ByteSize };
}) {
  const granting = yield* grantContextFor(member);
  const { store, limiter } = granting;
  const { parts } = store;
  if (parts === undefined) return yield* new MultipartNotSupported();
  const granted = yield* grantUpload(granting, request, { inParts: true }).pipe(
    Effect.catchTag("ChecksumRequired", Effect.die),
  );
  if (!takesParts(granted.policy, store.abilities)) return yield* new MultipartNotSupported();
  const facts = sealedFacts(granting, granted);
  const { key, organization, size, issuedAt, policy } = facts;
  const counted = { organization, caller: member.principal, size };
  const expiresAt = DateTime.addDuration(issuedAt, MULTIPART_LIFETIME);
  yield* limiter.countUpload(counted);
  const uploadId = yield* reserve(granting, [{ key, size, ...endsOf(expiresAt) }]).pipe(
    Effect.andThen(
      Effect.tapError(parts.create({ ...facts, key: uploadKey(facts) }), () => decideUpload(key)),
    ),
    Effect.tapError(() => limiter.uncountUpload(counted)),
  );
  const partSize = partSizeFor(size, wanted, smallestPart(store.limits));
  const upload = yield* sealUpload({ ...facts, uploadId, partSize, expiresAt });
  member.recordFacts?.({ policy, key });
  return { upload, key, partSize, partCount: countParts({ size, partSize }), expiresAt };
});
