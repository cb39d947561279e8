import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import { CredentialsGrant } from "../domain/credentials-grant.ts";
import {
  InvalidGrant,
  InvalidReceipt,
  InvalidUpload,
  LinkNotFound,
  OrganizationNotFound,
} from "../domain/errors.ts";
import type { FileName } from "../domain/file-name.ts";
import type { FilePath } from "../domain/file-path.ts";
import { Link } from "../domain/link.ts";
import { MultipartUpload } from "../domain/multipart.ts";
import { Receipt } from "../domain/receipt.ts";
import { parse, type StorageKeyParts } from "../domain/storage-key.ts";
import type { Member } from "./admit.ts";
import { type TokenPurpose, Tokens } from "./ports/tokens.ts";

const encodeUpload = Schema.encodeSync(Schema.fromJsonString(MultipartUpload));
const encodeCredentials = Schema.encodeSync(Schema.fromJsonString(CredentialsGrant));
const LinkJson = Schema.fromJsonString(Link);
const encodeLink = Schema.encodeSync(LinkJson);
const decodeReceipt = Schema.decodeOption(Schema.fromJsonString(Receipt));
const decodeLink = Schema.decodeOption(LinkJson);

/** Allowed difference between the clocks of two replicas. */
const SKEW = Duration.minutes(5);

/**
 * Makes a function that opens a token for the person it was issued to, or for a service of their
 * organization. It fails with `OrganizationNotFound` for a token of another organization.
 */
const opener = <A extends Receipt | MultipartUpload | CredentialsGrant, E>(kind: {
  readonly purpose: TokenPurpose;
  readonly schema: Schema.ConstraintCodec<A, unknown>;
  readonly invalid: () => E;
  readonly isCurrent: (token: A, now: DateTime.Utc) => boolean;
}) => {
  const decode = Schema.decodeUnknownOption(Schema.fromJsonString(kind.schema));
  return Effect.fnUntraced(function* (
    { principal, organization, recordFacts }: Member,
    text: string,
  ) {
    const opened = Option.flatMap((yield* Tokens).open(kind.purpose, text), decode);
    if (Option.isNone(opened)) return yield* Effect.fail(kind.invalid());
    const token = opened.value;
    if ("key" in token) {
      const { key, policy, size, contentType } = token;
      recordFacts?.({ key, policy, size, contentType });
    } else recordFacts?.({ policy: token.policy });
    const isTheirs = token.subject === principal.subject || principal.kind === "service";
    if (token.organization !== organization || !isTheirs) return yield* new OrganizationNotFound();
    const now = yield* DateTime.now;
    return kind.isCurrent(token, now) ? token : yield* Effect.fail(kind.invalid());
  });
};

export const openReceipt = opener({
  purpose: "receipt",
  schema: Receipt,
  invalid: () => new InvalidReceipt(),
  isCurrent: ({ issuedAt, confirmUntil }, now) =>
    !DateTime.isGreaterThan(issuedAt, DateTime.addDuration(now, SKEW)) &&
    !DateTime.isGreaterThan(now, confirmUntil),
});

export const openUpload = opener({
  purpose: "upload",
  schema: MultipartUpload,
  invalid: () => new InvalidUpload(),
  isCurrent: ({ expiresAt }, now) => DateTime.isLessThan(now, expiresAt),
});

export const openCredentials = opener({
  purpose: "credentials",
  schema: CredentialsGrant,
  invalid: () => new InvalidGrant(),
  isCurrent: ({ issuedAt, completeUntil }, now) =>
    !DateTime.isGreaterThan(issuedAt, DateTime.addDuration(now, SKEW)) &&
    !DateTime.isGreaterThan(now, completeUntil),
});

export const sealCredentials = (grant: CredentialsGrant): Effect.Effect<string, never, Tokens> =>
  Tokens.useSync(({ seal }) => seal("credentials", encodeCredentials(grant), "encrypted"));

export const sealReceipt = ({ seal }: Tokens["Service"], receipt: Receipt): string =>
  seal("receipt", toJson(receipt), receipt.metadata && "encrypted");

/** Writes the JSON that `Receipt` decodes: encoding by a schema costs as much as signing. */
export const toJson = (receipt: Receipt): string =>
  JSON.stringify({
    k: receipt.key,
    n: receipt.filename,
    r: receipt.path,
    t: receipt.contentType,
    s: receipt.size,
    c: receipt.checksum,
    e: receipt.metadata,
    p: receipt.policy,
    u: receipt.subject,
    o: receipt.organization,
    w: receipt.writeOnce,
    a: receipt.incoming,
    h: receipt.store,
    i: receipt.issuedAt.epochMilliseconds,
    x: receipt.putExpiresAt.epochMilliseconds,
    l: receipt.confirmUntil.epochMilliseconds,
    q: receipt.slug,
  });

/** In bytes. S3 allows 2 kB of metadata with its name: "Object metadata", Amazon S3 User Guide. */
export const LONGEST_ANNOUNCEMENT = 2000;

/** Seals a grant that an object carries. */
export const sealAnnouncement = ({ seal }: Tokens["Service"], receipt: Receipt): string =>
  seal("announcement", toJson(receipt), receipt.metadata && "encrypted");

/** Opens the grant that an object carries; none for text that was not sealed here. */
export const openAnnouncement = ({ open }: Tokens["Service"], text: string) =>
  Option.flatMap(open("announcement", text), decodeReceipt);

/**
 * Seals a file's names for the object itself, where holders of its URLs see them encrypted. With
 * the longest of both, it has 1,858 characters.
 */
export const sealNames = (
  { seal }: Tokens["Service"],
  { key, filename, path }: Pick<Receipt, "key" | "filename" | "path">,
): string =>
  seal("names", [Option.getOrThrow(parse(key)).uuid, filename, path ?? ""].join("\n"), "encrypted");

/** Opens the names that were sealed for this very file; none for any other text. */
export function openNames(
  { open }: Tokens["Service"],
  { uuid }: Pick<StorageKeyParts, "uuid">,
  sealed: string,
): Partial<Pick<Receipt, "filename" | "path">> {
  const [sealedFor, filename, path = ""] = Option.getOrElse(open("names", sealed), () => "").split(
    "\n",
  );
  if (sealedFor !== uuid) return {};
  return { filename: filename as FileName, ...(path && { path: path as FilePath }) };
}

export const sealUpload = (upload: MultipartUpload): Effect.Effect<string, never, Tokens> =>
  Tokens.useSync(({ seal }) =>
    seal("upload", encodeUpload(upload), upload.metadata && "encrypted"),
  );

export const sealLink = (link: Link): Effect.Effect<string, never, Tokens> =>
  Tokens.useSync(({ seal }) => seal("link", encodeLink(link)));

export const openLink = (text: string): Effect.Effect<Link, LinkNotFound, Tokens> =>
  Effect.flatMap(Tokens, ({ open }) =>
    Option.match(Option.flatMap(open("link", text), decodeLink), {
      onNone: () => Effect.fail(new LinkNotFound()),
      onSome: Effect.succeed,
    }),
  );
