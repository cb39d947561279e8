import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import {
  InvalidReceipt,
  InvalidUpload,
  LinkNotFound,
  OrganizationNotFound,
} from "../domain/errors.ts";
import { Link } from "../domain/link.ts";
import { MultipartUpload } from "../domain/multipart.ts";
import { Receipt, toJson } from "../domain/receipt.ts";
import type { Member } from "./admit.ts";
import { Tokens } from "./ports/tokens.ts";

const ReceiptJson = Schema.fromJsonString(Receipt);
const decodeReceipt = Schema.decodeOption(ReceiptJson);
const LinkJson = Schema.fromJsonString(Link);
const encodeLink = Schema.encodeSync(LinkJson);
const decodeLink = Schema.decodeOption(LinkJson);
const UploadJson = Schema.fromJsonString(MultipartUpload);
const encodeUpload = Schema.encodeSync(UploadJson);
const decodeUpload = Schema.decodeOption(UploadJson);

/** The tolerated difference between the clocks of two replicas. */
const SKEW = Duration.minutes(5);

/** Seals a receipt for the client to keep. */
export const sealReceipt = ({ seal }: Tokens["Service"], receipt: Receipt): string =>
  seal("receipt", toJson(receipt));

/**
 * Reads a receipt for the caller: the person it was given to, or a service.
 *
 * Fails with `InvalidReceipt` for a text that was not sealed here or has expired, and with
 * `OrganizationNotFound` for a receipt of another organization or person.
 */
export const receiptOf = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly receipt: string;
}) {
  const opened = Option.flatMap((yield* Tokens).open("receipt", request.receipt), decodeReceipt);
  if (Option.isNone(opened)) return yield* new InvalidReceipt();
  const receipt = opened.value;
  request.member.recordFacts?.(factsOf(receipt));
  if (!isTheirs(request.member, receipt)) return yield* new OrganizationNotFound();
  const now = DateTime.makeUnsafe(yield* Clock.currentTimeMillis);
  const isFromTheFuture = DateTime.isGreaterThan(receipt.issuedAt, DateTime.addDuration(now, SKEW));
  if (isFromTheFuture || DateTime.isGreaterThan(now, receipt.confirmUntil)) {
    return yield* new InvalidReceipt();
  }
  return receipt;
});

/** Seals an upload in parts for the client to keep. */
export const sealUpload = (upload: MultipartUpload): Effect.Effect<string, never, Tokens> =>
  Tokens.useSync(({ seal }) => seal("upload", encodeUpload(upload)));

/**
 * Reads the token of an upload in parts for the caller: the person who started it, or a service.
 *
 * Fails with `InvalidUpload` for a text that was not sealed here or has expired, and with
 * `OrganizationNotFound` for an upload of another organization or person.
 */
export const uploadOf = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly upload: string;
}) {
  const opened = Option.flatMap((yield* Tokens).open("upload", request.upload), decodeUpload);
  if (Option.isNone(opened)) return yield* new InvalidUpload();
  const upload = opened.value;
  request.member.recordFacts?.(factsOf(upload));
  if (!isTheirs(request.member, upload)) return yield* new OrganizationNotFound();
  const now = DateTime.makeUnsafe(yield* Clock.currentTimeMillis);
  if (DateTime.isGreaterThanOrEqualTo(now, upload.expiresAt)) return yield* new InvalidUpload();
  return upload;
});

/** What the audit is told of an upload. */
const factsOf = ({ key, policy, size, mediaType }: MultipartUpload | Receipt) => ({
  key,
  policy,
  size,
  mediaType,
});

/** Whether a token was given to the caller; services may use those of their organization. */
const isTheirs = (
  { principal, organization }: Member,
  token: Pick<Receipt, "subject" | "organization">,
): boolean =>
  token.organization === organization &&
  (token.subject === principal.subject || principal.kind === "service");

/** Seals the right to open a file. */
export const sealLink = (link: Link): Effect.Effect<string, never, Tokens> =>
  Tokens.useSync(({ seal }) => seal("link", encodeLink(link)));

/** Reads a link that was sealed here; fails with `LinkNotFound` for any other text. */
export const openLink = (text: string): Effect.Effect<Link, LinkNotFound, Tokens> =>
  Effect.flatMap(Tokens, ({ open }) =>
    Option.match(Option.flatMap(open("link", text), decodeLink), {
      onNone: () => Effect.fail(new LinkNotFound()),
      onSome: Effect.succeed,
    }),
  );
