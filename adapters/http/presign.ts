import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import { OrganizationNotFound } from "../../application/ports/organizations.ts";
import { requestUpload } from "../../application/request-upload.ts";
import { OrganizationSlug } from "../../domain/organization.ts";
import { authenticate } from "./authenticate.ts";
import { decodePresign } from "./decode-presign.ts";
import { readJson } from "./read-json.ts";

const decodeSlug = Schema.decodeUnknownOption(OrganizationSlug);

/** `POST /api/v1/orgs/:slug/files/presign`: the body of its 200, or a refusal. */
export const presign = Effect.fnUntraced(function* (request: Request, slugText: string) {
  const principal = yield* authenticate(request);
  const upload = yield* decodePresign(yield* readJson(request));
  const slug = decodeSlug(slugText);
  if (Option.isNone(slug)) return yield* new OrganizationNotFound();
  const { key, put, get } = yield* requestUpload(principal, slug.value, upload);
  return {
    put_url: put.url,
    get_url: get.url,
    put_headers: put.headers,
    put_expires_at: DateTime.formatIso(put.expiresAt),
    get_expires_at: DateTime.formatIso(get.expiresAt),
    key,
  };
});
