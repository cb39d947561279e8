import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Schema from "effect/Schema";
import { makeLink } from "../../../application/files/make-link.ts";
import { LinkLifetime, LONGEST_LINK } from "../../../domain/link.ts";
import { ObjectVersion } from "../../../domain/object-version.ts";
import { linkAddress } from "../addresses.ts";
import { FILES, operation } from "./operation.ts";
import { instant, LINK_TOKEN, names, RECEIPT, Token, url } from "./schemas.ts";

const LIFETIME = "it is not a whole number of seconds, from 1 to 10 years";

export const makeLinkOperation = operation({
  action: "links",
  methods: ["POST"],
  path: `${FILES}/links`,
  scope: "read",
  text: {
    operationId: "makeLink",
    summary: "Make a link to a file",
    description:
      "Needs a policy with `linkLifetime`. The link opens the file for everyone who has it.",
    examples: { upload: { receipt: RECEIPT, expires_in: 3600 } },
    answers: "The link.",
  },
  input: Schema.Struct({
    receipt: Token,
    expiresIn: Schema.optionalKey(
      Schema.Int.annotate({ message: LIFETIME })
        .check(Schema.isBetween({ minimum: 1, maximum: LONGEST_LINK }, { message: LIFETIME }))
        .annotate({
          description: "Seconds. If left out, as long as the policy allows.",
          examples: [3600],
        }),
    ),
    version: Schema.optionalKey(
      ObjectVersion.annotate({
        description: "As the confirmation named it; the present one if left out.",
      }),
    ),
  }).annotate({ identifier: "LinkRequest" }),
  run: ({ member }, { expiresIn, ...file }) =>
    makeLink({
      member,
      ...file,
      ...(expiresIn !== undefined && {
        lifetime: LinkLifetime.make(Duration.seconds(expiresIn)),
      }),
    }),
  output: Schema.Struct({
    linkUrl: url(
      "Opens the file for everyone who has it.",
      `https://uploads.example.com/f/${LINK_TOKEN}`,
    ),
    expiresAt: instant("When the link stops working.", "2026-11-24T13:00:00.000Z"),
    ...names,
  }).annotate({ identifier: "Link", description: "A link to a file." }),
  present: ({ token, expiresAt, filename, path }, { publicUrl }) => ({
    linkUrl: linkAddress(publicUrl, token),
    expiresAt: DateTime.toDate(expiresAt),
    filename,
    ...(path !== undefined && { path }),
  }),
  refusals: {
    InvalidReceipt: true,
    OrganizationNotFound: true,
    LinksNotAllowed: true,
    LinkTooLong: true,
  },
});
