import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { StoreUnavailable } from "../../../domain/errors.ts";
import type { CertifiedPromise } from "../../storage/certificate/certificate.ts";
import { provedBy } from "../../storage/certificate/proved.ts";
import type { Decided } from "../../storage/known.ts";
import { errorReason } from "../../values/thrown.ts";
import { type Listener, type Listeners, printable } from "../sending/exchange.ts";
import type { RawAnswer, SentRequest } from "../sending/exchange.ts";
import { aroundStore } from "../../../application/store/store-calls.ts";
import { codeIn } from "../../storage/rest/temporary.ts";
import type { Ability } from "../../../application/ports/abilities.ts";
import type { Harness, OpenStore } from "../subject/harness.ts";
import { PROMISES, standsOn } from "../promises/promises.ts";
import { rememberingCall, rememberingRequests } from "./remember.ts";
import { obstacle, openScratch, versionIn } from "./scratch.ts";
import { MOST_TRIES, type Tried, tryPromise, within } from "./try-promise.ts";
import { isMadeBy, type StorePromise } from "../promises/store-promise.ts";
import { type BuiltStore, hasFrom, openStore } from "../subject/subject.ts";
import { newKey } from "../sending/uploads.ts";

export interface Finding extends CertifiedPromise {
  /** An ability that was not proved, so that the service does not rely on this promise. */
  readonly needs?: Ability;
  /** It was tried, and the store gave no answer to judge by. */
  readonly isUnanswered?: boolean;
}

export interface Findings {
  /** Of each promise about the store, and of each that the service makes in its place if broken. */
  readonly findings: ReadonlyArray<Finding>;
  /** The store's name for itself, in its answers. */
  readonly server: string | undefined;
  /** The version that the last PUT made, as its answer named it. */
  readonly version: string | undefined;
  /** How it answered each kind of PUT, such as `PUT x-ms-tags: 403 AuthorizationFailure`. */
  readonly answers: ReadonlyArray<string>;
  /** Names of what could not be removed again. */
  readonly left: ReadonlyArray<string>;
  /** The reason why not everything was tried. */
  readonly ended?: string;
}

export type Openable = Harness & { readonly open: () => Promise<OpenStore> };

export interface Examination {
  /** The store as the service uses it. */
  readonly store: Openable;
  /**
   * The same store as the service uses it with other abilities, of those that a certificate decides.
   * If given, each of these is tried first, and then everything with those that were proved.
   */
  readonly withAbilities?: ((abilities: ReadonlyArray<Ability>) => Openable) | undefined;
  /** The abilities that it decides, with their promises; those of stores of S3 by default. */
  readonly decided?: Decided | undefined;
  /** Every promise by default. */
  readonly promises?: ReadonlyArray<StorePromise>;
  /** Lets it write what it cannot remove again. */
  readonly mayLeave?: boolean;
  /** Set if the store's owner is not trusted. */
  readonly untrusted?: Listeners["untrusted"];
  readonly onFinding: (finding: Finding, progress: { done: number; of: number }) => void;
  /** Ends the examination. */
  readonly signal: AbortSignal;
}

/** The store cannot be tried, or not any more. */
export class Unexamined extends Error {
  /** Names of what could not be removed again. */
  left: ReadonlyArray<string> = [];
}

/**
 * Tries promises on a store, one after another, and removes the objects that this made. Throws
 * `Unexamined` if nothing could be tried. If the store stops answering, or the signal is aborted, the
 * rest is not tried.
 */
export async function examine(examination: Examination): Promise<Findings> {
  const { withAbilities, mayLeave = false, onFinding, signal } = examination;
  const { promises: all = PROMISES, decided = standsOn.abilities } = examination;
  const known = new Map<string, Finding>();
  const left: Array<string> = [];
  const answers = new Set<string>();
  let { store } = examination;
  let server: string | undefined;
  let version: string | undefined;
  let lastKept = Date.now();
  const interrupted = new Promise<never>((_, reject) => {
    const end = () => setTimeout(reject, GRACE, new Unexamined(INTERRUPTED)).unref();
    signal.addEventListener("abort", end, { once: true });
  });
  // It may come when nothing is tried any more.
  interrupted.catch(() => undefined);

  const noting: Listener = (sent, answer) => {
    if (answer === undefined) return;
    const { headers } = answer;
    server ??= headers["server"] && printable(String(headers["server"]));
    if (sent.method !== "PUT") return;
    if (answer.ok) version = versionIn(headers);
    answers.add(answerText(sent, answer));
  };
  const tryAll = async (openable: Openable, promises: ReadonlyArray<StorePromise>) => {
    const { close, ...built } = await opened(openable);
    const scratch = openScratch(built);
    const over = new AbortController();
    const ended = Effect.andThen(aborted(over.signal), Effect.fail(OVER));
    const remembering = rememberingCall(scratch);
    const store = aroundStore(built.store, (call, made, given) =>
      Effect.raceFirst(remembering(call, made, given), ended),
    );
    const remember = rememberingRequests(scratch);
    const outside: Listeners = {
      onExchange: (sent, answer) => {
        remember(sent, answer);
        noting(sent, answer);
      },
      silence: SILENCE,
      untrusted: examination.untrusted,
      over: over.signal,
    };
    let isAnswering = true;
    const requireStore = async () => {
      isAnswering = false;
      await requireAnswer(built);
      isAnswering = true;
    };
    try {
      const check = Effect.orElseSucceed(obstacle(built, newKey()), () => undefined);
      const reason = await Effect.runPromise(check);
      if (reason !== undefined && !mayLeave) {
        throw new Unexamined(
          `nothing was written, since it could not be removed again: ${reason}; --leave writes it all the same`,
        );
      }
      for (const [index, promise] of promises.entries()) {
        if (signal.aborted) throw new Unexamined(INTERRUPTED);
        const trying = tryAgain(promise, { ...built, store }, outside, requireStore);
        const { isSilent: _, ...finding } = await Promise.race([trying, interrupted]);
        // What was seen before counts, if there is no answer now.
        if (finding.outcome !== "not tried" || !known.has(promise.title)) {
          known.set(promise.title, finding);
        }
        onFinding(finding, { done: index + 1, of: promises.length });
        if (finding.outcome === "kept") lastKept = Date.now();
        if (Date.now() - lastKept > MOST_PATIENCE)
          throw new Unexamined("nothing was kept for 10 minutes");
      }
    } finally {
      // What still ran would write behind the removal.
      over.abort();
      const names = isAnswering ? await Effect.runPromise(scratch.remove) : scratch.names();
      left.push(...names.map((name) => `${name} in the bucket ${built.bucket}`));
      await close();
    }
  };

  let ended: string | undefined;
  try {
    if (withAbilities !== undefined) {
      // One by one, so that a header which the store refuses costs the ability that needs it alone.
      let proved: ReadonlyArray<Ability> = [];
      for (const [ability, titles] of Object.entries(decided)) {
        const abler = withAbilities([...proved, ability as Ability]);
        const deciding = all.filter(({ title }) => titles.includes(title));
        await tryAll(abler, deciding.filter(isMadeBy(hasFrom(abler))));
        proved = provedBy([...known.values()], decided);
      }
      store = withAbilities(proved);
    }
    await tryAll(store, all.filter(isMadeBy(hasFrom(store))));
  } catch (cause) {
    if (!(cause instanceof Unexamined)) throw cause;
    if (known.size === 0) throw Object.assign(cause, { left });
    ended = cause.message;
  }
  const has = hasFrom(store);
  const findings = all.flatMap(({ title, needs, lacks }): ReadonlyArray<Finding> => {
    const missing = needs.find((ability) => !has(ability));
    const why = ended ?? `it needs ${missing}, which this store is not used with`;
    const finding = known.get(title) ?? { promise: title, outcome: "not tried", why };
    // Of what the service promises in the place of an ability, only a failure is of interest.
    if (lacks.length > 0 && finding.outcome !== "broken") return [];
    const isUnanswered = finding.outcome === "not tried" && known.has(title);
    return [{ ...finding, ...(missing && { needs: missing }), isUnanswered }];
  });
  const seen = [...answers].toSorted();
  return { findings, server, version, answers: seen, left, ...(ended !== undefined && { ended }) };
}

/** The kind of a PUT by its further headers and the call that its query names, and its answer. */
function answerText({ url, headers }: SentRequest, { status, body }: RawAnswer): string {
  const names = Object.keys(headers).filter((name) => /^(?:x|if)-/i.test(name));
  const comp = new URL(url).searchParams.get("comp");
  const what = ["PUT", ...(comp ? [`comp=${comp}`] : []), ...names].join(" ");
  return `${what}: ${status} ${codeIn(body.toString()) ?? ""}`.trimEnd();
}

const INTERRUPTED = "it was interrupted";

/** Of a promise, once it is interrupted; in milliseconds. */
const GRACE = 5000;
const SILENCE = 30_000;
const MOST_PATIENCE = 10 * 60_000;

const OVER = new StoreUnavailable({ kind: "timeout", reason: "nobody waits for its answer" });

/** Tries a promise, and again with new keys if the store did not answer, which breaks no promise. */
async function tryAgain(
  promise: StorePromise,
  store: BuiltStore,
  to: Listeners,
  requireAnswer: () => Promise<void>,
): Promise<Tried> {
  for (let tries = 1; ; tries += 1) {
    const tried = await tryPromise(promise, store, to);
    if (tried.outcome === "kept") return tried;
    await requireAnswer();
    if (tried.outcome === "broken" || tried.isSilent || tries === MOST_TRIES) return tried;
    await Effect.runPromise(Effect.sleep(Duration.millis(200)));
  }
}

async function opened(store: Openable) {
  const controller = new AbortController();
  try {
    return await within("10 seconds", openStore(store, store.open, controller.signal));
  } catch (cause) {
    controller.abort();
    throw new Unexamined(printable(errorReason(cause)), { cause });
  }
}

const requireAnswer = ({ store }: BuiltStore): Promise<void> =>
  Effect.timeout(store.ensureBucket, "4 seconds").pipe(
    Effect.retry({ times: MOST_TRIES - 1 }),
    Effect.mapError((cause) => {
      const reason = printable(errorReason(cause));
      return new Unexamined(`it no longer answers: ${reason}`, { cause });
    }),
    Effect.runPromise,
  );

/** Ends when a signal is aborted. */
const aborted = (signal: AbortSignal) =>
  Effect.callback<void>((resume) => {
    const end = () => resume(Effect.void);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
    return Effect.sync(() => signal.removeEventListener("abort", end));
  });
