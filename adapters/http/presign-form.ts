import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Predicate from "effect/Predicate";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { type RequestedForm, requestForm } from "../../application/request-form.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { decoder } from "../json/decode.ts";
import { answer } from "./answer.ts";
import { FormUpload, Upload } from "./answers.ts";
import { parseIdempotencyKey } from "./idempotency-key.ts";
import { askedFacts, presign, refusalOfUpload, UploadRequest } from "./presign.ts";
import type { InvalidBody, InvalidMember } from "./refusals.ts";
import type { MemberRequest, Services } from "./route.ts";

/** Answers `POST /api/v1/orgs/:slug/files/presign`, with a PUT or a form as the body asks. */
export const presignPutOrForm = (
  request: MemberRequest,
): Effect.Effect<Response, Effect.Error<Answering>, Services> =>
  Predicate.hasProperty(request.body, "method") && request.body.method === "form"
    ? presignForm(request)
    : presign(request);

type Answering = ReturnType<typeof presign> | ReturnType<typeof presignForm>;

const presignForm = Effect.fnUntraced(function* (request: MemberRequest) {
  const { c, member, recordFacts } = request;
  const { upload, policy } = yield* decodeForm(request.body);
  recordFacts(askedFacts({ upload, policy }));
  const idempotencyKey = yield* parseIdempotencyKey(c.req.raw.headers.get("idempotency-key"));
  const granted = yield* requestForm({ member, upload, policy, idempotencyKey });
  recordFacts({ size: granted.size, policy: granted.policy, key: granted.key });
  const { form, get } = granted;
  return answer(c, {
    form: { url: form.url, fields: form.fields },
    form_expires_at: DateTime.formatIso(form.expiresAt),
    get_url: get.url,
    get_expires_at: DateTime.formatIso(get.expiresAt),
    key: granted.key,
    receipt: granted.receipt,
  } satisfies FormUpload);
});

const { checksum, strict, ...fields } = UploadRequest.fields;

/** The body of `POST …/presign` that asks for a form. */
const FormRequest = Schema.Struct({
  ...fields,
  method: Schema.Literal("form"),
  size: Schema.optionalKey(ByteSize),
}).annotate({
  identifier: "FormRequest",
  description: "Without `size`, the form takes any size that the policy allows.",
});

/** The bodies and answers of `POST …/presign`. */
export const PresignRequest = Schema.Union([UploadRequest, FormRequest]).annotate({
  identifier: "PresignRequest",
});
export const PresignAnswer = Schema.Union([Upload, FormUpload], { mode: "oneOf" }).annotate({
  identifier: "PresignAnswer",
});

/** With the members that no form can bind, so that their refusal says so. */
const Known = Schema.Struct({ ...FormRequest.fields, checksum, strict });
const decode = decoder(Known, Object.keys(Known.fields));

/** The body of `POST …/presign` that asks for a form, in the words of the domain. */
export function decodeForm(
  body: unknown,
): Effect.Effect<RequestedForm, InvalidBody | InvalidMember> {
  return Result.match(decode(body), {
    onSuccess: ({ filename, content_type, size, checksum, policy, strict = false }) =>
      Effect.succeed({
        upload: { fileName: filename, mediaType: content_type, size, strict, checksum },
        policy,
      }),
    onFailure: (faults) => Effect.fail(refusalOfUpload(faults)),
  });
}
