import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { requestUpload } from "../../application/request-upload.ts";
import { PolicyName } from "../../domain/upload-policy.ts";
import { decodePresign } from "./decode-presign.ts";
import { idempotencyKeyOf } from "./idempotency-key.ts";
import type { Upload } from "./openapi/answers.ts";
import type { Operation } from "./operation.ts";

const isPolicyName = Schema.is(PolicyName);

/** What `POST /api/v1/orgs/:slug/files/presign` answers. */
export const presign = Effect.fnUntraced(function* ({ member, note, ...request }: Operation) {
  const { upload, policy } = yield* decodePresign(request.body);
  note({ size: upload.size, mediaType: upload.mediaType });
  if (isPolicyName(policy)) note({ policy });
  const idempotencyKey = yield* idempotencyKeyOf(request.idempotencyKey);
  const granted = yield* requestUpload({ member, upload, policy, idempotencyKey });
  const { key, put, get, receipt, isRetry } = granted;
  note({ policy: granted.policy, key, isRetry });
  return {
    put_url: put.url,
    get_url: get.url,
    put_headers: put.headers,
    put_expires_at: DateTime.formatIso(put.expiresAt),
    get_expires_at: DateTime.formatIso(get.expiresAt),
    key,
    receipt,
  } satisfies Upload;
});
