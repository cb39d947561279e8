import * as Effect from "effect/Effect";
import { ByteSize } from "../domain/byte-size.ts";
import { FormCannotBind, FormNotSupported } from "../domain/errors.ts";
import type { Member } from "./admit.ts";
import {
  grantingTo,
  grantUpload,
  receiptFor,
  type RequestedFile,
  signGet,
} from "./grant-upload.ts";

/**
 * Grants one upload by an HTML form, which sends the file without any script: a new key in the
 * caller's organization, a form bound to it, and a GET that shows the file once it is there. A page
 * is often made before its file is chosen: if the size is unknown, the form takes any that the
 * policy allows, and the largest counts for the daily quota.
 *
 * Fails like `requestUpload`, and with `FormNotSupported`, or with `FormCannotBind` if the file
 * has to be written once, or compared with a checksum.
 */
export const requestForm = Effect.fnUntraced(function* ({
  member,
  upload: { checksum, ...upload },
  policy: name,
  idempotencyKey,
}: RequestedFile & {
  readonly member: Member;
  readonly idempotencyKey?: string | undefined;
}) {
  const granting = yield* grantingTo(member);
  const { presigner, limiter, audience } = granting;
  if (presigner.form === undefined) return yield* new FormNotSupported();
  const largest = presigner.largestPut ?? Infinity;
  const granted = yield* grantUpload(
    granting,
    { upload, policy: name },
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
  const { key, grant, policy, policyName } = granted;
  const { size, mediaType, minLifetime } = grant;
  for (const [property, isAsked] of [
    ["checksum", checksum !== undefined],
    ["writeOnce", policy.writeOnce],
    ["strict", grant.strict],
    ["idempotencyKey", idempotencyKey !== undefined],
  ] as const) {
    if (isAsked) return yield* new FormCannotBind({ property });
  }
  const form = yield* presigner.form({
    key,
    mediaType,
    minSize: upload.size ?? SMALLEST,
    maxSize: size,
    lifetime: grant.putLifetime,
    minLifetime,
    audience,
  });
  const get = yield* signGet(granting, granted);
  // Signed before it is counted, so that what cannot be signed is not counted.
  const { principal: caller, organization } = member;
  yield* limiter.countUpload({ organization, caller, size });
  member.recordFacts?.({ policy: policyName, key, size });
  const { expiresAt } = form;
  const isLargest = upload.size === undefined;
  const receipt = receiptFor(granting, granted, { expiresAt, writeOnce: false, isLargest });
  return { key, form, get, receipt };
});

const SMALLEST = ByteSize.make(1);
