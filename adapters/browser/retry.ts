import type { UploadError } from "./errors.ts";
import { isOnline, pause, type Retrying, type Run, throwIfAborted } from "./run.ts";

/**
 * After how many failures in a row an upload gives up. With the delays below that is a minute on
 * average, in which a phone changes its network and a service restarts.
 */
const MOST_FAILURES = 9;

/** In milliseconds. */
const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;

/** A longer `Retry-After`, in milliseconds, is reported to the caller. */
const LONGEST_WAIT = 300_000;

/** A failure that another attempt may mend. */
export class Transient {
  readonly reason: Retrying["reason"];
  /**
   * Why it is final after so many failures in a row; undefined as long as another attempt may help.
   */
  readonly verdict: (failures: number, isLast: boolean) => Awaitable<UploadError | undefined>;
  /** What the answer's `Retry-After` asks for, in milliseconds. */
  readonly after: number | undefined;

  constructor(reason: Retrying["reason"], verdict: Transient["verdict"], after?: number) {
    this.reason = reason;
    this.verdict = verdict;
    this.after = after;
  }
}

type Awaitable<A> = A | Promise<A>;

/** An answer that says to try again; `error` if that is later than an upload waits, or in vain. */
export const busy = (error: UploadError, after: number | undefined): Transient | UploadError =>
  Number(after) > LONGEST_WAIT
    ? error
    : new Transient("busy", (_, isLast) => (isLast ? error : undefined), after);

/**
 * Calls `work` until it succeeds or fails for good: again and again with full jitter (AWS
 * Architecture Blog, "Exponential Backoff And Jitter"), or after the time that the answer asks for.
 * While the run is paused or the browser offline nothing is tried, and nothing counts as a failure.
 * `work` calls `progressed` once it gets further than ever before, which starts the count anew.
 */
export async function persist<A>(
  run: Run,
  work: (signal: AbortSignal, progressed: () => void) => Promise<A>,
  onRetry = run.onRetry,
): Promise<A> {
  let failures = 0;
  const progressed = () => void (failures = 0);
  const tell = (reason: Retrying["reason"], delay = 0) =>
    onRetry?.({ attempt: failures, delay, reason });
  for (;;) {
    if (!isOnline()) tell("offline");
    await run.ready();
    try {
      return await run.attempt((signal) => work(signal, progressed).catch(failIfAborted(signal)));
    } catch (cause) {
      throwIfAborted(run);
      if (cause === PAUSED) {
        await run.ready();
        tell("resumed");
      } else if (!(cause instanceof Transient)) {
        throw cause;
      } else if (isOnline() || cause.reason !== "network") {
        failures += 1;
        const verdict = await cause.verdict(failures, failures === MOST_FAILURES);
        if (verdict !== undefined) throw verdict;
        const delay = delayAfter(failures, cause);
        tell(cause.reason, delay);
        await pause(run, delay);
      }
    }
  }
}

const PAUSED = Symbol("paused");

const failIfAborted = (signal: AbortSignal) => (cause: unknown) => {
  throw signal.aborted ? PAUSED : cause;
};

function delayAfter(failures: number, { after, reason }: Transient): number {
  if (reason === "expired") return 0;
  // Many clients were told the same time, so some of the jitter comes on top.
  const most = after === undefined ? FIRST_DELAY * 2 ** failures : FIRST_DELAY;
  return (after ?? 0) + Math.random() * Math.min(LONGEST_DELAY, most);
}

/** Whether a later request may be answered differently (RFC 9110). */
export const isBusy = (status: number): boolean =>
  status === 408 || status === 429 || (status >= 500 && status !== 501);

/** With a longer time, in milliseconds, a timer fires at once. */
const TIMER_LIMIT = 2 ** 31 - 1;

/** The milliseconds of a `Retry-After` header, which has seconds or a date; as a timer takes them. */
export function retryAfter(header: string | null | undefined): number | undefined {
  if (!header) return undefined;
  const milliseconds = /^\d+$/.test(header)
    ? Number(header) * 1000
    : Date.parse(header) - Date.now();
  return milliseconds >= 0 ? Math.min(milliseconds, TIMER_LIMIT) : undefined;
}
