import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Predicate from "effect/Predicate";
import * as Schema from "effect/Schema";
import { abortMultipart } from "../../application/abort-multipart.ts";
import { admit, type Member } from "../../application/admit.ts";
import { completeMultipart } from "../../application/complete-multipart.ts";
import { confirmUpload } from "../../application/confirm-upload.ts";
import { listParts } from "../../application/list-parts.ts";
import { listPolicies } from "../../application/list-policies.ts";
import { makeLink } from "../../application/make-link.ts";
import { openFile } from "../../application/open-file.ts";
import type { ConfirmedUpload as Confirmed } from "../../application/ports/on-confirmed.ts";
import type { SignedRequest } from "../../application/ports/presigner.ts";
import { requestForm } from "../../application/request-form.ts";
import { requestUpload, requestUploads } from "../../application/request-upload.ts";
import { signParts } from "../../application/sign-parts.ts";
import { startMultipart } from "../../application/start-multipart.ts";
import type { Scope } from "../../domain/principal.ts";
import { parse, pathOf } from "../../domain/storage-key.ts";
import { decodePresign } from "../http/presign.ts";
import { decodeForm } from "../http/presign-form.ts";
import { decodeBatch } from "../http/presign-batch.ts";
import { fileAddress, linkAddress } from "../http/addresses.ts";
import { decodeLink } from "../http/links.ts";
import { decodeCompletion, decodeSigning, decodeStart, decodeUpload } from "../http/multipart.ts";
import type { Refusal } from "../http/problem.ts";
import { InvalidBody } from "../http/refusals.ts";
import type { Services } from "../http/route.ts";
import { principalOf } from "./caller.ts";
import type { Asked, SentPart, UploadRequest, Valetkey } from "./valetkey.ts";

/** The calls of a `Valetkey`, as programs. */
export type Calls = {
  readonly [Name in Exclude<keyof Valetkey, "ready" | "fetch" | "handles" | "paths" | "close">]: (
    call: Parameters<Valetkey[Name]>[0],
  ) => Effect.Effect<Awaited<ReturnType<Valetkey[Name]>>, Refusal, Services>;
};

/** The use cases with plain data for input and output, of a service at `publicUrl`. */
export function callsAt(publicUrl: URL) {
  /** A confirmed upload as a host sees it. */
  const confirmationOf = (
    confirmed: Effect.Success<ReturnType<typeof confirmUpload>>,
    organization: string,
  ) => ({
    ...plain(confirmed),
    ...downloadOf(confirmed),
    fileUrl: fileAddress(publicUrl, organization, confirmed),
  });
  return {
    requestUpload: Effect.fnUntraced(function* (call) {
      const member = yield* admitCaller(call, "write");
      const { upload, policy } = yield* decodePresign(bodyOf(call));
      const idempotencyKey = yield* parseIdempotencyKey(call);
      const granted = yield* requestUpload({ member, upload, policy, idempotencyKey });
      return uploadOf(granted);
    }),

    requestUploads: Effect.fnUntraced(function* (call) {
      const member = yield* admitCaller(call, "write");
      const { files, policy, strict } = call;
      const uploads = yield* decodeBatch(
        given({ files: Array.isArray(files) ? files.map(bodyOf) : files, policy, strict }),
      );
      const idempotencyKey = yield* parseIdempotencyKey(call);
      const granted = yield* requestUploads({ member, uploads, idempotencyKey });
      return granted.map(uploadOf);
    }),

    requestForm: Effect.fnUntraced(function* (call) {
      const member = yield* admitCaller(call, "write");
      const { filename, contentType: content_type, size, policy } = call;
      const request = yield* decodeForm(
        given({ filename, content_type, size, policy, method: "form" }),
      );
      const granted = yield* requestForm({ member, ...request });
      const { form, key, receipt } = granted;
      return {
        key,
        form: { url: form.url, fields: form.fields },
        formExpiresAt: DateTime.toDate(form.expiresAt),
        ...downloadOf(granted),
        receipt,
      };
    }),

    confirmUpload: Effect.fnUntraced(function* (call) {
      const member = yield* admitCaller(call, "confirm");
      const confirmed = yield* confirmUpload({ member, receipt: call.receipt });
      return confirmationOf(confirmed, call.organization);
    }),

    startMultipart: Effect.fnUntraced(function* (call) {
      const member = yield* admitCaller(call, "write");
      const { filename, contentType: content_type, size, policy, checksum } = call;
      const asked = yield* decodeStart(given({ filename, content_type, size, policy, checksum }));
      const idempotencyKey = yield* parseIdempotencyKey(call);
      const started = yield* startMultipart({ member, ...asked, idempotencyKey });
      return {
        upload: started.upload,
        key: started.key,
        partSize: started.partSize,
        partCount: started.partCount,
        expiresAt: DateTime.toDate(started.expiresAt),
      };
    }),

    signParts: Effect.fnUntraced(function* (call) {
      const member = yield* admitCaller(call, "write");
      const { upload, partNumbers: part_numbers, checksums } = call;
      const asked = yield* decodeSigning(given({ upload, part_numbers, checksums }));
      const { parts } = yield* signParts({ member, ...asked });
      return parts.map(({ partNumber, put }) => ({
        partNumber,
        url: put.url,
        headers: put.headers,
        expiresAt: DateTime.toDate(put.expiresAt),
      }));
    }),

    listParts: Effect.fnUntraced(function* (call) {
      const member = yield* admitCaller(call, "write");
      const { upload } = yield* decodeUpload(given({ upload: call.upload }));
      const { parts } = yield* listParts({ member, upload });
      return parts.map(({ partNumber, size, etag }) => ({ partNumber, size, etag }));
    }),

    completeMultipart: Effect.fnUntraced(function* (call) {
      const member = yield* admitCaller(call, "write");
      const { upload, parts } = call;
      const body = given({ upload, parts: Array.isArray(parts) ? parts.map(partOf) : parts });
      const asked = yield* decodeCompletion({ member, body });
      const completed = yield* completeMultipart({ member, ...asked });
      const { receipt } = completed;
      return { ...confirmationOf(completed, call.organization), receipt };
    }),

    abortMultipart: Effect.fnUntraced(function* (call) {
      const member = yield* admitCaller(call, "write");
      const { upload } = yield* decodeUpload(given({ upload: call.upload }));
      yield* abortMultipart({ member, upload });
    }),

    makeLink: Effect.fnUntraced(function* (call) {
      const member = yield* admitCaller(call, "read");
      const { receipt, expiresIn: expires_in, version } = call;
      const request = yield* decodeLink(given({ receipt, expires_in, version }));
      const { token, expiresAt } = yield* makeLink({ member, ...request });
      return {
        linkUrl: linkAddress(publicUrl, token),
        expiresAt: DateTime.toDate(expiresAt),
      };
    }),

    openFile: Effect.fnUntraced(function* (call) {
      const { key, download = false, version } = call;
      if (typeof key !== "string") return yield* Effect.die(new TypeError("key must be a string"));
      const member = yield* admitCaller(call, "read");
      const { get } = yield* openFile({ member, path: pathIn(key, member), download, version });
      return { url: get.url, expiresAt: DateTime.toDate(get.expiresAt) };
    }),

    policies: Effect.fnUntraced(function* (call) {
      const offered = yield* listPolicies(yield* admitCaller(call, "write"));
      return offered.map(({ linkLifetime, multipart, ...policy }) => ({
        name: policy.name,
        maxSize: policy.maxSize,
        allowedTypes: policy.allowedTypes,
        extensions: Object.fromEntries(policy.extensions),
        putLifetime: Duration.toSeconds(policy.putLifetime),
        getLifetime: Duration.toSeconds(policy.getLifetime),
        ...(linkLifetime && { linkLifetime: Duration.toSeconds(linkLifetime) }),
        strict: policy.strict,
        writeOnce: policy.writeOnce,
        requireChecksum: policy.requireChecksum,
        checksums: policy.checksums,
        ...(multipart && { multipart }),
      }));
    }),
  } satisfies Calls;
}

/** The body of `POST …/presign` for a file. */
const bodyOf = (file: Omit<UploadRequest, keyof Asked>) => {
  const { filename, contentType: content_type, size, checksum, policy, strict } = file;
  return given({ filename, content_type, size, checksum, policy, strict });
};

/** A part in the body of `POST …/multipart/complete`; what is no part stays as it is. */
const partOf = (part: Partial<SentPart> | null): unknown => {
  if (!Predicate.isObject(part)) return part;
  const { partNumber: part_number, etag, ...others } = part;
  return given({ part_number, etag, ...others });
};

/** A granted upload as a host sees it. */
const uploadOf = (granted: Effect.Success<ReturnType<typeof requestUpload>>) => ({
  key: granted.key,
  putUrl: granted.put.url,
  putHeaders: granted.put.headers,
  putExpiresAt: DateTime.toDate(granted.put.expiresAt),
  ...downloadOf(granted),
  receipt: granted.receipt,
});

/** A confirmed upload as a host sees it. */
export const plain = (upload: Omit<Confirmed, "organization" | "subject">) => ({
  key: upload.key,
  size: upload.size,
  contentType: upload.mediaType,
  etag: upload.etag,
  ...(upload.version !== undefined && { version: upload.version }),
  ...(upload.checksum && { checksum: upload.checksum }),
  final: upload.final,
  ...(!upload.final && { mutableUntil: DateTime.toDate(upload.mutableUntil) }),
});

const downloadOf = ({ get }: { readonly get: SignedRequest }) => ({
  getUrl: get.url,
  getExpiresAt: DateTime.toDate(get.expiresAt),
});

const admitCaller = ({ caller, organization: slug }: Asked, scope: Scope) =>
  Effect.flatMap(
    Effect.sync(() => principalOf(caller)),
    (principal) => admit({ principal, slug, scope }),
  );

/** The path that `openFile` takes; empty, and so not found, for a key of another organization. */
const pathIn = (key: string, { organization }: Member): string =>
  parse(key).pipe(
    Option.filter((parts) => parts.organization === organization),
    Option.match({ onNone: () => "", onSome: pathOf }),
  );

/** Unlike the header, the option may be any printable text. */
const isIdempotencyKey = Schema.is(
  Schema.String.check(Schema.isPattern(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,255}$/u)),
);

const parseIdempotencyKey = ({ idempotencyKey: key }: Pick<UploadRequest, "idempotencyKey">) =>
  key === undefined || isIdempotencyKey(key)
    ? Effect.succeed(key)
    : Effect.fail(new InvalidBody({ faults: [NO_IDEMPOTENCY_KEY] }));

const NO_IDEMPOTENCY_KEY = {
  pointer: "/idempotencyKey",
  reason: "it is not text of 1 to 255 printable characters",
};

/** Leaves out members that are undefined. */
function given(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const present: Record<string, unknown> = {};
  for (const name in members) if (members[name] !== undefined) present[name] = members[name];
  return present;
}
