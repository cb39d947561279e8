import * as Effect from "effect/Effect";
import { dispositionOf } from "../domain/disposition.ts";
import type { OrganizationSlug } from "../domain/organization.ts";
import { generate } from "../domain/storage-key.ts";
import { authorize, type UploadRequest } from "../domain/upload-policy.ts";
import type { Principal } from "./ports/authenticator.ts";
import { Organizations } from "./ports/organizations.ts";
import { Policies } from "./ports/policies.ts";
import { Presigner } from "./ports/presigner.ts";

/**
 * Grants one upload: a new key in the caller's organization, a PUT bound to exactly what was
 * asked for, and a GET that shows the file once it is there. Nothing is stored and no call is
 * made to the store.
 *
 * Fails with `OrganizationNotFound`, `FileTooLarge`, `MediaTypeNotAllowed` or
 * `CredentialsUnavailable`.
 */
export const requestUpload = Effect.fnUntraced(function* (
  principal: Principal,
  slug: OrganizationSlug,
  request: UploadRequest,
) {
  const organizations = yield* Organizations;
  const policies = yield* Policies;
  const presigner = yield* Presigner;

  const organization = yield* organizations.resolve(principal, slug);
  const grant = yield* authorize(policies.files, request);
  const { mediaType, fileName } = grant;
  const key = yield* generate({ organization, fileName, mediaType });
  const put = yield* presigner.put({
    key,
    mediaType,
    size: grant.size,
    writeOnce: grant.writeOnce,
    lifetime: grant.putLifetime,
    audience: "public",
  });
  const get = yield* presigner.get({
    key,
    lifetime: grant.getLifetime,
    audience: "public",
    responseMediaType: mediaType,
    responseDisposition: dispositionOf(mediaType, fileName),
  });
  return { key, put, get };
});
