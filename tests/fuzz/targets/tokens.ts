import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Cause from "effect/Cause";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import { isDeepStrictEqual } from "node:util";
import { tokensOf } from "../../../adapters/tokens/tokens.ts";
import type { Member } from "../../../application/admit.ts";
import { Tokens, type TokenPurpose } from "../../../application/ports/tokens.ts";
import {
  openCredentials,
  openLink,
  openNames,
  openAnnouncement,
  openReceipt,
  openUpload,
} from "../../../application/tokens.ts";
import { CredentialsGrant } from "../../../domain/credentials-grant.ts";
import { Link } from "../../../domain/link.ts";
import { MultipartUpload } from "../../../domain/multipart.ts";
import { OrganizationId, OrganizationSlug } from "../../../domain/organization.ts";
import { DEFAULT_SCOPES } from "../../../domain/principal.ts";
import { toJson } from "../../../application/tokens.ts";
import { Receipt } from "../../../domain/receipt.ts";
import { receiptKey } from "../../support/receipt-key.ts";
import type { Target } from "../engine.ts";

// Tokens, and what may be sealed in them. An input that begins with a purpose is the content of one
// that was sealed for it; any other is what somebody sends as a token.

const KEYS = [
  { id: "new", secret: receiptKey("fuzz-new") },
  { id: "old", secret: receiptKey("fuzz-old") },
] as const;
const tokens = tokensOf(KEYS);
const sealers = new Map(KEYS.map((key) => [key.id as string, tokensOf([key])]));
const PURPOSES: ReadonlyArray<TokenPurpose> = ["receipt", "link", "upload"];

function run(input: Buffer): void {
  const text = input.toString();
  const purpose = PURPOSES.find((purpose) => text.startsWith(`${purpose}\n`));
  if (purpose === undefined) openAny(text);
  else openSealed(purpose, text.slice(purpose.length + 1));
}

/** Whatever opens is, letter by letter, what its key seals for this purpose, and for no other. */
function openAny(token: string): void {
  const opened = PURPOSES.flatMap((purpose) =>
    Option.match(tokens.open(purpose, token), {
      onNone: () => [],
      onSome: (content) => [[purpose, content] as const],
    }),
  );
  for (const [purpose, content] of opened) {
    const [, id = ""] = token.split(".");
    if (opened.length > 1) throw new Error(`opened for ${opened.length} purposes: ${token}`);
    if (sealers.get(id)?.seal(purpose, content) !== token) throw new Error(`not sealed: ${token}`);
  }
}

const member: Member = {
  principal: {
    kind: "service",
    subject: "fuzz",
    scopes: DEFAULT_SCOPES,
    organizations: "every",
  },
  slug: OrganizationSlug.make("acme"),
  organization: OrganizationId.make("acme"),
};

/** A sealed token opens as what it was, and is then used or refused with an error of the domain. */
function openSealed(purpose: TokenPurpose, content: string): void {
  const token = tokens.seal(purpose, content);
  openAny(token);
  if (Option.getOrUndefined(tokens.open(purpose, token)) !== content)
    throw new Error("other content");
  const program: Effect.Effect<unknown, unknown, Tokens> = {
    receipt: openReceipt(member, token),
    announcement: Effect.map(Tokens, (tokens) => openAnnouncement(tokens, token)),
    upload: openUpload(member, token),
    link: openLink(token),
    credentials: openCredentials(member, token),
    names: Effect.map(Tokens, (tokens) => openNames(tokens, { uuid: "" }, token)),
  }[purpose];
  const exit = Effect.runSyncExit(Effect.provideService(program, Tokens, tokens));
  if (Exit.isFailure(exit) && !Exit.isSuccess(Exit.asVoid(exit)) && Cause.hasDies(exit.cause)) {
    throw new Error(`a defect: ${Cause.pretty(exit.cause)}`);
  }
  const value = DECODE[purpose](content);
  if (value === undefined) return;
  const written = ENCODE[purpose](value);
  if (!isDeepStrictEqual(DECODE[purpose](written), value)) {
    throw new Error(`${written} is not what was written of it`);
  }
}

const decoding = (schema: Schema.ConstraintCodec<unknown, unknown>) => {
  const decode = Schema.decodeUnknownOption(Schema.fromJsonString(schema));
  return (text: string): unknown => Option.getOrUndefined(decode(text));
};
const DECODE = {
  receipt: decoding(Receipt),
  announcement: decoding(Receipt),
  upload: decoding(MultipartUpload),
  link: decoding(Link),
  credentials: decoding(CredentialsGrant),
  // Text, whose lines need no decoding.
  names: (text: string): unknown => text,
};
const ENCODE: Readonly<Record<TokenPurpose, (value: unknown) => string>> = {
  receipt: (value) => toJson(value as Receipt),
  announcement: (value) => toJson(value as Receipt),
  upload: Schema.encodeSync(Schema.fromJsonString(MultipartUpload)) as (value: unknown) => string,
  credentials: Schema.encodeSync(Schema.fromJsonString(CredentialsGrant)) as (
    value: unknown,
  ) => string,
  link: Schema.encodeSync(Schema.fromJsonString(Link)) as (value: unknown) => string,
  names: String,
};

const NOW = DateTime.toEpochMillis(DateTime.makeUnsafe("2026-11-28T12:00:00Z"));
const SHARED = {
  k: "orgs/acme/files/2026/11/3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f.png",
  n: "a.png",
  t: "image/png",
  p: "files",
  i: NOW,
  x: NOW + 900_000,
};
const GRANT = { ...SHARED, s: 5, u: "fuzz", o: "acme" };
const CONTENTS: Readonly<Record<TokenPurpose, string>> = {
  receipt: JSON.stringify({ ...GRANT, w: false, g: true, l: NOW + 90_000_000 }),
  announcement: JSON.stringify({
    ...GRANT,
    w: false,
    a: true,
    g: false,
    l: NOW + 90_000_000,
    q: "acme",
  }),
  upload: JSON.stringify({ ...GRANT, d: "upload-1", b: 5_242_880 }),
  credentials: JSON.stringify({
    g: "3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f",
    p: "files",
    u: "fuzz",
    c: "service",
    o: "acme",
    m: 5,
    i: NOW,
    x: NOW + 900_000,
    l: NOW + 90_000_000,
    n: "incoming/credentials/acme/3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f/a.png",
    b: 5,
  }),
  link: JSON.stringify({ ...SHARED, v: "version-1" }),
  names: "3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f\na.png\nholidays/a.png",
};

export const tokensTarget: Target = {
  name: "tokens",
  run,
  seeds: PURPOSES.flatMap((purpose) => [
    Buffer.from(`${purpose}\n${CONTENTS[purpose]}`),
    ...[...sealers.values()].map(({ seal }) => Buffer.from(seal(purpose, CONTENTS[purpose]))),
  ]),
  words: [
    "v1.",
    ".new.",
    ".old.",
    "v2",
    "=",
    "-",
    "_",
    "+",
    "/",
    ...PURPOSES.map((p) => `${p}\n`),
    '"c":{"algorithm":"sha256","value":"',
    "1e21",
    "-0",
    "null",
    "\ud83d\ude00",
    "8640000000000001",
  ],
  work: [5000, 20],
};
