import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type {
  EventsUnavailable,
  LimitsUnavailable,
  StoreUnavailable,
} from "../../domain/errors.ts";
import { MULTIPART_LIFETIME } from "../../domain/multipart.ts";
import {
  INCOMING_PREFIX,
  isIncomingKey,
  KEY_PREFIX,
  type ObjectKey,
  parse,
  REMOVED_PREFIX,
  type StorageKey,
} from "../../domain/storage-key.ts";
import { forEachPage } from "../store/for-each-page.ts";
import { listsOfStore } from "./list-files.ts";
import { type ObjectFacts, ObjectStore, type OpenUpload } from "../ports/object-store.ts";
import { Events } from "../ports/events.ts";
import { publish } from "../publish.ts";
import { isStored } from "../store/is-stored.ts";
import { removeCounted, sizeFor } from "./remove-file.ts";

/** An upload that can no longer be confirmed or completed, or a file that was removed before. */
export interface Leftover {
  readonly kind: "upload" | "parts" | "file";
  readonly key: ObjectKey;
  /** In milliseconds; for a file, since its removal. */
  readonly age: number;
  /** In bytes; unknown for parts and files. */
  readonly size?: number;
}

type OnLeftover = (
  leftover: Leftover,
  remove: Effect.Effect<void, Failure>,
) => Effect.Effect<unknown, Failure>;

type Failure = StoreUnavailable | EventsUnavailable | LimitsUnavailable;

/**
 * Finds what has waited below `incoming/` for these days, open uploads in parts, and files made by
 * a confirm that ran during their removal and ended before it could undo that.
 */
export const sweepUploads = Effect.fnUntraced(function* (days: number, onLeftover: OnLeftover) {
  const context = yield* Effect.context<ObjectStore>();
  const store = yield* ObjectStore;
  const { parts } = store;
  const list = yield* listsOfStore;
  const oldest = Duration.toMillis(Duration.days(days));
  const objects = (after: string | undefined) =>
    list.objects({ prefix: INCOMING_PREFIX, after, limit: 500 });
  yield* forEachPage(
    objects,
    severally(
      Effect.fnUntraced(function* ({ key, age, size }) {
        if (!isIncomingKey(key)) return;
        if (key.startsWith(REMOVED_PREFIX)) {
          const file = key.slice(REMOVED_PREFIX.length) as StorageKey;
          if (yield* isStored(store, file)) {
            const remove = Effect.flatMap(sizeFor(file), (size) => removeCounted(file, size));
            yield* onLeftover(
              { kind: "file", key: file, age },
              Effect.provideContext(remove, context),
            );
          }
        }
        if (!isOlder(age, oldest)) return;
        yield* onLeftover({ kind: "upload", key, age, size }, removeUpload(store, key, oldest));
      }),
    ),
  );
  if (parts === undefined) return;
  for (const prefix of [INCOMING_PREFIX, KEY_PREFIX]) {
    yield* forEachPage(
      (after: OpenUpload | undefined) => parts.listOpen({ prefix, after }),
      severally(({ key, uploadId, age }) =>
        age > LONGEST_PARTS && isOurs(key)
          ? onLeftover({ kind: "parts", key, age }, parts.abort({ key, uploadId }))
          : Effect.void,
      ),
    );
  }
});

const severally =
  <A>(use: (each: A) => ReturnType<OnLeftover>) =>
  (entries: ReadonlyArray<A>) =>
    Effect.forEach(entries, use, { concurrency: 8, discard: true });

/** Includes time for work begun just before the end, such as a copy. */
const LONGEST_PARTS = Duration.toMillis(Duration.sum(MULTIPART_LIFETIME, Duration.hours(1)));

const isOurs = (key: string): key is ObjectKey => isIncomingKey(key) || Option.isSome(parse(key));

/** Also of an object from days ahead: MinIO lets tools choose its time, and it would stay forever. */
const isOlder = (age: number, oldest: number) => Math.abs(age) > oldest;

/** More versions than a key gets. */
const MOST_VERSIONS = 100;

/** Keeps an object newer than the listed one. Removing a version can make an older one visible. */
const removeUpload = Effect.fnUntraced(function* (
  store: ObjectStore["Service"],
  key: ObjectKey,
  oldest: number,
) {
  for (let round = 0; round < MOST_VERSIONS; round += 1) {
    const looked: Option.Option<Partial<ObjectFacts>> = yield* Effect.catchTag(
      store.head(key),
      "ObjectUnreadable",
      () => Effect.succeedSome({ version: undefined }),
    );
    if (Option.isNone(looked)) return;
    const { version, age = Infinity, size } = looked.value;
    if (!isOlder(age, oldest)) return;
    if (round === 0) yield* publishExpiry(store, key, size);
    yield* store.remove({ key, version });
    if (version === undefined) return;
  }
});

/** Published before the removal, which may be repeated. Not for a confirmed file's upload. */
const publishExpiry = Effect.fnUntraced(function* (
  store: ObjectStore["Service"],
  incoming: ObjectKey,
  size: number | undefined,
) {
  const file = Option.getOrUndefined(parse(incoming.slice(INCOMING_PREFIX.length)));
  if (file === undefined || (yield* Events) === undefined) return;
  const { key, organization } = file;
  if (yield* isStored(store, key)) return;
  const data = { key, organization, ...(size !== undefined && { size }) };
  yield* publish(() => ({ type: "upload.expired", data }));
});
