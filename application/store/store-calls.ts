import type * as Effect from "effect/Effect";
import type { ObjectUnreadable, StoreUnavailable } from "../../domain/errors.ts";
import type { Copies, Lists, ObjectStore, Parts } from "../ports/object-store.ts";

type Store = ObjectStore["Service"];

export type StoreFailure = StoreUnavailable | ObjectUnreadable;

/** Bounds all attempts together to `seconds`: a PUT that stalls can lock its key. */
const call = (name: string, seconds: number, { isRepeatable = true, isProbe = false } = {}) => ({
  name,
  seconds,
  isRepeatable,
  /** Made even while calls are paused, since it shows that the store is back. */
  isProbe,
});
type StoreCall = ReturnType<typeof call>;

const ENSURE_BUCKET = call("ensure-bucket", 30, { isProbe: true });
const CHECK_STATE = call("write-once", 30, { isProbe: true });

const CALLS = {
  head: call("head", 5),
  remove: call("remove", 5),
  // Until the first byte; the reader bounds the rest.
  read: call("read", 5),
  scanTag: call("scan-tag", 5),
  credentials: call("credentials", 10),
} satisfies TableFor<Store>;

const COPIES = {
  // For an object of any size; a repeated copy sees what the first has made.
  copy: call("copy", 1800),
  writeEmpty: call("write-empty", 5),
} satisfies TableFor<Copies>;

const LISTS = {
  objects: call("list", 20),
  versions: call("list-versions", 20),
} satisfies TableFor<Lists>;

const PARTS = {
  // Repeating it would begin another upload, whose name is lost.
  create: call("create-multipart", 5, { isRepeatable: false }),
  // For up to 10,000 parts.
  list: call("list-parts", 20),
  // The store may continue after that; the object is looked at afterwards.
  complete: call("complete-multipart", 60),
  abort: call("abort-multipart", 5),
  listOpen: call("list-uploads", 20),
} satisfies TableFor<Parts>;

type Method = (argument: never) => Effect.Effect<unknown, StoreFailure>;

/** A row for each method, so that none is left out. */
type TableFor<Methods> = {
  readonly [
    Name in keyof Methods as Methods[Name] extends Method | undefined ? Name : never
  ]-?: StoreCall;
};

export type Wrap = <A, E extends StoreFailure>(
  call: StoreCall,
  made: Effect.Effect<A, E>,
  /** The argument of the call. */
  argument?: unknown,
) => Effect.Effect<A, E | StoreUnavailable>;

export function aroundStore(store: Store, wrap: Wrap): Store {
  const { ensureBucket, checkState, parts, copies, list } = store;
  return {
    ...each(store, CALLS, wrap),
    ensureBucket: wrap(ENSURE_BUCKET, ensureBucket),
    ...(checkState && { checkState: wrap(CHECK_STATE, checkState) }),
    ...(parts && { parts: each(parts, PARTS, wrap) }),
    ...(copies && { copies: each(copies, COPIES, wrap) }),
    ...(list && { list: each(list, LISTS, wrap) }),
  };
}

/** Wraps each method; a method that a store leaves out stays so. */
function each<Name extends string, Methods extends { readonly [N in Name]?: Method | undefined }>(
  methods: Methods,
  calls: Readonly<Record<Name, StoreCall>>,
  wrap: Wrap,
): Methods {
  const wrapped: Record<string, Method> = {};
  for (const [name, call] of Object.entries(calls) as Array<[Name, StoreCall]>) {
    const method: Method | undefined = methods[name];
    if (method !== undefined) wrapped[name] = (argument) => wrap(call, method(argument), argument);
  }
  return { ...methods, ...wrapped };
}
