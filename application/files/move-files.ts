import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { StoreUnavailable } from "../../domain/errors.ts";
import { prefixesOfCredentials } from "../../domain/credentials-grant.ts";
import type { OrganizationId } from "../../domain/organization.ts";
import { MediaType } from "../../domain/media-type.ts";
import {
  INCOMING_PREFIX,
  incomingKey,
  type ObjectKey,
  parse,
  prefixFor,
  REMOVED_PREFIX,
  type StorageKey,
} from "../../domain/storage-key.ts";
import {
  type Copies,
  type ListedObject,
  type Lists,
  type ObjectFacts,
  ObjectStore,
} from "../ports/object-store.ts";
import type { StorePorts } from "../store/both-stores.ts";
import { forEachPage } from "../store/for-each-page.ts";
import { isStored } from "../store/is-stored.ts";
import { aroundStore } from "../store/store-calls.ts";
import { Changed, copyBytes, haveSameBytes, persistently, type Send } from "./copy-bytes.ts";
import { listsOfStore } from "./list-files.ts";
import { removeWhole } from "./remove-file.ts";

/** An object of the old store, and what became of it. */
export interface MovedObject {
  readonly key: string;
  /** In bytes. */
  readonly size: number;
  /**
   * `there`: the new store had it. `removed`: it was removed meanwhile, also from the new store.
   * `foreign`: it is no file of the service, and was left.
   */
  readonly outcome: "copied" | "there" | "removed" | "foreign" | "failed";
  /** The reason, if it failed. */
  readonly reason?: string;
}

interface Move extends Readonly<Record<"to" | "from", StorePorts>> {
  readonly organization: OrganizationId;
  readonly send: Send;
  /** Copies from the old store, where the service of both does that itself. */
  readonly copy?: Copies["copy"] | undefined;
  readonly report: (object: MovedObject) => void;
}

/**
 * Copies the files of an organization that the old store has and the new one has not, or not with
 * the same bytes; it can be interrupted at any step, and run again. Files that are removed meanwhile
 * do not come back. Returns the number of uploads that wait in the old store.
 */
export const moveFiles = Effect.fnUntraced(function* (request: Move) {
  const { organization, report } = request;
  const move = { ...request, to: patient(request.to), from: patient(request.from) };
  const { to, from } = move;
  const [listTo, listFrom] = [yield* listIn(to), yield* listIn(from)];
  const prefix = prefixFor(organization);
  const copiesUpTo = entriesOf(listTo, prefix);
  yield* forEachDated(
    listFrom,
    prefix,
    Effect.fnUntraced(function* (found) {
      const copies = yield* copiesUpTo(found.at(-1)?.key ?? "");
      yield* atOnce(
        found,
        Effect.fnUntraced(function* (entry) {
          const { key, size } = entry;
          const file = Option.getOrUndefined(parse(key));
          if (file === undefined) return report({ key, size, outcome: "foreign" });
          if (isListedCopy(entry, copies.get(key))) return report({ key, size, outcome: "there" });
          const moved = yield* Effect.match(moveFile(move, file.key), {
            onSuccess: (outcome) => ({ outcome }),
            onFailure: (failure) => ({ outcome: "failed" as const, reason: reasonOf(failure) }),
          });
          report({ key, size, ...moved });
        }),
      );
    }),
  );
  // Of files that were removed while a run was killed.
  for (const list of [listTo, listFrom]) {
    yield* forEachDated(list, `${REMOVED_PREFIX}${prefix}`, (marks) =>
      atOnce(marks, ({ key }) => {
        const file = key.slice(REMOVED_PREFIX.length) as StorageKey;
        return Effect.flatMap(isStored(to.store, file), (isThere) =>
          isThere ? removeIn(to, file) : Effect.void,
        );
      }),
    );
  }
  let waiting = 0;
  const [credentials = ""] = prefixesOfCredentials(organization);
  for (const below of [`${INCOMING_PREFIX}${prefix}`, credentials]) {
    yield* forEachDated(listFrom, below, ({ length }) =>
      Effect.sync(() => void (waiting += length)),
    );
  }
  return { waiting };
});

const moveFile = Effect.fnUntraced(
  function* (move: Move, key: StorageKey) {
    const { to, from } = move;
    const facts = Option.getOrUndefined(yield* from.store.head(key));
    if (facts === undefined) return "removed" as const;
    const copy = Option.getOrUndefined(yield* to.store.head(key));
    const isThere = copy !== undefined && (yield* isCopy(move, { ...facts, key }, copy));
    if (!isThere) {
      if (copy !== undefined) yield* removeIn(to, key);
      yield* copyFile(move, { ...facts, key });
    }
    const now = Option.getOrUndefined(yield* from.store.head(key));
    // A later removal finds the copy.
    if (now === undefined) {
      yield* removeIn(to, key);
      return "removed" as const;
    }
    if (now.etag !== facts.etag || now.version !== facts.version) return yield* new Changed();
    return isThere ? ("there" as const) : ("copied" as const);
  },
  Effect.retry({ times: 3, while: ({ _tag }) => _tag === "Changed" }),
);

type File = ObjectFacts & { readonly key: StorageKey };

const copyFile = Effect.fnUntraced(function* (move: Move, file: File) {
  const { to, copy } = move;
  const { key, names } = file;
  const contentType = MediaType.make(file.contentType);
  const made = { to: key, contentType, names };
  const inside = copy?.({ ...file, ...made });
  const outcome = inside && (yield* Effect.catchIf(inside, isRefused, () => NOT_INSIDE));
  if (outcome === "copied") return;
  if (outcome !== undefined) return yield* new Changed();
  const { copies } = to.store;
  if (names === undefined || copies === undefined) {
    yield* copyBytes(move, { ...file, contentType }, key);
    return;
  }
  // As a confirm does: no signed upload can have the names.
  const upload = incomingKey(key);
  yield* removeIn(to, upload);
  const sent = yield* copyBytes(move, { ...file, contentType }, upload);
  const named = yield* copies.copy({ ...sent, ...made });
  yield* removeIn(to, upload);
  if (named !== "copied") return yield* new Changed();
});

/** Such as for a key that may not read the old bucket. */
const isRefused = ({ kind, isTemporary }: StoreUnavailable) =>
  kind === "refused" && isTemporary !== true;
const NOT_INSIDE = Effect.succeed(undefined);

/** Compares by checksums that both stores report, by times, or else by the bytes themselves. */
const isCopy = (move: Move, file: File, copy: ObjectFacts) => {
  const isKept = [undefined, file.names].includes(copy.names);
  if (file.size !== copy.size || file.contentType !== copy.contentType || !isKept) {
    return Effect.succeed(false);
  }
  const reported = (["sha256", "crc32c", "md5"] as const).flatMap((algorithm) => {
    const [one, other] = [file.checksums[algorithm], copy.checksums[algorithm]];
    return one === undefined || other === undefined ? [] : [one === other];
  });
  if (reported.includes(true) || isLater(copy.age, file.age)) return Effect.succeed(true);
  return haveSameBytes(move, file, { ...copy, key: file.key });
};

interface Dated extends ListedObject {
  /** Milliseconds since 1970, by this machine's clock. */
  readonly stored: number;
}

const isListedCopy = (file: Dated, copy: Dated | undefined) =>
  copy?.size === file.size && (copy.etag === file.etag || isLater(-copy.stored, -file.stored));

/**
 * Returns true if a copy was made so long after its file was stored that no change of the file can
 * have happened during the copy: a run that was killed may have left that undone.
 */
const isLater = (copy = Infinity, file = 0) => file - copy > Duration.toMillis("1 hour");

/** Returns the listed objects up to a key, for keys in ascending order. */
const entriesOf = (list: Lists, prefix: string) => {
  const entries = new Map<string, Dated>();
  let after: string | undefined = "";
  let passed = "";
  let last = "";
  return Effect.fnUntraced(function* (until: string) {
    for (const key of entries.keys()) if (key <= passed) entries.delete(key);
    passed = until;
    while (after !== undefined && last < until) {
      const page = yield* datedPage(list, prefix, after || undefined);
      for (const entry of page.found) entries.set(entry.key, entry);
      last = page.found.at(-1)?.key ?? last;
      after = page.next;
    }
    return entries;
  });
};

const datedPage = Effect.fnUntraced(function* (list: Lists, prefix: string, after?: string) {
  const { found, next } = yield* list.objects({ prefix, after, limit: 1000 });
  const now = yield* Clock.currentTimeMillis;
  return {
    found: found.map((each): Dated => ({ ...each, stored: now - each.age })),
    ...(next !== undefined && { next }),
  };
});

const forEachDated = <E, R>(
  list: Lists,
  prefix: string,
  use: (found: ReadonlyArray<Dated>) => Effect.Effect<void, E, R>,
) => forEachPage((after: string | undefined) => datedPage(list, prefix, after), use);

const atOnce = <A, E>(entries: ReadonlyArray<A>, use: (entry: A) => Effect.Effect<void, E>) =>
  Effect.forEach(entries, use, { concurrency: 16, discard: true });

const patient = ({ presigner, store }: StorePorts): StorePorts => ({
  presigner,
  store: aroundStore(store, ({ isRepeatable }, made) => (isRepeatable ? persistently(made) : made)),
});

const listIn = ({ store }: StorePorts) => Effect.provideService(listsOfStore, ObjectStore, store);
const removeIn = ({ store }: StorePorts, key: ObjectKey) =>
  Effect.provideService(removeWhole(key), ObjectStore, store);

const reasonOf = (failure: { readonly _tag: string; readonly reason?: string }) =>
  failure.reason ?? "it was changed, or cannot be read";
