import * as Effect from "effect/Effect";
import { IdempotencyNotSupported, type UploadRefusal, UploadRefused } from "../../domain/errors.ts";
import { uploadKey } from "../../domain/storage-key.ts";
import type { RequestedUpload } from "../../domain/upload-policy.ts";
import type { Member } from "../admit.ts";
import {
  announcementFor,
  type GrantedUpload,
  type GrantContext,
  grantContextFor,
  grantUpload,
  receiptFor,
  signGet,
} from "./grant-upload.ts";
import type { SignedPut, SignedRequest } from "../ports/presigner.ts";
import { recall, retryOfUploads } from "./retries.ts";

interface RequestContext {
  readonly member: Member;
  /** Chosen by the caller: 1 to 255 printable characters. */
  readonly idempotencyKey?: string | undefined;
}

/**
 * Grants one upload: a new key in the caller's organization, a PUT bound to exactly what was asked
 * for, and a GET that shows the file once it is there. Nothing is stored, and the store is not
 * called. With an idempotency key the object is written once, and the same request with the same
 * key gets the same object again, with URLs that expire no later than the first ones.
 *
 * Fails with `UnknownPolicy`, `PolicyNotAllowed`, `FileTooLarge`, `MediaTypeNotAllowed`,
 * `ChecksumRequired`, `ChecksumNotSupported`, `QuotaExceeded`, `IdempotencyConflict`,
 * `IdempotencyNotSupported`, `LimitsUnavailable` or `CredentialsUnavailable`.
 */
export const requestUpload = Effect.fnUntraced(function* ({
  member,
  idempotencyKey,
  ...asked
}: RequestContext & RequestedUpload) {
  const granting = yield* grantContextFor(member);
  const granted = yield* grantPut(granting, asked, idempotencyKey);
  const signed = yield* sign(granting, granted);
  const earlier = yield* count(granting, { asked: [asked], signed: [signed], idempotencyKey });
  if (earlier === undefined) return issue(granting, signed, { isRetry: false });
  const [first = granted] = yield* recallGranted(granting, earlier, [granted]);
  return issue(granting, yield* sign(granting, first), { isRetry: true });
});

/**
 * Grants several uploads, one at least, in the order of `uploads`, or none of them. The limits
 * decide once for all, and an idempotency key is for all.
 *
 * Fails like `requestUpload`; a refusal of one upload is an `UploadRefused` with its index.
 */
export const requestUploads = Effect.fnUntraced(function* ({
  member,
  idempotencyKey,
  uploads: asked,
}: RequestContext & { readonly uploads: ReadonlyArray<RequestedUpload> }) {
  const granting = yield* grantContextFor(member);
  const granted: Array<GrantedUpload> = [];
  const refused = (refusal: UploadRefusal) => new UploadRefused({ index: granted.length, refusal });
  for (const upload of asked) {
    const grant = grantPut(granting, upload, idempotencyKey);
    granted.push(yield* Effect.mapErrorEager(grant, refused));
  }
  const signed = yield* signAll(granting, granted);
  const earlier = yield* count(granting, { asked, signed, idempotencyKey });
  const isRetry = earlier !== undefined;
  const final = isRetry
    ? yield* signAll(granting, yield* recallGranted(granting, earlier, granted))
    : signed;
  return final.map((upload, index) => issue(granting, upload, { isRetry, index }));
});

interface SignedUpload extends GrantedUpload {
  readonly put: SignedPut;
  readonly get: SignedRequest;
}

/** A retry must not replace what the first request has uploaded. */
const grantPut = (granting: GrantContext, asked: RequestedUpload, idempotencyKey?: string) => {
  const { checksums, largestPut: largest } = granting.presigner;
  const granted = grantUpload(granting, asked, { checksums, largest });
  return idempotencyKey === undefined
    ? granted
    : Effect.mapEager(granted, (one) => ({ ...one, grant: { ...one.grant, writeOnce: true } }));
};

/** Signs the PUT and the GET. Without a generator, since this runs for each upload. */
function sign(granting: GrantContext, granted: GrantedUpload) {
  return Effect.flatMapEager(announcementFor(granting, granted), (announcement) =>
    signWith(granting, granted, announcement),
  );
}

function signWith(
  granting: GrantContext,
  granted: GrantedUpload,
  announcement: string | undefined,
) {
  const { presigner, audience } = granting;
  const { key, grant } = granted;
  const signedPut = presigner.put({
    key: uploadKey({ key, incoming: grant.arrival === "incoming" }),
    mediaType: grant.mediaType,
    size: grant.size,
    writeOnce: grant.writeOnce,
    strict: grant.strict,
    checksum: grant.checksum,
    announcement,
    lifetime: grant.putLifetime,
    minLifetime: grant.minLifetime,
    audience,
  });
  return Effect.zipWith(
    signedPut,
    signGet(granting, granted),
    (put, get): SignedUpload => ({ ...granted, put, get }),
    // A second fiber costs more than a signature that is made in this process.
    { concurrent: presigner.isRemote },
  );
}

const signAll = (granting: GrantContext, uploads: ReadonlyArray<GrantedUpload>) =>
  Effect.forEach(
    uploads,
    (upload, index) =>
      Effect.mapErrorEager(sign(granting, upload), (refusal) =>
        refusal._tag === "AnnouncementTooLong" ? new UploadRefused({ index, refusal }) : refusal,
      ),
    { concurrency: granting.presigner.isRemote ? 16 : 1 },
  );

/**
 * Counts uploads that are signed already, so that those that cannot be signed are not counted.
 * Returns the memory of an earlier request with the same idempotency key.
 */
function count(
  { member, limiter, issuedAt }: GrantContext,
  given: {
    readonly asked: ReadonlyArray<RequestedUpload>;
    readonly signed: ReadonlyArray<SignedUpload>;
    readonly idempotencyKey: string | undefined;
  },
) {
  const { asked, signed, idempotencyKey } = given;
  if (idempotencyKey !== undefined && !signed.every(({ put }) => put.isOnce)) {
    return Effect.fail(new IdempotencyNotSupported());
  }
  return limiter.countUpload({
    organization: member.organization,
    caller: member.principal,
    size: signed.reduce((sum, { grant }) => sum + grant.size, 0),
    objects: signed.length,
    retry:
      idempotencyKey === undefined
        ? undefined
        : retryOfUploads({ member, idempotencyKey }, { asked, signed, issuedAt }),
  });
}

/** Returns what an earlier request was granted. */
const recallGranted = (
  granting: GrantContext,
  earlier: string,
  uploads: ReadonlyArray<GrantedUpload>,
) => {
  const { member, issuedAt: now } = granting;
  return recall(earlier, { organization: member.organization, uploads, now });
};

function issue(
  granting: GrantContext,
  signed: SignedUpload,
  { isRetry, index }: { readonly isRetry: boolean; readonly index?: number },
) {
  const { key, put, get, policyName } = signed;
  granting.member.recordFacts?.({ policy: policyName, key, isRetry }, index);
  const receipt = receiptFor(granting, signed, {
    putExpiresAt: put.expiresAt,
    writeOnce: put.isOnce,
  });
  return { key, put, get, receipt };
}
