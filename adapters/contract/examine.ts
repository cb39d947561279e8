import type * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { errorReason } from "../values/thrown.ts";
import { type Exchange, type Listener, printable, shown, withExchanges } from "./exchange.ts";
import type { Ability } from "./abilities.ts";
import type { Harness, OpenStore } from "./harness.ts";
import { PROMISES } from "./promises.ts";
import { keysIn, obstacle, openScratch, type Scratch, versionIn } from "./scratch.ts";
import { isMadeBy, type StorePromise } from "./store-promise.ts";
import { type BuiltStore, hasFrom, openStore, newSubject } from "./subject.ts";
import { newKey } from "./uploads.ts";

export interface Finding {
  readonly promise: string;
  /** `not offered` where the service does not rely on the store for it. */
  readonly outcome: "kept" | "not kept" | "not offered";
  /** The ability that is not offered. */
  readonly needs?: Ability;
  /** True if the store keeps what is not offered; left out where that could not be tried. */
  readonly wouldKeep?: boolean;
  /** The reason why it is not kept. */
  readonly reason?: string;
  /** The last exchanges before that. */
  readonly exchanges?: ReadonlyArray<Exchange>;
}

export interface Findings {
  readonly findings: ReadonlyArray<Finding>;
  /** The store's name for itself, in its answers. */
  readonly server: string | undefined;
  /** Names of what could not be removed again. */
  readonly left: ReadonlyArray<string>;
}

export type Openable = Harness & { readonly open: () => Promise<OpenStore> };

export interface Examination {
  /** The store as the service uses it. */
  readonly store: Openable;
  /** The same store as if it had more abilities, to try what is not offered. */
  readonly able?: Openable | undefined;
  /** Every promise by default. */
  readonly promises?: ReadonlyArray<StorePromise>;
  /** Lets it write what it cannot remove again. */
  readonly mayLeave?: boolean;
  readonly onFinding: (finding: Finding, progress: { done: number; of: number }) => void;
  /** Ends the examination after the promise at hand. */
  readonly signal: AbortSignal;
}

/** The store gave no answer at all, or the examination was ended. */
export class Unexamined extends Error {
  /** Names of what could not be removed again; undefined if the store was never open. */
  left: ReadonlyArray<string> | undefined;
}

/**
 * Tries promises on a store, one after another, and removes the objects that this made. Throws
 * `Unexamined` if the store cannot be opened, or stops answering.
 */
export async function examine(examination: Examination): Promise<Findings> {
  const { store, able = store, mayLeave = false, onFinding, signal } = examination;
  const { promises: all = PROMISES } = examination;
  const has = hasFrom(store);
  const offered = all.filter(isMadeBy(has));
  const missing = all.filter((promise) => promise.lacks.length === 0 && !offered.includes(promise));
  const tried = missing.filter(isMadeBy(hasFrom(able)));
  const findings: Array<Finding> = [];
  const left: Array<string> = [];
  let server: string | undefined;

  const notOffered = ({ title, needs }: StorePromise): Finding => {
    const lacking = needs.find((ability) => !has(ability));
    return { promise: title, outcome: "not offered", ...(lacking && { needs: lacking }) };
  };
  const tryAll = async (openable: Openable, promises: ReadonlyArray<StorePromise>) => {
    const { close, ...built } = await opened(openable);
    const scratch = openScratch(built);
    const remembering = { ...built, store: rememberingUploads(built.store, scratch) };
    let isAnswering = true;
    try {
      const check = Effect.orElseSucceed(obstacle(built, newKey()), () => undefined);
      const reason = await Effect.runPromise(check);
      if (reason !== undefined && !mayLeave) {
        throw new Unexamined(
          `nothing was written, since it could not be removed again: ${reason}; --leave writes it all the same`,
        );
      }
      for (const promise of promises) {
        if (signal.aborted) throw new Unexamined("it was interrupted");
        const found = await tryPromise(promise, remembering, ({ path, body = "" }, answer) => {
          const { headers = {} } = answer ?? {};
          // An archive may name several keys in its body.
          const [key, ...others] = keysIn(`${path} ${Buffer.from(body).toString("latin1")}`);
          if (key !== undefined) scratch.add(key, versionIn(headers));
          for (const other of others) scratch.add(other);
          server ??= headers["server"] && printable(String(headers["server"]));
        });
        if (found.outcome === "not kept") {
          isAnswering = false;
          await requireAnswer(built);
          isAnswering = true;
        }
        const finding = offered.includes(promise)
          ? found
          : { ...notOffered(promise), wouldKeep: found.outcome === "kept" };
        findings.push(finding);
        onFinding(finding, { done: findings.length, of: offered.length + tried.length });
      }
    } catch (cause) {
      throw cause instanceof Unexamined ? Object.assign(cause, { left }) : cause;
    } finally {
      const names = isAnswering ? await Effect.runPromise(scratch.remove) : scratch.names();
      left.push(...names.map((name) => `${name} in the bucket ${built.bucket}`));
      await close();
    }
  };

  await tryAll(store, offered);
  if (tried.length > 0) await tryAll(able, tried);
  findings.push(...missing.filter((promise) => !tried.includes(promise)).map(notOffered));
  return { findings, server, left };
}

async function tryPromise(
  { title: promise, check }: StorePromise,
  store: BuiltStore,
  onExchange: Listener,
): Promise<Finding> {
  const exchanges: Array<Parameters<typeof shown>> = [];
  const listen: Listener = (sent, answer) => {
    if (answer !== undefined) exchanges.push([sent, answer]);
    onExchange(sent, answer);
  };
  try {
    await within(
      "3 minutes",
      withExchanges(listen, () => check(newSubject(store))),
    );
    return { promise, outcome: "kept" };
  } catch (cause) {
    const reason = printable(errorReason(cause)).slice(0, LONGEST_REASON);
    // A refused PUT shows in the GET after it.
    const last = exchanges.slice(-2).map((exchange) => shown(...exchange));
    return { promise, outcome: "not kept", reason, exchanges: last };
  }
}

const LONGEST_REASON = 1000;

async function opened(store: Openable) {
  const opening = openStore(store, store.open);
  try {
    return await within("10 seconds", opening);
  } catch (cause) {
    void opening.then(({ close }) => close()).catch(() => undefined);
    throw new Unexamined(printable(errorReason(cause)), { cause });
  }
}

async function requireAnswer({ store }: BuiltStore): Promise<void> {
  try {
    await within("4 seconds", Effect.runPromise(store.ensureBucket));
  } catch (cause) {
    throw new Unexamined(`it no longer answers: ${printable(errorReason(cause))}`, { cause });
  }
}

const within = <A>(duration: Duration.Input & string, promise: Promise<A>): Promise<A> =>
  Effect.runPromise(
    Effect.tryPromise({ try: () => promise, catch: (cause) => cause }).pipe(
      Effect.timeoutOrElse({
        duration,
        orElse: () => Effect.fail(new Error(`there was no answer within ${duration}`)),
      }),
    ),
  );

/** The same store, which remembers what it writes itself; other objects are seen in the exchanges. */
function rememberingUploads(store: BuiltStore["store"], scratch: Scratch): BuiltStore["store"] {
  const { copy, multipart, writeEmpty } = store;
  return {
    ...store,
    ...(copy && {
      copy: (upload) => Effect.tap(copy(upload), () => Effect.sync(() => scratch.add(upload.to))),
    }),
    ...(writeEmpty && {
      writeEmpty: (key) => Effect.tap(writeEmpty(key), () => Effect.sync(() => scratch.add(key))),
    }),
    ...(multipart && {
      multipart: {
        ...multipart,
        create: (object) =>
          Effect.tap(multipart.create(object), (uploadId) =>
            Effect.sync(() => scratch.addUpload({ key: object.key, uploadId })),
          ),
      },
    }),
  };
}
