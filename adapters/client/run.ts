import { check } from "./decode.ts";
import { UploadError } from "./errors.ts";

/** One upload under way: it can be held, and ended. */
export type Run = ReturnType<typeof makeRun>;

/** Why an upload is trying again. */
export interface Retrying {
  /** How many failures there were in a row. */
  readonly attempt: number;
  /** In how many milliseconds it is tried again. */
  readonly delay: number;
  /**
   * `network`: no answer; `busy`: a 408, 429 or 5xx; `expired`: the URL was no longer accepted;
   * `offline`: the browser has no network; `paused`: what was on its way is sent again once it goes
   * on; `elsewhere`: it waits for another tab that uploads the same file.
   */
  readonly reason: "network" | "busy" | "expired" | "offline" | "paused" | "elsewhere";
  /** Since when nothing has got further, as `Date.now()` says it; not there if it only waits. */
  readonly since?: number;
  /** When the upload fails if nothing gets further until then. */
  readonly until?: number;
}

/** For how long what fails is tried again. */
export interface RetryOptions {
  /** How long nothing may get further, without the time that it is paused or offline. */
  readonly for?: `${number} ${"second" | "minute" | "hour"}${"" | "s"}` | undefined;
  /** Whether to try again; told each time. */
  readonly shouldRetry?: ((retrying: Retrying) => boolean) | undefined;
}

/** In milliseconds. Throws if it is no duration. */
function inMilliseconds(duration: string): number {
  const [, count, unit] = /^(\d+) (second|minute|hour)s?$/.exec(duration) ?? [];
  check(unit, `retry.for is ${duration}, and not a duration such as 10 minutes.`);
  return Number(count) * 1000 * (unit === "hour" ? 3600 : unit === "minute" ? 60 : 1);
}

/** Starts a run that ends with `outer`. Throws if `retry` cannot be used. */
export function makeRun(outer?: AbortSignal, retry: RetryOptions = {}) {
  const end = new AbortController();
  const attempts = new Set<AbortController>();
  const waiting: Array<() => void> = [];
  const held = { isPaused: false };
  const progress = { at: 0 };
  const stop = () => {
    for (const attempt of attempts) attempt.abort();
  };
  const wake = () => {
    for (const go of waiting.splice(0)) go();
  };
  const abort = (reason?: unknown) => {
    end.abort(reason);
    stop();
    wake();
  };
  const abortByOuter = () => abort(outer?.reason);
  if (outer?.aborted) abortByOuter();
  outer?.addEventListener("abort", abortByOuter);
  return {
    /** Aborted once the upload is to end. */
    signal: end.signal,
    /** How long nothing may get further, in milliseconds. */
    patience: inMilliseconds(retry.for ?? "5 minutes"),
    shouldRetry: retry.shouldRetry,
    /** When something got further last, or could again. */
    progress,
    /** Told when something is tried again. */
    onRetry: undefined as ((retrying: Retrying) => void) | undefined,
    pause: () => {
      held.isPaused = true;
      stop();
    },
    resume: () => {
      held.isPaused = false;
      wake();
    },
    abort,
    /** Lets go of the outer signal and the page: the upload has ended. */
    close: () => {
      outer?.removeEventListener("abort", abortByOuter);
      globalThis.removeEventListener?.("online", wake);
    },
    /** Resolves once the upload may go on: it is not paused, and the browser is online. */
    ready: async () => {
      while (!end.signal.aborted && (held.isPaused || !isOnline())) {
        globalThis.addEventListener?.("online", wake);
        await new Promise<void>((go) => waiting.push(go));
        progress.at = Date.now();
      }
      throwIfAborted(end);
    },
    /** Calls `work` with a signal that is aborted when the upload is paused or ends. */
    attempt: async <A>(work: (signal: AbortSignal) => Promise<A>): Promise<A> => {
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
}

/** Fails with `aborted` once the run has been told to end. */
export function throwIfAborted({ signal: { aborted, reason: cause } }: Pick<Run, "signal">): void {
  if (aborted) throw new UploadError("aborted", "The upload was aborted.", { cause });
}

/** Whether the browser has a network; other runtimes do not say. */
export const isOnline = (): boolean => globalThis.navigator?.onLine !== false;

/** Waits `milliseconds`, or until the run is paused or ends, or the browser has a network again. */
export const pause = (run: Run, milliseconds: number): Promise<void> =>
  run.attempt(
    (outer) =>
      new Promise((resolve) => {
        const { signal, abort } = withTimeout(outer, milliseconds);
        globalThis.addEventListener?.("online", abort, { signal });
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
  let timer = setTimeout(abort, outer?.aborted ? 0 : milliseconds);
  outer?.addEventListener("abort", abort);
  const extend = (milliseconds: number) => {
    clearTimeout(timer);
    timer = setTimeout(abort, milliseconds);
  };
  return { signal: inner.signal, stop, abort, extend };
}
