import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { NoOwnFolder, ScopeMissing, StoreUnavailable } from "../../domain/errors.ts";
import { mediaTypeByExtension } from "../../domain/media-type.ts";
import { isPicture } from "../../domain/picture.ts";
import {
  beforeSubject,
  keyIn,
  parse,
  prefixFor,
  type StorageKeyParts,
  subjectFolder,
} from "../../domain/storage-key.ts";
import { type Member } from "../admit.ts";
import { widthsOf } from "../choose-policy.ts";
import { ObjectStore } from "../ports/object-store.ts";
import { Policies } from "../ports/policies.ts";
import { Tokens } from "../ports/tokens.ts";
import { openNames } from "../tokens.ts";
import { lookAt } from "./file-state.ts";
import { requestFor } from "./open-file.ts";
import { showFile } from "./show-file.ts";

/** The most files in one answer, as stores list them. */
export const MOST_FILES = 1000;
/** The most with names, which most stores are asked for one by one, or with signed addresses. */
const MOST_DETAILS = 100;

/**
 * Lists files of an organization, straight from the store. Other objects are left out, so a page
 * may be empty and still have a `next`. Fails with `ScopeMissing` for a caller that may list or, with
 * a width, open only its own files and has not asked for those, `NoOwnFolder` or `StoreUnavailable`.
 */
export const listFiles = Effect.fnUntraced(function* (
  request: AskedFolder & {
    readonly member: Member;
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
    /** Adds the names that the files had. */
    readonly details?: boolean | undefined;
    /** Adds addresses of the pictures whose policies name this width, in pixels. */
    readonly width?: number | undefined;
  },
) {
  const { member, after, limit = MOST_FILES, details = false, width, mine } = request;
  const below = yield* prefixAsked(member, request);
  const { scopes } = member.principal;
  const mayOpen = scopes.has("read") || (mine === true && scopes.has("mine"));
  if (width !== undefined && !mayOpen) {
    return yield* new ScopeMissing({ scope: "read", own: "mine" });
  }
  const isDetailed = details || width !== undefined;
  const list = yield* listsOfStore;
  const root = prefixFor(member.organization);
  const page = yield* list.objects({
    prefix: below,
    after: after === undefined ? undefined : `${root}${after}`,
    limit: Math.min(limit, isDetailed ? MOST_DETAILS : MOST_FILES),
  });
  const files = yield* Effect.forEach(
    page.found.flatMap((each) =>
      Option.toArray(parse(each.key)).map((parts) => ({ ...each, parts })),
    ),
    ({ size, storedAt, parts }) =>
      Effect.zipWith(
        details ? namesOf(parts) : NOTHING,
        width === undefined ? NOTHING : pictureOf(member, parts, width),
        (names, picture) => ({
          key: parts.key,
          size,
          contentType: mediaTypeByExtension(parts.extension.slice(1)),
          storedAt: DateTime.makeUnsafe(storedAt),
          ...names,
          ...picture,
        }),
      ),
    { concurrency: isDetailed ? AT_ONCE : 1 },
  );
  return { files, next: page.next?.slice(root.length) };
});

/** Calls of one request to the store. */
const AT_ONCE = 8;

const NOTHING = Effect.succeed({});

/** Returns the address of a picture in a width, if a policy with such keys names that. */
const pictureOf = Effect.fnUntraced(function* (
  member: Member,
  file: StorageKeyParts,
  width: number,
) {
  const request = yield* requestFor(file, member);
  const isShown =
    isPicture(request.responseMediaType) && (yield* widthsOf(file.key, member)).includes(width);
  return isShown ? { imageUrl: (yield* showFile(request, { width })).url } : {};
});

export interface AskedFolder {
  /** Folders as written in addresses. */
  readonly prefix?: string | undefined;
  /** Asks for the caller's own folder; `prefix` is then the folders before it. */
  readonly mine?: boolean | undefined;
}

/**
 * Returns the prefix of the keys that a caller asks for, by default of the organization. Fails with
 * `NoOwnFolder`, or `ScopeMissing` for a caller that may have only its own and asks for others.
 */
export const prefixAsked = Effect.fnUntraced(function* (
  { principal, organization, isForOwn }: Member,
  { prefix, mine }: AskedFolder,
) {
  if (mine === true) {
    const policies = [...(yield* Policies).values()];
    const prefixes = new Set(policies.flatMap(({ key }) => beforeSubject(key) ?? []));
    if (!prefixes.has(prefix ?? "")) return yield* new NoOwnFolder({ prefixes: [...prefixes] });
    const own = yield* subjectFolder(principal);
    return prefixFor(organization, prefix ? `${prefix}/${own}` : own);
  }
  if (isForOwn === true) return yield* new ScopeMissing({ scope: "list", own: "mine" });
  return prefix === undefined ? prefixFor(organization) : `${keyIn(organization, prefix)}/`;
});

/**
 * Returns the names that the service wrote, from the object itself: in Azure's list, a client's
 * metadata could pass for another member. None if the store fails: the page is sent without them.
 */
const namesOf = Effect.fnUntraced(function* (file: StorageKeyParts) {
  const facts = yield* lookAt(file.key).pipe(
    Effect.timeoutOrElse({ duration: "1 second", orElse: () => Effect.succeedNone }),
    Effect.orElseSucceed(Option.none),
  );
  return openNames(yield* Tokens, file, Option.getOrUndefined(facts)?.names ?? "");
});

export const listsOfStore = Effect.flatMap(ObjectStore, ({ list }) =>
  list === undefined ? Effect.fail(CANNOT_LIST) : Effect.succeed(list),
);

const CANNOT_LIST = new StoreUnavailable({
  kind: "refused",
  reason: "this store cannot list its objects",
});
