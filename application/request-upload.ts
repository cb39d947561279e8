import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import { dispositionOf } from "../domain/disposition.ts";
import type { OrganizationSlug } from "../domain/organization.ts";
import { CONFIRM_GRACE } from "../domain/receipt.ts";
import { generate } from "../domain/storage-key.ts";
import { ChecksumNotSupported, UnknownPolicy } from "../domain/errors.ts";
import {
  authorize,
  type CallerKind,
  DEFAULT_POLICY,
  type UploadPolicy,
  type UploadRequest,
} from "../domain/upload-policy.ts";
import type { Principal } from "./ports/authenticator.ts";
import { Organizations } from "./ports/organizations.ts";
import { Policies } from "./ports/policies.ts";
import { type Audience, Presigner } from "./ports/presigner.ts";
import { sealReceipt } from "./tokens.ts";

/**
 * Grants one upload: a new key in the caller's organization, a PUT bound to exactly what was
 * asked for, and a GET that shows the file once it is there. Nothing is stored and no call is
 * made to the store. The URLs are for where the caller is: a person's browser, or a service on
 * the private network.
 *
 * Fails with `OrganizationNotFound`, `UnknownPolicy`, `PolicyNotAllowed`, `FileTooLarge`,
 * `MediaTypeNotAllowed`, `ChecksumRequired`, `ChecksumNotSupported` or `CredentialsUnavailable`.
 */
export const requestUpload = Effect.fnUntraced(function* (request: {
  readonly principal: Principal;
  readonly slug: OrganizationSlug;
  readonly upload: UploadRequest;
  /** The name of a policy; `files` if undefined. */
  readonly policy?: string | undefined;
}) {
  const { principal, policy: policyName = DEFAULT_POLICY } = request;
  const organizations = yield* Organizations;
  const policies = yield* Policies;
  const presigner = yield* Presigner;

  const organization = yield* organizations.resolve(principal, request.slug);
  const policy = policies.get(policyName);
  if (policy === undefined) return yield* unknownPolicy(policies, principal.kind);
  const grant = yield* authorize(policy, principal.kind, request.upload);
  const { mediaType, fileName, minLifetime, checksum } = grant;
  if (checksum !== undefined && !presigner.checksums.includes(checksum.algorithm)) {
    return yield* new ChecksumNotSupported({ supported: presigner.checksums });
  }
  const audience = audienceOf(principal);
  const key = yield* generate({ organization, fileName, mediaType });
  const issuedAt = DateTime.makeUnsafe(yield* Clock.currentTimeMillis);
  const signedPut = presigner.put({
    key,
    mediaType,
    size: grant.size,
    writeOnce: grant.writeOnce,
    strict: grant.strict,
    checksum,
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
    responseDisposition: dispositionOf(mediaType, fileName, policy),
  });
  const [put, get] = yield* Effect.all([signedPut, signedGet], {
    // A fiber of its own costs more than a signature that is made here.
    concurrency: presigner.isRemote ? 2 : 1,
  });
  const receipt = yield* sealReceipt({
    key,
    fileName,
    mediaType,
    size: grant.size,
    ...(checksum === undefined ? {} : { checksum }),
    policy: policyName,
    subject: principal.subject,
    organization,
    writeOnce: put.isOnce,
    pending: grant.unconfirmedAfter !== undefined,
    issuedAt,
    putExpiresAt: put.expiresAt,
    confirmUntil: DateTime.addDuration(put.expiresAt, CONFIRM_GRACE),
  });
  return { key, put, get, receipt };
});

/** Where the caller will use a URL. */
export const audienceOf = ({ kind }: Principal): Audience => AUDIENCES[kind];

const AUDIENCES: Readonly<Record<CallerKind, Audience>> = { user: "public", service: "internal" };

const unknownPolicy = (policies: ReadonlyMap<string, UploadPolicy>, caller: CallerKind) =>
  new UnknownPolicy({
    known: [...policies].flatMap(([name, { callers }]) => (callers.includes(caller) ? [name] : [])),
  });
