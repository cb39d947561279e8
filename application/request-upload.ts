import * as Arr from "effect/Array";
import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import { dispositionOf } from "../domain/disposition.ts";
import { CONFIRM_GRACE } from "../domain/receipt.ts";
import { generate, type StorageKey } from "../domain/storage-key.ts";
import {
  ChecksumNotSupported,
  FileTooLarge,
  IdempotencyNotSupported,
  type UploadRefusal,
  UploadRefused,
} from "../domain/errors.ts";
import {
  authorize,
  DEFAULT_POLICY,
  type RequestedUpload,
  type UploadGrant,
  type UploadPolicy,
} from "../domain/upload-policy.ts";
import { audienceOf, type Member } from "./admit.ts";
import { choosePolicy } from "./choose-policy.ts";
import { Limiter } from "./ports/limiter.ts";
import { Policies } from "./ports/policies.ts";
import { type Audience, Presigner } from "./ports/presigner.ts";
import { Tokens } from "./ports/tokens.ts";
import { recall, retryOf } from "./retries.ts";
import { sealReceipt } from "./tokens.ts";

/** Who asks, and how a retry is recognized. */
interface Asked {
  readonly member: Member;
  /** Chosen by the caller: 1 to 255 printable characters. */
  readonly idempotencyKey?: string | undefined;
}

/**
 * Grants one upload: a new key in the caller's organization, a PUT bound to exactly what was asked
 * for, and a GET that shows the file once it is there. Nothing is stored, and the store is not
 * called. The URLs use the address for the caller's place: a person's browser, or a service on the
 * private network.
 *
 * With an idempotency key the object is written once. The same request with the same key gets the
 * same object again, with URLs that expire no later than the first ones.
 *
 * Fails with `UnknownPolicy`, `PolicyNotAllowed`, `FileTooLarge`, `MediaTypeNotAllowed`,
 * `ChecksumRequired`, `ChecksumNotSupported`, `QuotaExceeded`, `IdempotencyConflict`,
 * `IdempotencyNotSupported`, `LimitsUnavailable` or `CredentialsUnavailable`.
 */
export const requestUpload = ({
  member,
  upload,
  policy,
  idempotencyKey,
}: Asked & RequestedUpload) =>
  Effect.map(grantAll({ member, uploads: [{ upload, policy }], idempotencyKey }, itself), first);

/**
 * Grants several uploads, one at least, in the order of `uploads`, or none of them. The limits
 * decide once for all, and an idempotency key is for all.
 *
 * Fails like `requestUpload`; what the policy or the store refuses of one upload is an
 * `UploadRefused`, which says of which.
 */
export const requestUploads = (request: UploadsAsked) => grantAll(request, asOneOfSeveral);

interface UploadsAsked extends Asked {
  readonly uploads: ReadonlyArray<RequestedUpload>;
}

const first = <A>(uploads: ReadonlyArray<A>): A => Arr.getUnsafe(uploads, 0);
const itself = (refusal: UploadRefusal) => refusal;
const asOneOfSeveral = (refusal: UploadRefusal, index: number) =>
  new UploadRefused({ index, refusal });

/** Grants all uploads or none; `refuse` makes the error of one. */
const grantAll = Effect.fnUntraced(function* <E>(
  request: UploadsAsked,
  refuse: (refusal: UploadRefusal, index: number) => E,
) {
  const { member, uploads, idempotencyKey } = request;
  const { principal, organization } = member;
  const services = yield* Effect.context<Limiter | Policies | Presigner | Tokens>();
  const policies = Context.get(services, Policies);
  const presigner = Context.get(services, Presigner);
  const tokens = Context.get(services, Tokens);
  const isRepeatable = idempotencyKey !== undefined;
  const clock = Context.get(services, Clock.Clock);
  const issuedAt = DateTime.makeUnsafe(clock.currentTimeMillisUnsafe());
  const audience = audienceOf(member);

  const granted: Array<Granted> = [];
  let size = 0;
  const refused = (refusal: UploadRefusal) => refuse(refusal, granted.length);
  for (const { upload, policy: policyName = DEFAULT_POLICY } of uploads) {
    const policy = yield* Effect.mapErrorEager(choosePolicy(policies, member, policyName), refused);
    const grant = yield* Effect.mapErrorEager(authorize(policy, principal.kind, upload), refused);
    const { mediaType, fileName, checksum } = grant;
    if (checksum !== undefined && !presigner.checksums.includes(checksum.algorithm)) {
      return yield* Effect.fail(
        refused(new ChecksumNotSupported({ supported: presigner.checksums })),
      );
    }
    const limit = presigner.largestPut;
    if (limit !== undefined && grant.size > limit) {
      const tooLarge = { limit, actual: grant.size, fitsInParts: true };
      return yield* Effect.fail(refused(new FileTooLarge(tooLarge)));
    }
    granted.push({
      key: yield* generate({ organization, fileName, mediaType }),
      grant: isRepeatable ? { ...grant, writeOnce: true } : grant,
      policy,
      policyName,
      issuedAt,
      audience,
    });
    size += grant.size;
  }
  let signed: Array<Signed> = [];
  if (presigner.isRemote) signed = yield* signAll(presigner, granted);
  // Without `forEach`, which would make a single upload dearer by a tenth.
  else for (const upload of granted) signed.push(yield* sign(presigner, upload));
  if (isRepeatable && !signed.every(({ put }) => put.isOnce)) {
    return yield* new IdempotencyNotSupported();
  }
  // Signed before they are counted, so that uploads that cannot be signed are not counted.
  const earlier = yield* Context.get(services, Limiter).countUpload({
    organization,
    caller: principal,
    size,
    objects: uploads.length,
    retry: isRepeatable
      ? retryOf({ principal, idempotencyKey, uploads, signed, issuedAt })
      : undefined,
  });
  if (earlier !== undefined) {
    const again = yield* recall(earlier, { organization, uploads: granted, now: issuedAt });
    signed = yield* signAll(presigner, again);
  }
  const answers = [];
  for (const { key, put, get, of } of signed) {
    const { grant, policyName } = of;
    const receipt = sealReceipt(tokens, {
      key,
      fileName: grant.fileName,
      mediaType: grant.mediaType,
      size: grant.size,
      checksum: grant.checksum,
      policy: policyName,
      subject: principal.subject,
      organization,
      writeOnce: put.isOnce,
      pending: grant.unconfirmedAfter !== undefined,
      issuedAt: of.issuedAt,
      putExpiresAt: put.expiresAt,
      confirmUntil: DateTime.addDuration(put.expiresAt, CONFIRM_GRACE),
    });
    answers.push({ key, put, get, receipt, policy: policyName, isRetry: earlier !== undefined });
  }
  return answers;
});

/** An upload that may be signed. */
interface Granted {
  readonly key: StorageKey;
  readonly grant: UploadGrant;
  readonly policy: UploadPolicy;
  readonly policyName: string;
  readonly issuedAt: DateTime.Utc;
  readonly audience: Audience;
}

type Signed = Effect.Success<ReturnType<typeof sign>>;

/** How many uploads are signed at once where another service signs. */
const CONCURRENCY = 16;

const signAll = (presigner: Presigner["Service"], uploads: ReadonlyArray<Granted>) =>
  Effect.forEach(uploads, (upload) => sign(presigner, upload), {
    concurrency: presigner.isRemote ? CONCURRENCY : 1,
  });

/** Signs the PUT and the GET. Without a generator, since this runs for each upload. */
function sign(presigner: Presigner["Service"], upload: Granted) {
  const { key, grant, policy, issuedAt, audience } = upload;
  const { mediaType, minLifetime } = grant;
  const signedPut = presigner.put({
    key,
    mediaType,
    size: grant.size,
    writeOnce: grant.writeOnce,
    strict: grant.strict,
    checksum: grant.checksum,
    pendingSince: grant.unconfirmedAfter === undefined ? undefined : issuedAt,
    lifetime: grant.putLifetime,
    minLifetime,
    audience,
  });
  const signedGet = presigner.get({
    key,
    lifetime: grant.getLifetime,
    minLifetime,
    audience,
    responseMediaType: mediaType,
    responseDisposition: dispositionOf(mediaType, grant.fileName, policy),
  });
  return Effect.zipWith(signedPut, signedGet, (put, get) => ({ key, put, get, of: upload }), {
    // A second fiber costs more than a signature that is made in this process.
    concurrent: presigner.isRemote,
  });
}
