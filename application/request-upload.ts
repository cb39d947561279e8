import * as Effect from "effect/Effect";
import { dispositionOf } from "../domain/disposition.ts";
import type { OrganizationSlug } from "../domain/organization.ts";
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

/**
 * Grants one upload: a new key in the caller's organization, a PUT bound to exactly what was
 * asked for, and a GET that shows the file once it is there. Nothing is stored and no call is
 * made to the store. The URLs are for where the caller is: a person's browser, or a service on
 * the private network.
 *
 * Fails with `OrganizationNotFound`, `UnknownPolicy`, `PolicyNotAllowed`, `FileTooLarge`,
 * `MediaTypeNotAllowed`, `ChecksumRequired`, `ChecksumNotSupported` or `CredentialsUnavailable`.
 */
export const requestUpload = Effect.fnUntraced(function* (
  principal: Principal,
  slug: OrganizationSlug,
  request: UploadRequest,
  policyName: string = DEFAULT_POLICY,
) {
  const organizations = yield* Organizations;
  const policies = yield* Policies;
  const presigner = yield* Presigner;

  const organization = yield* organizations.resolve(principal, slug);
  const policy = policies.get(policyName);
  if (policy === undefined) return yield* unknownPolicy(policies, principal.kind);
  const grant = yield* authorize(policy, principal.kind, request);
  const { mediaType, fileName, minLifetime, checksum } = grant;
  if (checksum !== undefined && !presigner.checksums.includes(checksum.algorithm)) {
    return yield* new ChecksumNotSupported({ supported: presigner.checksums });
  }
  const audience = AUDIENCES[principal.kind];
  const key = yield* generate({ organization, fileName, mediaType });
  const put = yield* presigner.put({
    key,
    mediaType,
    size: grant.size,
    writeOnce: grant.writeOnce,
    strict: grant.strict,
    checksum,
    lifetime: grant.putLifetime,
    minLifetime,
    audience,
  });
  const get = yield* presigner.get({
    key,
    lifetime: grant.getLifetime,
    minLifetime,
    audience,
    responseMediaType: mediaType,
    responseDisposition: dispositionOf(mediaType, fileName),
  });
  return { key, put, get };
});

const AUDIENCES: Readonly<Record<CallerKind, Audience>> = { user: "public", service: "internal" };

const unknownPolicy = (policies: ReadonlyMap<string, UploadPolicy>, caller: CallerKind) =>
  new UnknownPolicy({
    known: [...policies].flatMap(([name, { callers }]) => (callers.includes(caller) ? [name] : [])),
  });
