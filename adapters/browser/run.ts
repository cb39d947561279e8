import { UploadError } from "./errors.ts";

/** One upload under way: it can be held, and ended. */
export interface Run {
  /** Aborted once the upload is to end. */
  readonly signal: AbortSignal;
  /** Told when something is tried again. */
  onRetry?: (retrying: Retrying) => void;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly abort: (reason?: unknown) => void;
  /** Lets go of the outer signal: the upload has ended. */
  readonly close: () => void;
  /** Resolves once the upload may go on: it is not paused, and the browser is online. */
  readonly ready: () => Promise<void>;
  /** Calls `work` with a signal that is aborted when the upload is paused or ends. */
  readonly attempt: <A>(work: (signal: AbortSignal) => Promise<A>) => Promise<A>;
}

/** Why an upload is trying again. */
export interface Retrying {
  /** How many failures there were in a row. */
  readonly attempt: number;
  /** In how many milliseconds it is tried again. */
  readonly delay: number;
  /**
   * `network`: no answer; `busy`: a 408, 429 or 5xx; `expired`: the URL was no longer accepted;
   * `offline`: the browser has no network; `resumed`: it was paused and goes on.
   */
  readonly reason: "network" | "busy" | "expired" | "offline" | "resumed";
}

/** Starts a run that ends with `outer`. */
export function makeRun(outer?: AbortSignal): Run {
  const end = new AbortController();
  const attempts = new Set<AbortController>();
  const waiting: Array<() => void> = [];
  const held = { isPaused: false };
  const stop = () => {
    for (const attempt of attempts) attempt.abort();
  };
  const wake = () => {
    for (const go of waiting.splice(0)) go();
  };
  const abortByOuter = () => run.abort(outer?.reason);
  const run: Run = {
    signal: end.signal,
    pause: () => {
      held.isPaused = true;
      stop();
    },
    resume: () => {
      held.isPaused = false;
      wake();
    },
    abort: (reason) => {
      end.abort(reason);
      stop();
      wake();
    },
    close: () => outer?.removeEventListener("abort", abortByOuter),
    ready: async () => {
      while (!end.signal.aborted && (held.isPaused || !isOnline())) {
        await new Promise<void>((go) => {
          waiting.push(go);
          globalThis.addEventListener?.("online", () => go(), { once: true });
        });
      }
      throwIfAborted(run);
    },
    attempt: async (work) => {
      const attempt = new AbortController();
      attempts.add(attempt);
      if (held.isPaused || end.signal.aborted) attempt.abort();
      try {
        return await work(attempt.signal);
      } finally {
        attempts.delete(attempt);
      }
    },
  };
  if (outer?.aborted) abortByOuter();
  outer?.addEventListener("abort", abortByOuter);
  return run;
}

/** Fails with `aborted` once the run has been told to end. */
export function throwIfAborted({ signal: { aborted, reason: cause } }: Run): void {
  if (aborted) throw new UploadError("aborted", "The upload was aborted.", { cause });
}

/** Whether the browser has a network; other runtimes do not say. */
export const isOnline = (): boolean => globalThis.navigator?.onLine !== false;

/** Waits `milliseconds`, or until the run is paused or ends. */
export const pause = (run: Run, milliseconds: number): Promise<void> =>
  run.attempt(
    (outer) =>
      new Promise((resolve) => {
        const { signal } = withTimeout(outer, milliseconds);
        signal.addEventListener("abort", () => resolve());
      }),
  );

/** A signal that is aborted with `outer`, or after some milliseconds. */
export function withTimeout(outer: AbortSignal | undefined, milliseconds: number) {
  const inner = new AbortController();
  const stop = () => {
    clearTimeout(timer);
    outer?.removeEventListener("abort", abort);
  };
  const abort = () => {
    stop();
    inner.abort();
  };
  const timer = setTimeout(abort, outer?.aborted ? 0 : milliseconds);
  outer?.addEventListener("abort", abort);
  return { signal: inner.signal, stop };
}
