import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import type { Principal } from "../../application/ports/authenticator.ts";
import { OrganizationNotFound } from "../../application/ports/organizations.ts";
import { requestUpload } from "../../application/request-upload.ts";
import { OrganizationSlug } from "../../domain/organization.ts";
import { decodePresign } from "./decode-presign.ts";

const decodeSlug = Schema.decodeUnknownOption(OrganizationSlug);

/** What `POST /api/v1/orgs/:slug/files/presign` answers to a caller who is known. */
export const presign = Effect.fnUntraced(function* (
  principal: Principal,
  slugText: string,
  body: unknown,
) {
  const { upload, policy } = yield* decodePresign(body);
  const slug = decodeSlug(slugText);
  if (Option.isNone(slug)) return yield* new OrganizationNotFound();
  const { key, put, get } = yield* requestUpload(principal, slug.value, upload, policy);
  return {
    put_url: put.url,
    get_url: get.url,
    put_headers: put.headers,
    put_expires_at: DateTime.formatIso(put.expiresAt),
    get_expires_at: DateTime.formatIso(get.expiresAt),
    key,
  };
});
