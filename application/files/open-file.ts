import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import { OrganizationNotFound, ScopeMissing } from "../../domain/errors.ts";
import { FileName } from "../../domain/file-name.ts";
import { mediaTypeByExtension } from "../../domain/media-type.ts";
import {
  isInFolder,
  parse,
  type StorageKey,
  type StorageKeyParts,
  subjectFolder,
} from "../../domain/storage-key.ts";
import type { Scope } from "../../domain/principal.ts";
import { ObjectVersion } from "../../domain/object-version.ts";
import { audienceFor, type Member } from "../admit.ts";
import { policyToOpen, widthsOf } from "../choose-policy.ts";
import { getRequest } from "./get-request.ts";
import { ObjectStore } from "../ports/object-store.ts";
import { checkWidth, showFile, type Shown } from "./show-file.ts";

/** A URL stays the same for an eighth of its lifetime, so that browsers can cache the file. */
export const WINDOWS = 8;

/**
 * Signs a GET for members of the file's organization, and returns the window within which it stays
 * the same: with the scope `mine` alone, of a file in the caller's own folder. The type follows from
 * the key's extension.
 */
export const openFile = Effect.fnUntraced(function* (
  request: Shown & {
    readonly member: Member;
    readonly key: string;
    /** As returned by confirming. A member who may read the file may read any version of it. */
    readonly version?: string | undefined;
    /** Refuses a file that the store does not have. */
    readonly isLookedFor?: boolean | undefined;
  },
) {
  const { member, version, width } = request;
  if (version !== undefined && !isVersion(version)) return yield* new OrganizationNotFound();
  const parts = parseMemberKey(member, request.key);
  if (parts === undefined) return yield* new OrganizationNotFound();
  const { key } = parts;
  yield* requireOwn(member, key, "read");
  const shown = yield* requestFor(parts, member, version);
  member.recordFacts?.({ key, contentType: shown.responseMediaType });
  if (request.isLookedFor === true && (yield* isGone(key))) {
    return yield* new OrganizationNotFound();
  }
  if (width !== undefined) yield* checkWidth(width, yield* widthsOf(key, member));
  return { get: yield* showFile(shown, request), window: shown.window };
});

/** Makes the GET of a file for a member, or for everybody, dated to the beginning of a window. */
export const requestFor = (
  { key, uuid, extension }: StorageKeyParts,
  member?: Member,
  version?: string,
) =>
  Effect.map(policyToOpen(key, member), (policy) => {
    const audience = member === undefined ? "public" : audienceFor(member);
    const contentType = mediaTypeByExtension(extension.slice(1));
    const file = { key, contentType, filename: FileName.make(`${uuid}${extension}`), version };
    return {
      ...getRequest(file, { ...policy, inlinePdf: false }, audience),
      window: Duration.divideUnsafe(policy.getLifetime, WINDOWS),
    };
  });

/** Parses a key of the member's organization; undefined for any other text. */
export function parseMemberKey(member: Member, key: string): StorageKeyParts | undefined {
  const parts = Option.getOrUndefined(parse(key));
  return parts?.organization === member.organization ? parts : undefined;
}

/** Fails for a caller that may do this only with files in its own folder, and asks for another. */
export const requireOwn = Effect.fnUntraced(function* (
  { isForOwn, principal }: Member,
  key: StorageKey,
  scope: Scope,
) {
  if (isForOwn === true && !isInFolder(key, yield* subjectFolder(principal))) {
    return yield* new ScopeMissing({ scope, own: "mine" });
  }
});

/** Returns true if the store says that there is no file; false also if it does not answer. */
export const isGone = (key: StorageKey) =>
  ObjectStore.use(({ head }) => head(key)).pipe(
    Effect.map(Option.isNone),
    Effect.timeoutOrElse({ duration: "1 second", orElse: () => Effect.succeed(false) }),
    Effect.orElseSucceed(() => false),
  );

/** At most 1,024 bytes: "How S3 Versioning works", Amazon S3 User Guide. */
const isVersion = Schema.is(ObjectVersion);
