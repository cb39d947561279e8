import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { StoreUnavailable } from "../../domain/errors.ts";
import { keyIn, parse, prefixFor } from "../../domain/storage-key.ts";
import type { Member } from "../admit.ts";
import { ObjectStore } from "../ports/object-store.ts";

/** The most files in one answer, as stores list them. */
const MOST_FILES = 1000;

/**
 * Lists files of an organization, straight from the store. Other objects are left out, so a page
 * may be empty and still have a `next`.
 */
export const listFiles = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  /** Folders as written in addresses. */
  readonly prefix?: string | undefined;
  readonly after?: string | undefined;
}) {
  const { member, prefix, after } = request;
  const list = yield* listsOfStore;
  const root = prefixFor(member.organization);
  const page = yield* list.objects({
    prefix: prefix === undefined ? root : `${keyIn(member.organization, prefix)}/`,
    after: after === undefined ? undefined : `${root}${after}`,
    limit: MOST_FILES,
  });
  const now = yield* DateTime.now;
  const files = page.found.flatMap(({ key, size, age }) =>
    Option.toArray(parse(key)).map((parts) => ({
      key: parts.key,
      size,
      storedAt: DateTime.subtract(now, { milliseconds: age }),
    })),
  );
  return { files, next: page.next?.slice(root.length) };
});

export const listsOfStore = Effect.flatMap(ObjectStore, ({ list }) =>
  list === undefined ? Effect.fail(CANNOT_LIST) : Effect.succeed(list),
);

const CANNOT_LIST = new StoreUnavailable({
  kind: "refused",
  reason: "this store cannot list its objects",
});
