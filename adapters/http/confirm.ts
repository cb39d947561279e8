import type * as Arr from "effect/Array";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { confirmUpload } from "../../application/confirm-upload.ts";
import { InvalidReceipt } from "../../domain/errors.ts";
import { decoder, type MemberFault, MISSING } from "../json/decode.ts";
import { fileAddress } from "./addresses.ts";
import { answer } from "./answer.ts";
import { type ConfirmedUpload, Token } from "./answers.ts";
import { InvalidBody } from "./refusals.ts";
import type { MemberRequest } from "./route.ts";

/** Answers `POST /api/v1/orgs/:slug/files/confirm`. */
export const confirm = Effect.fnUntraced(function* (request: MemberRequest) {
  const decoded = decode(request.body);
  if (Result.isFailure(decoded)) return yield* receiptRefusal(decoded.failure);
  const { receipt } = decoded.success;
  const confirmed = yield* confirmUpload({ member: request.member, receipt });
  return answer(request.c, confirmedAnswer(request, confirmed));
});

/** A confirmed upload as it is answered. */
export function confirmedAnswer(
  { slug, options }: MemberRequest,
  confirmed: Effect.Success<ReturnType<typeof confirmUpload>>,
): ConfirmedUpload {
  const { key, size, mediaType, etag, checksum, final, mutableUntil, get } = confirmed;
  return {
    key,
    size,
    content_type: mediaType,
    etag,
    ...(confirmed.version === undefined ? {} : { version: confirmed.version }),
    ...(checksum === undefined ? {} : { checksum }),
    final,
    ...(final ? {} : { mutable_until: DateTime.formatIso(mutableUntil) }),
    get_url: get.url,
    get_expires_at: DateTime.formatIso(get.expiresAt),
    file_url: fileAddress(options.publicUrl, slug, confirmed),
  };
}

/** The body of `POST …/confirm`. */
export const Confirmation = Schema.Struct({ receipt: Token }).annotate({
  identifier: "Confirmation",
});

const decode = decoder(Confirmation, Object.keys(Confirmation.fields));

/** Why a body with a receipt is refused; a receipt that is not a string is an invalid receipt. */
export function receiptRefusal(
  faults: Arr.NonEmptyReadonlyArray<MemberFault>,
): InvalidReceipt | InvalidBody {
  const [{ pointer, reason }] = faults;
  return pointer === "/receipt" && reason !== MISSING
    ? new InvalidReceipt()
    : new InvalidBody({ faults });
}
