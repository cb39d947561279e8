import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import type { ByteSize } from "../../domain/byte-size.ts";
import {
  completedKey,
  completingKey,
  type CredentialsGrant,
  credentialsPrefix,
  fileKey,
} from "../../domain/credentials-grant.ts";
import {
  CredentialsNotSupported,
  type FileRefusal,
  ObjectRefused,
  StoreUnavailable,
} from "../../domain/errors.ts";
import { extensionIn, FileName } from "../../domain/file-name.ts";
import { FilePath } from "../../domain/file-path.ts";
import { MediaType, mediaTypeByExtension, UNKNOWN_TYPE } from "../../domain/media-type.ts";
import type { Receipt } from "../../domain/receipt.ts";
import { type IncomingKey, personalFolder } from "../../domain/storage-key.ts";
import { allowedByExtension, authorize, type UploadPolicy } from "../../domain/upload-policy.ts";
import type { Member } from "../admit.ts";
import { lookAt } from "../files/file-state.ts";
import { listsOfStore } from "../files/list-files.ts";
import { type ListedObject, type Lists, ObjectStore } from "../ports/object-store.ts";
import { Policies } from "../ports/policies.ts";
import { Usage } from "../ports/usage.ts";
import { inStoreOfUpload } from "../store/in-store.ts";
import { openCredentials, sealCredentials } from "../tokens.ts";
import { settleWithGet } from "../uploads/confirm-upload.ts";
import { endCompletion } from "./end-completion.ts";

/** Most objects of one answer. */
const PAGE = 100;
/** Files that are worked on at once. */
const AT_ONCE = 8;
/** Milliseconds after which an answer begins no further file. */
const LONGEST_PAGE = 10_000;

/**
 * Confirms what was uploaded with temporary credentials, in the order of names: each object becomes
 * a file as an upload that waits does, or is refused. One answer has some of them, and `next` to
 * continue with. Objects stay until all were answered, so asking again gives the same answer.
 *
 * Fails with `InvalidGrant`, `OrganizationNotFound`, `CredentialsNotSupported`, or if a part of the
 * service does not answer; then it can be asked again.
 */
export const completeCredentials = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  /** Sealed, as `requestCredentials` or the last answer gave it. */
  readonly grant: string;
}) {
  const { member } = request;
  const grant = yield* openCredentials(member, request.grant);
  const ended = Effect.map(endCompletion(grant), (next): CompletedPage => ({ ...NOTHING, next }));
  const page = yield* inStoreOfUpload(
    grant,
    grant.isEnding === true ? ended : completePage(member, grant),
  );
  const next = page.next && (yield* sealCredentials(page.next));
  return { ...page, next };
});

interface CompletedPage {
  readonly files: ReadonlyArray<Effect.Success<ReturnType<typeof settleWithGet>>>;
  readonly refused: ReadonlyArray<RefusedObject>;
  readonly next?: CredentialsGrant | undefined;
  /** In seconds: what comes next is not ready before. */
  readonly retryAfter?: number | undefined;
}

const NOTHING = { files: [], refused: [] };

interface RefusedObject {
  /** Its name below the prefix: any text. */
  readonly path: string;
  readonly refusal: FileRefusal;
}

const completePage = Effect.fnUntraced(function* (member: Member, grant: CredentialsGrant) {
  const policy = (yield* Policies).get(grant.policy);
  if (policy?.credentials !== true) return yield* new CredentialsNotSupported();
  const list = yield* listsOfStore;
  const since = yield* beginning(list, grant);
  const { after, last } = grant;
  const listed = yield* list.objects({ prefix: credentialsPrefix(grant), after, limit: PAGE });
  const objects = listed.found.slice(listed.found.findIndex(({ key }) => key === last) + 1);
  const types = allowedByExtension(policy);
  const planned = yield* Effect.forEach(
    objects,
    (object) => plan(grant, { policy, types, object, isLate: object.storedAt > since }),
    { concurrency: AT_ONCE },
  );
  const bounded = boundBytes(planned, grant);
  const end = (yield* Clock.currentTimeMillis) + LONGEST_PAGE;
  const settled = yield* Effect.forEach(
    bounded,
    Effect.fnUntraced(function* ({ receipt, refusal }) {
      if (receipt === undefined) return { refusal };
      if ((yield* Clock.currentTimeMillis) > end) return { retryAfter: 0 };
      if (yield* isBeyondStorage(receipt)) return BEYOND;
      return yield* settle({ member, receipt, policy });
    }),
    { concurrency: AT_ONCE },
  );
  const open = settled.findIndex(({ retryAfter }) => retryAfter !== undefined);
  const done = open < 0 ? settled : settled.slice(0, open);
  const page: CompletedPage = {
    files: done.flatMap(({ file }) => (file === undefined ? [] : [file])),
    refused: done.flatMap(({ refusal }, index) =>
      refusal === undefined ? [] : [{ path: planned[index]?.path ?? "", refusal }],
    ),
  };
  for (const [index, file] of page.files.entries()) {
    const { key, size, path, contentType } = file;
    const { policy, issuedAt: grantedAt } = grant;
    member.recordFacts?.({ key, size, path, contentType, policy, grantedAt }, index);
  }
  const { after: _, last: __, ...whole } = grant;
  const bytes = bounded[done.length - 1]?.bytes ?? grant.bytes ?? 0;
  if (open >= 0) {
    const answered = objects[open - 1]?.key ?? last;
    const next = {
      ...whole,
      bytes,
      ...(after !== undefined && { after }),
      ...(answered !== undefined && { last: answered }),
    };
    return { ...page, next, retryAfter: settled[open]?.retryAfter || undefined };
  }
  if (listed.next === undefined) return { ...page, next: { ...whole, isEnding: true } };
  return { ...page, next: { ...whole, bytes, after: listed.next } };
});

/**
 * Returns when completing began, by the store's clock: later objects become no files. After its end
 * none does, since MinIO lets tools choose an object's time.
 */
const beginning = Effect.fnUntraced(function* ({ objects }: Lists, grant: CredentialsGrant) {
  const key = completingKey(grant);
  const look = Effect.map(objects({ prefix: key, limit: 2 }), ({ found }) =>
    found.some((each) => each.key === completedKey(grant))
      ? { storedAt: -Infinity }
      : found.find((each) => each.key === key),
  );
  const earlier = yield* look;
  if (earlier !== undefined) return earlier.storedAt;
  yield* (yield* ObjectStore).copies?.writeEmpty(key) ?? Effect.void;
  const written = yield* look;
  return written === undefined ? yield* NOT_MARKED : written.storedAt;
});

const NOT_MARKED = new StoreUnavailable({
  kind: "senseless",
  reason: "the store has taken an object that says that credentials are completed, and lists none",
});

interface Planned {
  readonly path: string;
  readonly receipt?: Receipt;
  readonly refusal?: FileRefusal;
}

/** Decides what an object may become. */
const plan = Effect.fnUntraced(function* (
  grant: CredentialsGrant,
  {
    policy,
    types,
    object,
    isLate,
  }: {
    readonly policy: UploadPolicy;
    readonly types: ReadonlyMap<string, MediaType>;
    readonly object: ListedObject;
    readonly isLate: boolean;
  },
): Effect.fn.Return<Planned, StoreUnavailable, ObjectStore> {
  const { size } = object;
  const key = object.key as IncomingKey;
  const path = object.key.slice(credentialsPrefix(grant).length);
  // Tools mark folders by them.
  if (size === 0 && (path === "" || path.endsWith("/"))) return { path };
  const refused = (refusal: FileRefusal) => ({ path, refusal });
  const filename = path.slice(path.lastIndexOf("/") + 1);
  if (!isPath(path) || !isName(filename)) return refused(new ObjectRefused({ fault: "name" }));
  if (size === 0) return refused(new ObjectRefused({ fault: "empty" }));
  // MinIO lets tools choose it, and no request can name one that a header cannot hold.
  if (!/^[ -~]*$/.test(object.etag)) return { path, ...LATE };
  const extension = extensionIn(filename) ?? "";
  const usual = types.get(`.${extension}`) ?? mediaTypeByExtension(extension);
  const contentType = usual === UNKNOWN_TYPE ? yield* storedType(key) : usual;
  const upload = { filename, path, contentType, size: size as ByteSize };
  const granted = yield* Effect.result(authorize(policy, grant.kind, upload));
  if (granted._tag === "Failure") return refused(granted.failure);
  const file = yield* fileKey(grant, { name: path, filename, contentType });
  // What was a file before its object was replaced stays one.
  const made = isLate ? Option.getOrUndefined(yield* lookAt(file)) : undefined;
  if (isLate && made === undefined) return refused(new ObjectRefused({ fault: "late" }));
  const { subject, organization, issuedAt } = grant;
  return {
    path,
    receipt: {
      ...upload,
      policy: grant.policy,
      subject,
      organization,
      issuedAt,
      size: (made?.size ?? size) as ByteSize,
      key: file,
      incoming: true,
      writeOnce: false,
      putExpiresAt: grant.expiresAt,
      confirmUntil: grant.completeUntil,
      from: key,
    },
  };
});

const isPath = Schema.is(FilePath);
const isName = Schema.is(FileName);
const isType = Schema.is(MediaType);

/** Returns the type that a tool declared, where the name tells none. */
const storedType = (key: IncomingKey) =>
  Effect.map(lookAt(key), (facts) => {
    const declared = Option.getOrUndefined(facts)?.contentType;
    return isType(declared) ? declared : UNKNOWN_TYPE;
  });

/** Refuses files beyond the granted bytes, and adds the sum up to each. */
function boundBytes(planned: ReadonlyArray<Planned>, { maxBytes, bytes = 0 }: CredentialsGrant) {
  let sum = bytes;
  return planned.map((each) => {
    const { size = 0 } = each.receipt ?? {};
    const isBeyond = sum + size > maxBytes;
    if (!isBeyond) sum += size;
    return isBeyond
      ? { ...BEYOND, receipt: undefined, bytes: sum }
      : { refusal: each.refusal, receipt: each.receipt, bytes: sum };
  });
}

interface Settled {
  readonly file?: CompletedPage["files"][number];
  readonly refusal?: FileRefusal | undefined;
  readonly retryAfter?: number;
}

/**
 * Returns true for a new file that exceeds what may be stored, which its grant has reserved: tools
 * that choose times and names add files while it is completed, beyond its bytes.
 */
const isBeyondStorage = Effect.fnUntraced(function* ({ key, size, organization }: Receipt) {
  const usage = yield* Usage;
  if (usage === undefined) return false;
  const { bytes, bytesPerSubject } = usage.limits;
  for (const folder of new Set([undefined, personalFolder(key)])) {
    const account = yield* usage.read({ organization, folder });
    const limit = account.plan ?? (folder === undefined ? bytes : bytesPerSubject) ?? Infinity;
    if (account.bytes + size > limit) return Option.isNone(yield* lookAt(key));
  }
  return false;
});

const settle = (file: Parameters<typeof settleWithGet>[0]) =>
  // Everything goes in the end, so that asking again finds what it found.
  settleWithGet({
    ...file,
    policy: { ...file.policy, onMismatch: "keep", onInfected: "keep" },
  }).pipe(
    Effect.map((file): Settled => ({ file })),
    Effect.catchTags({
      UploadPending: ({ retryAfter }) => Effect.succeed<Settled>({ retryAfter }),
      UploadMismatch: (refusal) => Effect.succeed<Settled>({ refusal }),
      UploadRefusedByScan: (refusal) => Effect.succeed<Settled>({ refusal }),
      UploadIncomplete: () => Effect.succeed<Settled>(LATE),
      OrganizationNotFound: () => Effect.succeed<Settled>(REMOVED),
    }),
  );

const BEYOND = { refusal: new ObjectRefused({ fault: "bytes" }) };
const LATE = { refusal: new ObjectRefused({ fault: "late" }) };
const REMOVED = { refusal: new ObjectRefused({ fault: "removed" }) };
