import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { confirmUpload } from "../../application/confirm-upload.ts";
import { decoder } from "../settings/decode.ts";
import type { ConfirmedUpload } from "./openapi/answers.ts";
import { fileAddress } from "./addresses.ts";
import { type Operation, receiptRefusal, Token } from "./operation.ts";

/** The body of `POST …/confirm`. */
export const Confirmation = Schema.Struct({ receipt: Token }).annotate({
  identifier: "Confirmation",
});

const decode = decoder(Confirmation, Object.keys(Confirmation.fields));

/** What `POST /api/v1/orgs/:slug/files/confirm` answers. */
export const confirm = Effect.fnUntraced(function* ({ member, note, ...request }: Operation) {
  const decoded = decode(request.body);
  if (Result.isFailure(decoded)) return yield* receiptRefusal(decoded.failure);
  const { receipt } = decoded.success;
  const confirmed = yield* confirmUpload({ member, receipt });
  const { key, size, mediaType, etag, checksum, final, mutableUntil, get } = confirmed;
  note({ key, size, mediaType, policy: confirmed.policy });
  return {
    key,
    size,
    content_type: mediaType,
    etag,
    ...(checksum === undefined ? {} : { checksum }),
    ...(final ? { final } : { final, mutable_until: DateTime.formatIso(mutableUntil) }),
    get_url: get.url,
    get_expires_at: DateTime.formatIso(get.expiresAt),
    file_url: fileAddress(request.publicUrl, request.slug, key),
  } satisfies ConfirmedUpload;
});
