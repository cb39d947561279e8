import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import { requestUpload } from "../../application/request-upload.ts";
import { decodePresign } from "./decode-presign.ts";
import { type Operation, slugOf } from "./operation.ts";

/** What `POST /api/v1/orgs/:slug/files/presign` answers. */
export const presign = Effect.fnUntraced(function* ({ principal, ...request }: Operation) {
  const { upload, policy } = yield* decodePresign(request.body);
  const slug = yield* slugOf(request.slug);
  const { key, put, get, receipt } = yield* requestUpload({ principal, slug, upload, policy });
  return {
    put_url: put.url,
    get_url: get.url,
    put_headers: put.headers,
    put_expires_at: DateTime.formatIso(put.expiresAt),
    get_expires_at: DateTime.formatIso(get.expiresAt),
    key,
    receipt,
  };
});
