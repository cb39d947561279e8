import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import { admit, type Member } from "../../application/admit.ts";
import { confirmUpload } from "../../application/confirm-upload.ts";
import { makeLink } from "../../application/make-link.ts";
import { openFile } from "../../application/open-file.ts";
import type { ConfirmedUpload as Confirmed } from "../../application/ports/on-confirmed.ts";
import { requestUpload } from "../../application/request-upload.ts";
import type { Scope } from "../../domain/principal.ts";
import { parse, pathOf } from "../../domain/storage-key.ts";
import { decodePresign } from "../http/presign.ts";
import { fileAddress, linkAddress } from "../http/addresses.ts";
import { decodeLink } from "../http/links.ts";
import { InvalidBody } from "../http/refusals.ts";
import { principalOf } from "./caller.ts";
import type {
  Asked,
  Confirmation,
  Link,
  OpenedFile,
  Upload,
  UploadRequest,
  Valetkey,
} from "./valetkey.ts";

/** The use cases with plain data for input and output, of a service at `publicUrl`. */
export const callsAt = (publicUrl: URL) => ({
  requestUpload: Effect.fnUntraced(function* (asked: UploadRequest) {
    const member = yield* admitCaller(asked, "write");
    const { filename, contentType: content_type, size, checksum, policy: name, strict } = asked;
    const { upload, policy } = yield* decodePresign(
      given({ filename, content_type, size, checksum, policy: name, strict }),
    );
    const { idempotencyKey } = asked;
    if (idempotencyKey !== undefined && !isIdempotencyKey(idempotencyKey)) {
      return yield* new InvalidBody({ faults: [NO_IDEMPOTENCY_KEY] });
    }
    const { key, put, get, receipt } = yield* requestUpload({
      member,
      upload,
      policy,
      idempotencyKey,
    });
    return {
      key,
      putUrl: put.url,
      putHeaders: put.headers,
      putExpiresAt: DateTime.toDate(put.expiresAt),
      getUrl: get.url,
      getExpiresAt: DateTime.toDate(get.expiresAt),
      receipt,
    } satisfies Upload;
  }),

  confirmUpload: Effect.fnUntraced(function* (asked: Parameters<Valetkey["confirmUpload"]>[0]) {
    const member = yield* admitCaller(asked, "confirm");
    const { get, ...confirmed } = yield* confirmUpload({ member, receipt: asked.receipt });
    return {
      ...plain(confirmed),
      getUrl: get.url,
      getExpiresAt: DateTime.toDate(get.expiresAt),
      fileUrl: fileAddress(publicUrl, asked.organization, confirmed.key),
    } satisfies Confirmation;
  }),

  makeLink: Effect.fnUntraced(function* (asked: Parameters<Valetkey["makeLink"]>[0]) {
    const member = yield* admitCaller(asked, "read");
    const { receipt, expiresIn: expires_in } = asked;
    const request = yield* decodeLink(given({ receipt, expires_in }));
    const { token, expiresAt } = yield* makeLink({ member, ...request });
    return {
      linkUrl: linkAddress(publicUrl, token),
      expiresAt: DateTime.toDate(expiresAt),
    } satisfies Link;
  }),

  openFile: Effect.fnUntraced(function* (asked: Parameters<Valetkey["openFile"]>[0]) {
    const { key, download = false } = asked;
    if (typeof key !== "string") return yield* Effect.die(new TypeError("key must be a string"));
    const member = yield* admitCaller(asked, "read");
    const { get } = yield* openFile({ member, path: pathIn(key, member), download });
    return { url: get.url, expiresAt: DateTime.toDate(get.expiresAt) } satisfies OpenedFile;
  }),
});

/** A confirmed upload as a host sees it. */
export const plain = ({
  key,
  size,
  mediaType,
  etag,
  checksum,
  final,
  mutableUntil,
}: Omit<Confirmed, "organization" | "subject">) => ({
  key,
  size,
  contentType: mediaType,
  etag,
  ...(checksum === undefined ? {} : { checksum }),
  final,
  ...(final ? {} : { mutableUntil: DateTime.toDate(mutableUntil) }),
});

const admitCaller = ({ caller, organization: slug }: Asked, scope: Scope) =>
  Effect.flatMap(
    Effect.sync(() => principalOf(caller)),
    (principal) => admit({ principal, slug, scope }),
  );

/** What `openFile` takes of a key: nothing of a key of another organization, and so no file. */
const pathIn = (key: string, { organization }: Member): string =>
  parse(key).pipe(
    Option.filter((parts) => parts.organization === organization),
    Option.match({ onNone: () => "", onSome: pathOf }),
  );

/** As an option the key is any text; only the header has rules of its own. */
const isIdempotencyKey = Schema.is(
  Schema.String.check(Schema.isPattern(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,255}$/u)),
);

const NO_IDEMPOTENCY_KEY = {
  pointer: "/idempotencyKey",
  reason: "it is not text of 1 to 255 printable characters",
};

/** Leaves out members that are undefined. */
const given = (members: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
