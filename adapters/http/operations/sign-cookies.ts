import * as DateTime from "effect/DateTime";
import * as Schema from "effect/Schema";
import { signCookies } from "../../../application/files/sign-cookies.ts";
import { FILES, operation } from "./operation.ts";
import { flag, folders, instant, url } from "./schemas.ts";

/**
 * The answer has the cookies as data, and sets none: they belong to the domain of the CDN, for which
 * the backend that asks sets them.
 */
export const signCookiesOperation = operation({
  action: "cookies",
  methods: ["POST"],
  path: `${FILES}/cookies`,
  scope: "list",
  own: "mine",
  text: {
    operationId: "signCookies",
    summary: "Sign cookies that open a folder of files at the CDN",
    description:
      "For backends, which set them for the domain that pages and CDN share. They open every file below `prefix`, whatever its type, until `expiresAt`. Needs the scope `read` too, unless `mine` is asked for with the scope `mine`.",
    examples: { folder: { prefix: "albums" } },
    answers: "The cookies.",
  },
  input: Schema.Struct({
    prefix: folders("Folders, as lists take them; all files if left out."),
    mine: Schema.optionalKey(
      flag("Opens the caller's own folder, which the `key` of a policy makes by `{subject}`."),
    ),
  }).annotate({ identifier: "CookieRequest" }),
  run: ({ member }, input) => signCookies({ member, ...input }),
  output: Schema.Struct({
    cookies: Schema.Record(Schema.String, Schema.String).annotate({
      description: "Values by names. Set each with `Secure` and `HttpOnly`.",
    }),
    prefix: url(
      "The beginning of the addresses that they open; a key follows.",
      "https://cdn.example.com/orgs/org_1/albums/",
    ),
    expiresAt: instant("When the cookies stop working.", "2026-11-25T12:00:00.000Z"),
  }).annotate({ identifier: "SignedCookies", description: "Cookies for a CDN." }),
  present: ({ cookies, prefix, expiresAt }) => ({
    cookies,
    prefix,
    expiresAt: DateTime.toDate(expiresAt),
  }),
  refusals: { ScopeMissing: true, NoOwnFolder: true, CookiesNotSupported: true },
});
