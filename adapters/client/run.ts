import { check } from "./decode.ts";
import { UploadError } from "./errors.ts";

export type Run = ReturnType<typeof makeRun>;

/** Why an upload is trying again. */
export interface RetryState {
  /** The number of failures in a row. */
  readonly attempt: number;
  /** Milliseconds until it is tried again. */
  readonly delay: number;
  /**
   * `network`: no answer; `busy`: a 408, 429 or 5xx; `expired`: the URL was no longer accepted;
   * `offline`: the browser has no network; `paused`: a body is sent again after `resume()`;
   * `elsewhere`: another tab uploads the same file; `copying`: the arrived file is copied to its
   * place; `scanning`: it is scanned; `waiting`: it is not ready.
   */
  readonly reason:
    | "network"
    | "busy"
    | "expired"
    | "offline"
    | "paused"
    | "elsewhere"
    | "copying"
    | "scanning"
    | "waiting";
  /**
   * The time of the last progress, by `Date.now()`, plus the time that the page slept since; absent
   * if the upload only waits.
   */
  readonly since?: number;
  /** When the upload fails without further progress. */
  readonly until?: number;
}

/** For how long failures are tried again. */
export interface RetryOptions {
  /** The longest time without progress; time that is paused, offline or asleep does not count. */
  readonly for?: `${number} ${"second" | "minute" | "hour"}${"" | "s"}` | undefined;
  /** Called before each attempt; `false` ends the upload. */
  readonly shouldRetry?: ((retrying: RetryState) => boolean) | undefined;
}

/** Work under way: a promise of its result that can be held and ended. */
export interface Task<A> extends Promise<A> {
  /**
   * Holds the upload: parts on their way arrive, and no others are sent. A file with one PUT is sent
   * again after `resume()`.
   */
  readonly pause: () => void;
  /** Continues after `pause()`. */
  readonly resume: () => void;
  /** Ends the upload with the error `aborted`, and removes parts that were sent. */
  readonly abort: (reason?: unknown) => void;
}

export function makeTask<A>(run: Run, work: Promise<A>): Task<A> {
  const { pause, resume, abort, close } = run;
  const ended = work.catch((cause: unknown) => {
    run.signal.throwIfAborted();
    throw cause;
  });
  return Object.assign(ended.finally(close), { pause, resume, abort });
}

function inMilliseconds(duration: string): number {
  const [, count, unit] = /^(\d+) (second|minute|hour)s?$/.exec(duration) ?? [];
  check(unit, `retry.for is ${duration}, and not a duration such as 10 minutes.`);
  return Number(count) * 1000 * ({ minute: 60, hour: 3600 }[unit as string] ?? 1);
}

/** Longest time between two calls of `awake` that counts, in milliseconds. */
const LONGEST_GAP = 5000;

let counted = 0;
let calledAt = 0;

/**
 * Returns for how long the page was awake, in milliseconds: neither the machine asleep nor the page
 * frozen. It must be called each second while something is tried; changes of the clock do not
 * matter.
 */
export function awake(): number {
  const now = Math.floor(performance.now());
  counted += Math.max(0, Math.min(now - calledAt, LONGEST_GAP));
  calledAt = now;
  return counted;
}

/** Makes the state by which an upload is paused and ended. Throws if `retry` is invalid. */
export function makeRun(outer?: AbortSignal, retry: RetryOptions = {}) {
  const end = new AbortController();
  /** Aborted while the upload is paused, and once it is to end. */
  let going = new AbortController();
  const waiting: Array<() => void> = [];
  const wake = () => waiting.splice(0).forEach((resolve) => resolve());
  const abort = (cause?: unknown) => {
    end.abort(new UploadError("aborted", "The upload was aborted.", { cause }));
    going.abort();
    wake();
  };
  const abortByOuter = () => abort(outer?.reason);
  if (outer?.aborted) abortByOuter();
  outer?.addEventListener("abort", abortByOuter);
  const run = {
    /** Aborted once the upload is to end. */
    signal: end.signal,
    /** The longest time without progress, in milliseconds. */
    retryTime: inMilliseconds(retry.for ?? "5 minutes"),
    shouldRetry: retry.shouldRetry,
    /** The time of the last progress, or of the end of a pause, by `awake`. */
    progressAt: 0,
    /** The number of large bodies that broke off in a row. */
    cuts: 0,
    /** The last state that the service reported for a file that has arrived. */
    arrival: undefined as "copying" | "scanning" | undefined,
    onRetry: undefined as ((retrying: RetryState) => void) | undefined,
    pause: () => going.abort(),
    resume: () => {
      if (going.signal.aborted) going = new AbortController();
      wake();
    },
    abort,
    close: () => {
      outer?.removeEventListener("abort", abortByOuter);
      globalThis.removeEventListener?.("online", wake);
    },
    /**
     * Waits until the upload is not paused, and the browser is online. Resolves to a signal that is
     * aborted when it is paused again or ends.
     */
    ready: async (): Promise<AbortSignal> => {
      while (!end.signal.aborted && (going.signal.aborted || !isOnline())) {
        globalThis.addEventListener?.("online", wake);
        await new Promise<void>((resolve) => waiting.push(resolve));
        run.progressAt = awake();
      }
      end.signal.throwIfAborted();
      return going.signal;
    },
  };
  return run;
}

/** Returns false if the browser says that it has no network; other runtimes do not say. */
export const isOnline = (): boolean => globalThis.navigator?.onLine !== false;

/** Resolves as a promise does, or rejects once the signal is aborted. */
export const unlessAborted = <A>(signal: AbortSignal, promise: Promise<A>): Promise<A> =>
  new Promise((resolve, reject) => {
    const abort = () => reject(new Error("fetch: no answer"));
    signal.addEventListener("abort", abort);
    const stop = () => signal.removeEventListener("abort", abort);
    promise.finally(stop).then(resolve, reject);
  });

/** Calls `work` with a signal that is aborted with `outer`, or after some milliseconds. */
export async function inTime<A>(
  outer: AbortSignal,
  milliseconds: number,
  work: (signal: AbortSignal, restart: (again?: number) => void) => Promise<A>,
): Promise<A> {
  const inner = new AbortController();
  const abort = () => inner.abort();
  let timer = setTimeout(abort, outer.aborted ? 0 : milliseconds);
  outer.addEventListener("abort", abort);
  const restart = (again = milliseconds) => {
    clearTimeout(timer);
    // The body may be read after the answer.
    if (!inner.signal.aborted) timer = setTimeout(abort, again);
  };
  try {
    return await work(inner.signal, restart);
  } finally {
    clearTimeout(timer);
    outer.removeEventListener("abort", abort);
    abort();
  }
}
