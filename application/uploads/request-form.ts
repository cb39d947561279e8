import * as Effect from "effect/Effect";
import { ByteSize } from "../../domain/byte-size.ts";
import { FormCannotBind, FormNotSupported } from "../../domain/errors.ts";
import { uploadKey } from "../../domain/storage-key.ts";
import type { RequestedUpload, UploadRequest } from "../../domain/upload-policy.ts";
import type { Member } from "../admit.ts";
import {
  announcementFor,
  grantContextFor,
  grantUpload,
  receiptFor,
  signGet,
} from "./grant-upload.ts";

/**
 * Grants one upload by an HTML form, which sends the file without any script. A page is often made
 * before its file is chosen: if the size is unknown, the form takes any that the policy allows, and
 * the largest counts for the daily quota.
 */
export const requestForm = Effect.fnUntraced(function* ({
  member,
  upload: { checksum, size, ...upload },
  policy,
  idempotencyKey,
}: Omit<RequestedUpload, "upload"> & {
  readonly member: Member;
  readonly upload: Omit<UploadRequest, "size"> & { readonly size?: ByteSize | undefined };
  readonly idempotencyKey?: string | undefined;
}) {
  const granting = yield* grantContextFor(member);
  const { presigner, limiter, audience } = granting;
  if (presigner.form === undefined) return yield* new FormNotSupported();
  const largest = presigner.largestPut ?? Infinity;
  const granted = yield* grantUpload(
    granting,
    { upload: { ...upload, size: size ?? SMALLEST }, policy },
    {
      checksums: [],
      // A form carries what a PUT carries.
      adapt: (policy) => ({ ...policy, maxSize: ByteSize.make(Math.min(policy.maxSize, largest)) }),
    },
  ).pipe(
    Effect.catchTag("ChecksumRequired", () =>
      Effect.fail(new FormCannotBind({ property: "checksum" })),
    ),
  );
  const { key, grant, policyName } = granted;
  for (const [property, isAsked] of [
    ["checksum", checksum !== undefined],
    ["writeOnce", grant.writeOnce],
    ["strict", grant.strict],
    ["idempotencyKey", idempotencyKey !== undefined],
  ] as const) {
    if (isAsked) return yield* new FormCannotBind({ property });
  }
  const maxSize = size ?? grant.maxSize;
  const sent = { ...granted, grant: { ...grant, size: maxSize } };
  const isLargest = size === undefined && { isLargest: true };
  const form = yield* presigner.form({
    key: uploadKey({ key, incoming: grant.arrival === "incoming" }),
    mediaType: grant.mediaType,
    minSize: grant.size,
    maxSize,
    announcement: yield* announcementFor(granting, sent, { ...isLargest }),
    lifetime: grant.putLifetime,
    minLifetime: grant.minLifetime,
    audience,
  });
  const get = yield* signGet(granting, granted);
  // Signed before it is counted, so that what cannot be signed is not counted.
  const { principal: caller, organization } = member;
  yield* limiter.countUpload({ organization, caller, size: maxSize });
  member.recordFacts?.({ policy: policyName, key, size: maxSize });
  const receipt = receiptFor(granting, sent, {
    putExpiresAt: form.expiresAt,
    writeOnce: false,
    ...isLargest,
  });
  return { key, form, get, receipt };
});

const SMALLEST = ByteSize.make(1);
