import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { ObjectStore } from "../../../application/ports/object-store.ts";
import type { StorageKey } from "../../../domain/storage-key.ts";
import { reasonOf } from "../../settings/thrown.ts";
import { type Exchange, withExchanges, shown } from "./exchange.ts";
import type { Ability, Harness, OpenStore } from "./harness.ts";
import { hasOf, openStore } from "./open-store.ts";
import { PROMISES } from "./promises.ts";
import type { StorePromise } from "./store-promise.ts";
import { type BuiltStore, subjectOf } from "./subject.ts";

/** What was found of one promise. */
export interface Finding {
  readonly promise: string;
  /** `not offered` where the service does not rely on the store for it. */
  readonly outcome: "kept" | "not kept" | "not offered";
  /** The ability that is not offered. */
  readonly needs?: Ability;
  /** Whether the store keeps what is not offered; left out where that could not be tried. */
  readonly wouldKeep?: boolean;
  /** What happened instead, where it is not kept. */
  readonly reason?: string;
  /** The last exchanges before that. */
  readonly exchanges?: ReadonlyArray<Exchange>;
}

/** What was found of a store. */
export interface Findings {
  readonly findings: ReadonlyArray<Finding>;
  /** What the store calls itself in its answers. */
  readonly server: string | undefined;
  /** What could not be removed again. */
  readonly left: ReadonlyArray<string>;
}

/** A harness whose store this machine can open. */
export type Openable = Harness & { readonly open: () => Promise<OpenStore> };

/** How a store is examined. */
export interface Examination {
  /** The store as the service uses it. */
  readonly store: Openable;
  /** The same store as if it had more abilities, to try what is not offered. */
  readonly able?: Openable | undefined;
  /** Removes one version of an object, or the object where there are none. */
  readonly remove?:
    | ((object: {
        readonly key: StorageKey;
        readonly version: string | undefined;
      }) => Promise<void>)
    | undefined;
  readonly onFinding: (finding: Finding, progress: { done: number; of: number }) => void;
  /** Ends the examination after the promise at hand. */
  readonly signal: AbortSignal;
}

/** The store gave no answer at all, or the examination was ended. */
export class Unexamined extends Error {
  /** What was made and could not be removed again; undefined if the store was never open. */
  left: ReadonlyArray<string> | undefined;
}

/**
 * Tries every promise on a store, one after another, and removes the objects that this made. Throws
 * `Unexamined` if the store cannot be opened, or stops answering.
 */
export async function examine(examination: Examination): Promise<Findings> {
  const { store, able = store, onFinding } = examination;
  const has = hasOf(store.without ?? []);
  const couldHave = hasOf(able.without ?? []);
  const offered = PROMISES.filter(({ isMadeBy }) => isMadeBy(has));
  const others = PROMISES.filter(({ isMadeBy }) => !isMadeBy(has) && isMadeBy(() => true));
  const tried = others.filter(({ isMadeBy }) => isMadeBy(couldHave));
  const findings: Array<Finding> = [];
  const left: Array<string> = [];
  let server: string | undefined;
  const tryAll = async (
    openable: Openable,
    promises: ReadonlyArray<StorePromise>,
    judge: (finding: Finding, promise: StorePromise) => Finding,
  ) => {
    const { close, ...built } = await opened(openable);
    const made = madeIn(built);
    let isAnswering = true;
    let failure: Unexamined | undefined;
    try {
      for (const promise of promises) {
        if (examination.signal.aborted) throw new Unexamined("it was interrupted");
        const found = await tryPromise(promise, made.store, (name) => (server ??= name));
        if (found.outcome === "not kept") {
          isAnswering = false;
          await answersStill(built);
          isAnswering = true;
        }
        const finding = judge(found, promise);
        findings.push(finding);
        onFinding(finding, { done: findings.length, of: offered.length + tried.length });
      }
    } catch (cause) {
      if (cause instanceof Unexamined) failure = cause;
      else throw cause;
    } finally {
      left.push(...(isAnswering ? await removeAll(made, examination.remove) : namesOf(made)));
      await close();
    }
    if (failure !== undefined) throw Object.assign(failure, { left });
  };
  await tryAll(store, offered, (finding) => finding);
  if (tried.length > 0) {
    await tryAll(able, tried, ({ outcome }, promise) => ({
      ...notOffered(promise, has),
      wouldKeep: outcome === "kept",
    }));
  }
  for (const promise of others.filter((other) => !tried.includes(other))) {
    findings.push(notOffered(promise, has));
  }
  return { findings, server, left };
}

const notOffered = ({ title, needs = [] }: StorePromise, has: BuiltStore["has"]): Finding => {
  const missing = needs.find((ability) => !has(ability));
  return { promise: title, outcome: "not offered", ...(missing && { needs: missing }) };
};

async function tryPromise(
  { title: promise, check }: StorePromise,
  store: BuiltStore,
  onServer: (name: string) => void,
): Promise<Finding> {
  const exchanges: Array<Exchange> = [];
  const listen = (exchange: Exchange, server: string | undefined) => {
    exchanges.push(exchange);
    if (server !== undefined) onServer(server);
  };
  try {
    await within(
      TIME.promise,
      withExchanges(listen, () => check(subjectOf(store))),
    );
    return { promise, outcome: "kept" };
  } catch (cause) {
    const reason = shown(reasonOf(cause)).slice(0, LONGEST_REASON);
    return { promise, outcome: "not kept", reason, exchanges: exchanges.slice(-TELLING) };
  }
}

/** How many exchanges tell what happened: a refused PUT shows in the GET after it. */
const TELLING = 2;
const LONGEST_REASON = 1000;

/** How long a store may take to make a bucket, to say that it is there, and to show one promise. */
const TIME = { open: "10 seconds", answer: "4 seconds", promise: "1 minute" } as const;

/** Opens the store; `Unexamined` says why it cannot be. */
async function opened(store: Openable) {
  const opening = openStore(store, store.open);
  try {
    return await within(TIME.open, opening);
  } catch (cause) {
    void opening.then(({ close }) => close()).catch(() => undefined);
    throw new Unexamined(shown(reasonOf(cause)), { cause });
  }
}

/** Throws `Unexamined` if the store no longer answers. */
async function answersStill({ store }: BuiltStore): Promise<void> {
  try {
    await within(TIME.answer, Effect.runPromise(store.ensureBucket));
  } catch (cause) {
    const reason = shown(reasonOf(cause));
    throw new Unexamined(`it no longer answers: ${reason}`, { cause });
  }
}

const within = <A>(duration: (typeof TIME)[keyof typeof TIME], promise: Promise<A>): Promise<A> =>
  Effect.runPromise(
    Effect.tryPromise({ try: () => promise, catch: (cause) => cause }).pipe(
      Effect.timeoutOrElse({
        duration,
        orElse: () => Effect.fail(new Error(`there was no answer within ${duration}`)),
      }),
    ),
  );

/** What may have been made in a store. */
interface Made {
  readonly store: BuiltStore;
  readonly keys: ReadonlySet<StorageKey>;
  readonly uploads: ReadonlyArray<{ readonly key: StorageKey; readonly uploadId: string }>;
}

/** The same store, which remembers what is made in it. */
function madeIn(store: BuiltStore): Made {
  const keys = new Set<StorageKey>();
  const uploads: Array<Made["uploads"][number]> = [];
  const { presigner, store: objects } = store;
  const { multipart } = objects;
  const { form } = presigner;
  const withMemory: ObjectStore["Service"] = {
    ...objects,
    ...(multipart && {
      multipart: {
        ...multipart,
        create: (object) =>
          Effect.tap(multipart.create(object), (uploadId) =>
            Effect.sync(() => {
              keys.add(object.key);
              uploads.push({ key: object.key, uploadId });
            }),
          ),
      },
    }),
  };
  return {
    store: {
      ...store,
      presigner: {
        ...presigner,
        put: (request) => {
          keys.add(request.key);
          return presigner.put(request);
        },
        ...(form && {
          form: (request) => {
            keys.add(request.key);
            return form(request);
          },
        }),
      },
      store: withMemory,
    },
    keys,
    uploads,
  };
}

/** Removes what was made, and returns what could not be. */
async function removeAll(
  { store: { bucket, store }, keys, uploads }: Made,
  remove: Examination["remove"],
): Promise<ReadonlyArray<string>> {
  const end = ({ key, uploadId }: Made["uploads"][number]) =>
    Effect.as(store.multipart?.abort({ key, uploadId }) ?? Effect.void, NOTHING);
  const clear = Effect.fnUntraced(function* (key: StorageKey) {
    for (let attempt = 0; attempt < MOST_VERSIONS; attempt += 1) {
      const facts = Option.getOrUndefined(yield* store.head(key));
      if (facts === undefined) return NOTHING;
      if (remove === undefined) break;
      const object = { key, version: facts.version };
      yield* Effect.tryPromise({ try: () => remove(object), catch: (cause) => cause });
    }
    return [key];
  });
  const left = await Effect.runPromise(
    Effect.all(
      [
        ...uploads.map((upload) => end(upload).pipe(leaving(`the parts of ${upload.key}`))),
        ...[...keys].map((key) => clear(key).pipe(leaving(key))),
      ],
      { concurrency: 8 },
    ),
  );
  return left.flat().map((what) => `${what} in the bucket ${bucket}`);
}

const NOTHING: ReadonlyArray<string> = [];

const namesOf = ({ store: { bucket }, keys }: Made) =>
  [...keys].map((key) => `${key} in the bucket ${bucket}`);

const leaving = (what: string) => (call: Effect.Effect<ReadonlyArray<string>, unknown>) =>
  Effect.timeoutOption(call, TIME.answer).pipe(
    Effect.map(Option.getOrElse(() => [what])),
    Effect.catch(() => Effect.succeed([what])),
  );

/** How often one key is written at most, and more. */
const MOST_VERSIONS = 40;
