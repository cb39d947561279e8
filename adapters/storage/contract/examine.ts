import * as Effect from "effect/Effect";
import { reasonOf } from "../../thrown.ts";
import { type Exchange, type Listener, withExchanges, shown } from "./exchange.ts";
import type { Ability, Harness, OpenStore } from "./harness.ts";
import { hasOf, openStore } from "./open-store.ts";
import { PROMISES } from "./promises.ts";
import { newKey } from "./sample-upload.ts";
import { obstacle, openScratch, type Scratch } from "./scratch.ts";
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
  /** Whether it may write what it cannot remove again. */
  readonly mayLeave?: boolean;
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
    const scratch = openScratch(built);
    const remembering = rememberingIn(built, scratch);
    let isAnswering = true;
    let failure: Unexamined | undefined;
    try {
      const reason = await Effect.runPromise(
        Effect.orElseSucceed(obstacle(built, newKey()), () => undefined),
      );
      if (reason !== undefined && examination.mayLeave !== true) {
        throw new Unexamined(
          `nothing was written, since it could not be removed again: ${reason}; --leave writes it all the same`,
        );
      }
      for (const promise of promises) {
        if (examination.signal.aborted) throw new Unexamined("it was interrupted");
        const found = await tryPromise(promise, remembering, (seen) => {
          if (seen.key !== undefined) scratch.add(seen.key, seen.version);
          server ??= seen.server;
        });
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
      const place = ` in the bucket ${built.bucket}`;
      const names = isAnswering ? await Effect.runPromise(scratch.remove) : scratch.names();
      left.push(...names.map((name) => `${name}${place}`));
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
  onSeen: (seen: Parameters<Listener>[1]) => void,
): Promise<Finding> {
  const exchanges: Array<Exchange> = [];
  const listen: Listener = (exchange, seen) => {
    exchanges.push(exchange);
    onSeen(seen);
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

/** The same store, which remembers what is made in it. */
function rememberingIn(store: BuiltStore, scratch: Scratch): BuiltStore {
  const { presigner, store: objects } = store;
  const { multipart } = objects;
  const { form } = presigner;
  return {
    ...store,
    store: {
      ...objects,
      ...(multipart && {
        multipart: {
          ...multipart,
          create: (object) =>
            Effect.tap(multipart.create(object), (uploadId) =>
              Effect.sync(() => {
                scratch.add(object.key);
                scratch.addUpload({ key: object.key, uploadId });
              }),
            ),
        },
      }),
    },
    presigner: {
      ...presigner,
      put: (request) => {
        scratch.add(request.key);
        return presigner.put(request);
      },
      ...(form && {
        form: (request) => {
          scratch.add(request.key);
          return form(request);
        },
      }),
    },
  };
}
