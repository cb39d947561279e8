import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import { ByteSize } from "../domain/byte-size.ts";
import { dispositionOf } from "../domain/disposition.ts";
import { FormCannotBind, FormNotSupported } from "../domain/errors.ts";
import { CONFIRM_GRACE } from "../domain/receipt.ts";
import { generate } from "../domain/storage-key.ts";
import { authorize, DEFAULT_POLICY, type UploadRequest } from "../domain/upload-policy.ts";
import { audienceOf, type Member } from "./admit.ts";
import { choosePolicy } from "./choose-policy.ts";
import { Limiter } from "./ports/limiter.ts";
import { Policies } from "./ports/policies.ts";
import { Presigner } from "./ports/presigner.ts";
import { Tokens } from "./ports/tokens.ts";
import { sealReceipt } from "./tokens.ts";

/** An upload by an HTML form, and its policy, as a caller asks for them. */
export interface RequestedForm {
  readonly upload: Omit<UploadRequest, "size"> & {
    /**
     * Any size that the policy allows if undefined: a page is often made before its file is chosen.
     */
    readonly size?: ByteSize | undefined;
  };
  /** The name of a policy; `files` if undefined. */
  readonly policy?: string | undefined;
}

/**
 * Grants one upload by an HTML form, which sends the file without any script: a new key in the
 * caller's organization, a form bound to it, and a GET that shows the file once it is there. If
 * the size is unknown, the largest that is allowed counts for the daily quota.
 *
 * Fails like `requestUpload`, and with `FormNotSupported`, or with `FormCannotBind` if the file
 * has to be written once, or compared with a checksum.
 */
export const requestForm = Effect.fnUntraced(function* ({
  member,
  upload,
  policy: policyName = DEFAULT_POLICY,
  idempotencyKey,
}: RequestedForm & {
  readonly member: Member;
  readonly idempotencyKey?: string | undefined;
}) {
  const { principal, organization } = member;
  const presigner = yield* Presigner;
  if (presigner.form === undefined) return yield* new FormNotSupported();
  const policy = yield* choosePolicy(yield* Policies, member, policyName);
  // A form carries what a PUT carries.
  const maxSize = ByteSize.make(Math.min(policy.maxSize, presigner.largestPut ?? Infinity));
  const grant = yield* authorize({ ...policy, maxSize, requireChecksum: false }, principal.kind, {
    ...upload,
    size: upload.size ?? maxSize,
  });
  const unbound = [
    ["checksum", policy.requireChecksum || upload.checksum !== undefined],
    ["writeOnce", policy.writeOnce],
    ["strict", grant.strict],
    ["idempotencyKey", idempotencyKey !== undefined],
  ] as const;
  for (const [property, isAsked] of unbound) {
    if (isAsked) return yield* new FormCannotBind({ property });
  }
  const { mediaType, fileName, size, minLifetime } = grant;
  const issuedAt = DateTime.makeUnsafe(yield* Clock.currentTimeMillis);
  const key = yield* generate({ organization, fileName, mediaType });
  const object = { key, minLifetime, audience: audienceOf(member) };
  const form = yield* presigner.form({
    ...object,
    mediaType,
    minSize: upload.size ?? SMALLEST,
    maxSize: size,
    lifetime: grant.putLifetime,
  });
  const get = yield* presigner.get({
    ...object,
    lifetime: grant.getLifetime,
    responseMediaType: mediaType,
    responseDisposition: dispositionOf(mediaType, fileName, policy),
  });
  // Signed before it is counted, so that what cannot be signed is not counted.
  yield* (yield* Limiter).countUpload({ organization, caller: principal, size });
  const receipt = sealReceipt(yield* Tokens, {
    ...grant,
    key,
    ...(upload.size === undefined ? { isLargest: true } : {}),
    policy: policyName,
    subject: principal.subject,
    organization,
    pending: false,
    issuedAt,
    putExpiresAt: form.expiresAt,
    confirmUntil: DateTime.addDuration(form.expiresAt, CONFIRM_GRACE),
  });
  return { key, form, get, receipt, policy: policyName, size };
});

const SMALLEST = ByteSize.make(1);
