import type { UploadError } from "./errors.ts";
import { isOnline, pause, type Run, throwIfAborted } from "./run.ts";

/**
 * After how many failures in a row an upload gives up. With the delays below that is a minute on
 * average, in which a phone changes its network and a service restarts.
 */
const MOST_FAILURES = 9;

/** In milliseconds. */
const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;

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

/** A failure that another attempt may mend. */
export class Transient extends Error {
  readonly reason: Retrying["reason"];
  /** What the answer's `Retry-After` asks for, in milliseconds. */
  readonly after: number | undefined;
  /** Why it is final; undefined as long as another attempt may help. */
  readonly verdict: (failures: number, isLast: boolean) => Promise<UploadError | undefined>;

  constructor(
    options: Pick<Transient, "reason" | "verdict"> & { readonly after?: number | undefined },
  ) {
    super(options.reason);
    this.reason = options.reason;
    this.after = options.after;
    this.verdict = options.verdict;
  }
}

/**
 * Calls `work` until it succeeds or fails for good: again and again with full jitter (AWS
 * Architecture Blog, "Exponential Backoff And Jitter"), or after the time that the answer asks for.
 * While the run is paused or the browser offline nothing is tried, and nothing counts as a failure.
 * `work` calls `progressed` once it gets further than ever before, which starts the count anew.
 */
export async function persist<A>(
  run: Run,
  work: (signal: AbortSignal, progressed: () => void) => Promise<A>,
  onRetry?: (retrying: Retrying) => void,
): Promise<A> {
  let failures = 0;
  const progressed = () => void (failures = 0);
  for (;;) {
    await run.ready();
    try {
      return await run.attempt((signal) => work(signal, progressed).catch(failIfAborted(signal)));
    } catch (cause) {
      throwIfAborted(run);
      if (cause === PAUSED) {
        onRetry?.({ attempt: failures, delay: 0, reason: "resumed" });
      } else if (!(cause instanceof Transient)) {
        throw cause;
      } else if (cause.reason === "network" && !isOnline()) {
        onRetry?.({ attempt: failures, delay: 0, reason: "offline" });
      } else {
        failures += 1;
        const verdict = await cause.verdict(failures, failures === MOST_FAILURES);
        if (verdict !== undefined) throw verdict;
        const delay = delayAfter(failures, cause);
        onRetry?.({ attempt: failures, delay, reason: cause.reason });
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
  // Many clients were told the same time, so some of the jitter comes on top.
  if (after !== undefined) return after + Math.random() * FIRST_DELAY;
  if (reason === "expired") return 0;
  return Math.random() * Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** failures);
}

/** Whether a later request may be answered differently (RFC 9110; 507 is RFC 4918). */
export const isBusy = (status: number): boolean =>
  status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 507);

/** The milliseconds of a `Retry-After` header, which has seconds or a date. */
export function retryAfter(header: string | null): number | undefined {
  if (header === null || header === "") return undefined;
  const seconds = Number(header);
  const milliseconds = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1000;
  return milliseconds >= 0 ? milliseconds : undefined;
}
