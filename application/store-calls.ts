import type * as Effect from "effect/Effect";
import * as Record from "effect/Record";
import type { ObjectUnreadable, StoreUnavailable } from "../domain/errors.ts";
import type { Multipart, ObjectStore } from "./ports/object-store.ts";

type Store = ObjectStore["Service"];

export type StoreFailure = StoreUnavailable | ObjectUnreadable;

/** `seconds` are for all attempts together: a PUT that stalls can lock its key. */
const call = (name: string, seconds: number, isRepeatable = true) => ({
  name,
  seconds,
  isRepeatable,
});
export type StoreCall = ReturnType<typeof call>;

/** Looks at the bucket, which find out that the store is back. */
export const LOOKS = {
  ensureBucket: call("ensure-bucket", 30),
  writeOnce: call("write-once", 30),
};

const CALLS = {
  head: call("head", 5),
  keep: call("keep", 5),
  remove: call("remove", 5),
} satisfies TableFor<Store>;

/** Of any size; a second one finds what the first has made. */
const COPY = call("copy", 1800);

/** Until its first byte; its reader bounds the rest. */
const READ = call("read", 5);
const LIST = call("list", 20);
const SCAN_TAG = call("scan-tag", 5);

const PARTS = {
  // A second one would begin another upload, which nobody knows.
  create: call("create-multipart", 5, false),
  // For up to 10,000 parts.
  list: call("list-parts", 20),
  // The store may continue after that; the object is looked at afterwards.
  complete: call("complete-multipart", 60),
  abort: call("abort-multipart", 5),
} satisfies TableFor<Multipart>;

const OPEN = call("list-uploads", 20);
const WRITE_EMPTY = call("write-empty", 5);
const VERSIONS = call("list-versions", 20);

type Method = (given: never) => Effect.Effect<unknown, StoreFailure>;

/** A row for each method, so that none is left out. */
type TableFor<Methods> = {
  readonly [Name in keyof Methods as Methods[Name] extends Method ? Name : never]: StoreCall;
};

const UPLOADS = { list: call("list-uploads", 20), abort: PARTS.abort };

type Wrap = <A, E extends StoreFailure>(
  call: StoreCall,
  made: Effect.Effect<A, E>,
) => Effect.Effect<A, E | StoreUnavailable>;

/** The same store, with each of its calls wrapped. */
export function aroundStore(store: Store, wrap: Wrap): Store {
  const { copy, list, multipart, openUploads, read, scanTag, versions, writeEmpty, writeOnce } =
    store;
  return {
    ...each(store, CALLS, wrap),
    ensureBucket: wrap(LOOKS.ensureBucket, store.ensureBucket),
    ...(copy && { copy: (upload) => wrap(COPY, copy(upload)) }),
    ...(scanTag && { scanTag: (object) => wrap(SCAN_TAG, scanTag(object)) }),
    ...(read && { read: (object) => wrap(READ, read(object)) }),
    ...(writeEmpty && { writeEmpty: (key) => wrap(WRITE_EMPTY, writeEmpty(key)) }),
    ...(versions && { versions: (below) => wrap(VERSIONS, versions(below)) }),
    ...(list && { list: (below) => wrap(LIST, list(below)) }),
    ...(openUploads && { openUploads: each(openUploads, UPLOADS, wrap) }),
    ...(writeOnce && {
      writeOnce: { ...writeOnce, look: wrap(LOOKS.writeOnce, writeOnce.look) },
    }),
    ...(multipart && {
      multipart: { ...each(multipart, PARTS, wrap), ...openAround(multipart, wrap) },
    }),
  };
}

const openAround = ({ open }: Multipart, wrap: Wrap) =>
  open && { open: (prefix: string) => wrap(OPEN, open(prefix)) };

const each = <Name extends string, Methods extends Readonly<Record<Name, Method>>>(
  methods: Methods,
  calls: Readonly<Record<Name, StoreCall>>,
  wrap: Wrap,
): Methods => ({
  ...methods,
  ...Record.map(calls, (call, name: Name) => (given: never) => wrap(call, methods[name](given))),
});
