import * as DateTime from "effect/DateTime";
import * as Predicate from "effect/Predicate";
import * as Schema from "effect/Schema";
import { requestForm } from "../../../application/uploads/request-form.ts";
import { StorageKey } from "../../../domain/storage-key.ts";
import { operation } from "./operation.ts";
import {
  askedFacts,
  fileFields,
  GRANT_REFUSALS,
  presentGet,
  presign,
  requestedUpload,
  UploadRequest,
} from "./presign.ts";
import { download, instant, KEY, Token, url } from "./schemas.ts";

const { checksum, size, ...others } = fileFields;
const fields = { ...others, size: Schema.optionalKey(size) };

const FormUpload = Schema.Struct({
  form: Schema.Struct({
    url: url("The `action` of the form.", "https://store.example.com/files/"),
    fields: Schema.Record(Schema.String, Schema.String).annotate({
      description: "Its hidden inputs: all of them, before the input `file`, and no others.",
      examples: [{ key: KEY, "Content-Type": "image/png" }],
    }),
  }).annotate({ identifier: "Form", description: "Sent by POST as `multipart/form-data`." }),
  formExpiresAt: instant("When the form stops working.", "2026-11-24T12:15:00.000Z"),
  ...download,
  key: StorageKey,
  receipt: Token,
}).annotate({ identifier: "FormUpload", description: "A granted upload by an HTML form." });

/** The same address as that of a PUT, with `method: form`. */
export const presignForm = operation({
  action: "presign",
  methods: presign.methods,
  path: presign.path,
  scope: "write",
  text: presign.text,
  accepts: (body) => Predicate.hasProperty(body, "method") && body.method === "form",
  isRepeatable: true,
  // With members that no form can bind, so that their refusal says so.
  input: Schema.Struct({
    ...fields,
    method: Schema.optionalKey(Schema.Literal("form")),
    checksum,
    strict: UploadRequest.fields.strict,
  }),
  documented: Schema.Struct({ ...fields, method: Schema.Literal("form") }).annotate({
    identifier: "FormRequest",
    description: "Without `size`, the form takes any size that the policy allows.",
  }),
  facts: askedFacts,
  run: (asking, file) =>
    requestForm({ ...asking, ...requestedUpload({ size: undefined, ...file }) }),
  output: FormUpload,
  present: (granted) => ({
    key: granted.key,
    form: { url: granted.form.url, fields: granted.form.fields },
    formExpiresAt: DateTime.toDate(granted.form.expiresAt),
    ...presentGet(granted),
    receipt: granted.receipt,
  }),
  refusals: {
    ...GRANT_REFUSALS,
    AnnouncementTooLong: true,
    FormNotSupported: true,
    FormCannotBind: true,
    CredentialsUnavailable: true,
  },
});
