import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import * as Option from "effect/Option";
import { StoreUnavailable } from "../../domain/errors.ts";
import { type IncomingKey, type ObjectKey, parse, removedKey } from "../../domain/storage-key.ts";
import { forEachPage } from "./for-each-page.ts";
import {
  type Lists,
  type ObjectFacts,
  ObjectStore,
  type OpenUpload,
  type Page,
  type StoredVersion,
} from "../ports/object-store.ts";
import { Presigner } from "../ports/presigner.ts";
import { isStored } from "./is-stored.ts";
import { inTurn, type List, mergeLists } from "./merge-lists.ts";
import type { StoreFailure } from "./store-calls.ts";

/** The ports of one store. */
export interface StorePorts {
  readonly presigner: Presigner["Service"];
  readonly store: ObjectStore["Service"];
}

/**
 * Makes one store of the two of an organization whose files move. New uploads go to `to`. A file is
 * read in `from` while that has it, since its upload may still change it there. A removal is marked
 * first, so that a copy under way does not bring the file back: one of `to` alone is removed if it
 * is marked. Uploads that began in `from` are completed and confirmed there alone.
 */
export function bothStores(to: StorePorts, from: StorePorts): StorePorts {
  const sides = [from, to];
  const inBoth = <E>(use: (side: StorePorts) => Effect.Effect<unknown, E>) =>
    Effect.forEach(sides, use, { discard: true });

  const find = Effect.fnUntraced(function* (key: ObjectKey, patience?: typeof PATIENCE) {
    const asked = yield* Effect.forkChild(Effect.exit(from.store.head(key)));
    const askedToo = yield* Effect.forkChild(Effect.exit(to.store.head(key)));
    const early = yield* outcomeOf(asked, PATIENCE);
    if (isThere(early)) return { at: from, outcome: early };
    const other = yield* outcomeOf(askedToo, patience);
    if (isThere(other)) {
      const isRemoved = Exit.isSuccess(early) && (yield* isMarked(sides, key));
      if (!isRemoved) return { at: to, outcome: other };
      // A copy that ended after the removal, and was killed before it could undo that.
      yield* Effect.ignore(to.store.remove({ key, version: versionIn(other) }));
      return { at: from, outcome: early };
    }
    const outcome = early === NO_ANSWER ? yield* outcomeOf(asked, patience) : early;
    // Without an answer, the file may be there.
    if (isThere(outcome) || Exit.isFailure(outcome)) return { at: from, outcome };
    return { at: to, outcome: other };
  });
  const writeEmpty = (key: IncomingKey) =>
    inBoth(({ store }) =>
      Effect.catchIf(
        store.copies?.writeEmpty(key) ?? Effect.void,
        ({ kind }) => kind === "refused",
        ({ reason }) => Effect.logWarning("a removal cannot be marked", { key, reason }),
      ),
    );

  const { parts, copies, list, rules: _, ...store } = to.store;
  const lists = list && from.store.list && [from.store.list, list];
  return {
    presigner: {
      ...to.presigner,
      // A file that is being granted is nowhere yet.
      get: (request) => {
        if (request.isNew === true) return to.presigner.get(request);
        const { key, version } = request;
        return version === undefined
          ? Effect.flatMap(find(key, PATIENCE), ({ at }) => at.presigner.get(request))
          : keepsVersion(to, { key, version }).pipe(
              Effect.timeoutOrElse({ duration: PATIENCE, orElse: () => Effect.succeed(false) }),
              Effect.orElseSucceed(() => false),
              Effect.flatMap((isThere) => (isThere ? to : from).presigner.get(request)),
            );
      },
    },
    store: ObjectStore.of({
      ...store,
      ensureBucket: inBoth((side) => side.store.ensureBucket),
      head: (key) => Effect.flatMap(find(key), ({ outcome }) => outcome),
      remove: Effect.fnUntraced(function* (object) {
        const file = Option.getOrUndefined(parse(object.key));
        if (file !== undefined) yield* writeEmpty(removedKey(file.key));
        yield* inBoth((side) =>
          Effect.flatMap(keepsVersion(side, object), (isThere) =>
            isThere ? side.store.remove(object) : Effect.void,
          ),
        );
      }),
      ...(copies && { copies: { ...copies, writeEmpty } }),
      ...(lists && {
        list: {
          objects: mergeLists(lists),
          ...(lists.some(({ versions }) => versions) && { versions: inTurn(versionsOf(lists)) }),
        },
      }),
      ...(parts && {
        parts: {
          ...parts,
          abort: (upload) =>
            inBoth((side) =>
              Effect.flatMap(openIn(side, upload.key), (open) =>
                open.some(({ key, uploadId }) => key === upload.key && uploadId === upload.uploadId)
                  ? (side.store.parts?.abort(upload) ?? Effect.void)
                  : Effect.void,
              ),
            ),
          listOpen: ({ prefix }) =>
            Effect.map(
              Effect.forEach(sides, (side) => openIn(side, prefix)),
              (open) => ({ found: open.flat() }),
            ),
        },
      }),
    }),
  };
}

export const portsIn = (context: Context.Context<ObjectStore | Presigner>): StorePorts => ({
  presigner: Context.get(context, Presigner),
  store: Context.get(context, ObjectStore),
});

type Looked = Exit.Exit<Option.Option<ObjectFacts>, StoreFailure>;

/** How long a file in one store waits for what the other says of it. */
const PATIENCE = "1 second";

const outcomeOf = (fiber: Fiber.Fiber<Looked>, patience?: typeof PATIENCE) =>
  patience === undefined
    ? Fiber.join(fiber)
    : Effect.timeoutOrElse(Fiber.join(fiber), {
        duration: patience,
        orElse: () => Effect.succeed(NO_ANSWER),
      });

const NO_ANSWER: Looked = Exit.fail(
  new StoreUnavailable({ kind: "timeout", reason: "one of two stores does not answer" }),
);

/** Returns true also for an object that cannot be read. */
const isThere = (looked: Looked) =>
  Exit.match(looked, {
    onSuccess: Option.isSome,
    onFailure: ({ reasons }) =>
      reasons.some((each) => each._tag === "Fail" && each.error._tag === "ObjectUnreadable"),
  });

const versionIn = (looked: Looked) =>
  Exit.isSuccess(looked) ? Option.getOrUndefined(looked.value)?.version : undefined;

/** Returns true if the removal of a file was marked in one of the stores. */
const isMarked = (sides: ReadonlyArray<StorePorts>, key: ObjectKey) =>
  Option.match(parse(key), {
    onNone: () => Effect.succeed(false),
    onSome: (file) =>
      Effect.map(
        Effect.forEach(
          sides,
          ({ store }) => Effect.orElseSucceed(isStored(store, removedKey(file.key)), () => false),
          { concurrency: "unbounded" },
        ),
        (marks) => marks.includes(true),
      ),
  });

const keepsVersion = ({ store }: StorePorts, { key, version }: StoredVersion) => {
  const versions = store.list?.versions;
  if (version === undefined) return Effect.succeed(true);
  if (versions === undefined) return Effect.succeed(false);
  const all = allPages((after: string | undefined) => versions({ prefix: key, after }));
  return Effect.map(all, (found) =>
    found.some((each) => each.key === key && each.version === version),
  );
};

const openIn = ({ store }: StorePorts, prefix: string) =>
  allPages(
    (after: OpenUpload | undefined) => store.parts?.listOpen({ prefix, after }) ?? NO_UPLOADS,
  );

const NO_UPLOADS = Effect.succeed<Page<OpenUpload, OpenUpload>>({ found: [] });

const allPages = Effect.fnUntraced(function* <A, After>(
  list: (after: After | undefined) => Effect.Effect<Page<A, After>, StoreUnavailable>,
) {
  const all: Array<A> = [];
  yield* forEachPage(list, (found) => Effect.sync(() => void all.push(...found)));
  return all;
});

/** Stores without versions come first: a removal there leaves a delete marker in the other. */
const versionsOf = (lists: ReadonlyArray<Lists>): ReadonlyArray<List<StoredVersion>> =>
  lists
    .toSorted((a, b) => Number(a.versions !== undefined) - Number(b.versions !== undefined))
    .map(
      ({ versions, objects }): List<StoredVersion> =>
        versions ??
        ((below) =>
          Effect.map(objects({ ...below, limit: 1000 }), ({ found, next }) => ({
            found: found.map(({ key }) => ({ key: key as ObjectKey, version: undefined })),
            ...(next !== undefined && { next }),
          }))),
    );
