import * as Schema from "effect/Schema";
import { completeCredentials } from "../../../../application/credentials/complete-credentials.ts";
import { CREDENTIALS } from "../../addresses.ts";
import { CALLS, WIRE } from "../../problems/language.ts";
import { problemFrom } from "../../problems/problem.ts";
import { ConfirmedUpload, presentConfirmed } from "../confirm.ts";
import { operation } from "../operation.ts";
import { RECEIPT, seconds, text, Token } from "../schemas.ts";

export const completeCredentialsOperation = operation({
  action: "complete-credentials",
  methods: ["POST"],
  path: `${CREDENTIALS}/complete`,
  scope: "confirm",
  text: {
    operationId: "completeCredentials",
    summary: "Make files of what was uploaded with credentials",
    description:
      "Each object below the prefix becomes a file, or is refused, by the policy. One answer has some of them: ask again with `next` until there is none. What is stored after the first time becomes no file. The same grant gets the same answer until the last one.",
    examples: { grant: { grant: RECEIPT } },
    answers: "The files, and what was refused.",
  },
  // The grant may have two names of an object.
  bodyLimit: 64 * 1024,
  input: Schema.Struct({ grant: Token }).annotate({ identifier: "Completion" }),
  run: ({ member }, { grant }) => completeCredentials({ member, grant }),
  output: Schema.Struct({
    files: Schema.Array(ConfirmedUpload),
    refused: Schema.Array(
      Schema.Struct({
        path: text("The object's name below the prefix.", "holidays/a.exe"),
        code: text(
          "As in problems, or `OBJECT_REFUSED` or `UPLOAD_LATE`.",
          "UNSUPPORTED_MEDIA_TYPE",
        ),
        detail: text("The fault and the remedy.", "This file is text/html."),
      }).annotate({ identifier: "RefusedObject", description: "An object that becomes no file." }),
    ),
    next: Schema.optionalKey(Token),
    retryAfter: Schema.optionalKey(seconds("When to ask with `next`, in seconds.", 5)),
  }).annotate({ identifier: "CompletedCredentials" }),
  present: ({ files, refused, next, retryAfter }, asking) => ({
    files: files.map((file) => presentConfirmed(file, asking)),
    refused: refused.map(({ path, refusal }) => {
      const { code, detail } = problemFrom(refusal, asking.headers === undefined ? CALLS : WIRE);
      return { path, code, detail };
    }),
    ...(next !== undefined && { next }),
    ...(retryAfter !== undefined && { retryAfter }),
  }),
  refusals: {
    InvalidGrant: true,
    OrganizationNotFound: true,
    CredentialsNotSupported: true,
    ScannerUnavailable: true,
    EventsUnavailable: true,
    LimitsUnavailable: true,
    StoreUnavailable: true,
    CredentialsUnavailable: true,
  },
});
