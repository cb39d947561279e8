import { UploadError } from "./errors.ts";
import { awake, inTime, isOnline, type RetryState, type Run } from "./run.ts";

/** In milliseconds. An upload idles for at most the longest one once an outage is over. */
const FIRST_DELAY = 500;
const LONGEST_DELAY = 10_000;

/** A failure after which another attempt may succeed. */
export class Transient {
  declare readonly reason: RetryState["reason"];
  /** Returns the error if it is final; undefined if another attempt may help. */
  declare readonly verdict: (
    failed: Failed,
  ) => UploadError | undefined | Promise<UploadError | undefined>;
  /** The milliseconds of the answer's `Retry-After`. */
  declare readonly after: number | undefined;

  constructor(reason: RetryState["reason"], verdict: Transient["verdict"], after?: number) {
    Object.assign(this, { reason, verdict, after });
  }
}

/** `silence` is the time without progress, in milliseconds, not counting sleep. */
type Failed = { readonly attempt: number; readonly silence: number; readonly isLast: boolean };

/** A failure that is `error` once nothing is tried again. */
export const transient = (reason: RetryState["reason"], error: UploadError, after?: number) =>
  new Transient(reason, ({ isLast }) => (isLast ? error : undefined), after);

/** The time of the last progress of any upload, by `awake`. */
export let movedAt = 0;

/**
 * Calls `work` until it succeeds or fails for good. It waits with full jitter (AWS Architecture
 * Blog, "Exponential Backoff And Jitter") or as the answer's `Retry-After` says, for as long as the
 * run allows since the first failure or the last progress. Time paused, offline or asleep does not
 * count. `work` calls `progressed` when it gets further than ever before.
 */
export async function persist<A>(
  run: Run,
  work: (signal: AbortSignal, progressed: () => void) => Promise<A>,
  onRetry = run.onRetry,
): Promise<A> {
  let attempt = 0;
  let first = 0;
  const progressed = () => {
    attempt = 0;
    run.progressAt = movedAt = awake();
  };
  const wait = (reason: RetryState["reason"]) => onRetry?.({ attempt, delay: 0, reason });
  for (;;) {
    if (!isOnline()) wait("offline");
    const signal = await run.ready();
    const clock = setInterval(awake, 1000);
    try {
      return await work(signal, progressed);
    } catch (cause) {
      run.signal.throwIfAborted();
      if (signal.aborted && !(cause instanceof UploadError)) {
        wait("paused");
      } else if (!(cause instanceof Transient)) {
        throw cause;
      } else if (isOnline() || cause.reason !== "network") {
        const now = awake();
        if (attempt === 0) first = now;
        attempt += 1;
        const silence = now - Math.max(first, run.progressAt);
        const left = run.retryTime - silence;
        const since = Date.now() - silence;
        const { reason, after = 0 } = cause;
        const pause = Math.min(delayAfter(attempt, cause), left);
        const retrying = { attempt, delay: pause, reason, since, until: since + run.retryTime };
        const isLast = after >= left || run.shouldRetry?.(retrying) === false;
        const verdict = await cause.verdict({ attempt, silence, isLast });
        if (verdict !== undefined) throw verdict;
        onRetry?.(retrying);
        await delay(signal, pause);
      }
    } finally {
      clearInterval(clock);
    }
  }
}

function delayAfter(attempt: number, { after = 0, reason }: Transient): number {
  if (reason === "expired") return 0;
  // Many clients got the same time, so some of the jitter comes on top.
  const most = FIRST_DELAY * (after ? 1 : 2 ** attempt);
  return after + Math.random() * Math.min(LONGEST_DELAY, most);
}

/** Waits `milliseconds`, or until the signal is aborted, or the browser has a network again. */
const delay = (outer: AbortSignal, milliseconds: number): Promise<unknown> =>
  inTime(
    outer,
    milliseconds,
    (signal) =>
      new Promise((resolve) => {
        globalThis.addEventListener?.("online", resolve, { signal });
        signal.addEventListener("abort", resolve);
      }),
  );

/** Returns true if a later request may be answered differently (RFC 9110). */
export const isBusy = (status: number): boolean =>
  status === 408 || status === 429 || (status >= 500 && status !== 501);

/** The longest time of a timer, in milliseconds: with a longer one it fires at once. */
export const TIMER_LIMIT = 2 ** 31 - 1;

/**
 * Reads a `Retry-After` header, of seconds or a date, as milliseconds that a timer takes. A date is
 * compared with the answer's `Date`, if it has one.
 */
export function retryAfter(
  header: string | null | undefined,
  date?: string | null,
): number | undefined {
  if (!header) return undefined;
  const milliseconds = /^\d+$/.test(header)
    ? Number(header) * 1000
    : Date.parse(header) - (Date.parse(date ?? "") || Date.now());
  return milliseconds >= 0 ? Math.min(milliseconds, TIMER_LIMIT) : undefined;
}
