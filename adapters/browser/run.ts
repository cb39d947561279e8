import { UploadError } from "./errors.ts";

/** One upload under way: it can be held, and ended. */
export interface Run {
  /** Aborted once the upload is to end. */
  readonly signal: AbortSignal;
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

/** Starts a run that ends with `outer`. */
export function makeRun(outer?: AbortSignal): Run {
  const end = new AbortController();
  const attempts = new Set<AbortController>();
  const waiting = new Set<() => void>();
  let isPaused = false;
  const wake = () => {
    for (const go of waiting) go();
  };
  const run: Run = {
    signal: end.signal,
    pause: () => {
      isPaused = true;
      for (const attempt of attempts) attempt.abort();
    },
    resume: () => {
      isPaused = false;
      wake();
    },
    close: () => outer?.removeEventListener("abort", abortByOuter),
    abort: (reason) => {
      end.abort(reason);
      for (const attempt of attempts) attempt.abort();
      wake();
    },
    ready: async () => {
      for (;;) {
        throwIfAborted(run);
        if (!isPaused && isOnline()) return;
        await new Promise<void>((resolve) => {
          const go = () => {
            waiting.delete(go);
            globalThis.removeEventListener?.("online", go);
            resolve();
          };
          waiting.add(go);
          globalThis.addEventListener?.("online", go);
        });
      }
    },
    attempt: async (work) => {
      const attempt = new AbortController();
      attempts.add(attempt);
      if (isPaused || end.signal.aborted) attempt.abort();
      try {
        return await work(attempt.signal);
      } finally {
        attempts.delete(attempt);
      }
    },
  };
  const abortByOuter = () => run.abort(outer?.reason);
  if (outer?.aborted) abortByOuter();
  outer?.addEventListener("abort", abortByOuter);
  return run;
}

/** Fails with `aborted` once the run has been told to end. */
export function throwIfAborted({ signal }: Run): void {
  if (!signal.aborted) return;
  const message = "The upload was aborted. Start it again to upload the file.";
  throw new UploadError("aborted", message, { cause: signal.reason });
}

/** Whether the browser has a network; other runtimes do not say. */
export const isOnline = (): boolean => globalThis.navigator?.onLine !== false;

/** Waits `milliseconds`, or until the run is paused or ends. */
export const pause = (run: Run, milliseconds: number): Promise<void> =>
  run.attempt(
    (signal) =>
      new Promise((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", end);
          resolve();
        };
        const timer = setTimeout(end, milliseconds);
        signal.addEventListener("abort", end);
        if (signal.aborted) end();
      }),
  );
