import * as Effect from "effect/Effect";
import * as Schedule from "effect/Schedule";
import type { Meter } from "./meter.ts";

type Counts = Readonly<Record<"waiting" | "dead", number>>;

export const watchEvents = (meter: Meter) => ({
  eventSettled: (outcome: string) => meter.update("valetkey_events_attempts_total", [outcome]),
  /** Reads the counts periodically, since a reader of metrics does not wait. */
  eventCounts: <E>(counts: Effect.Effect<Counts, E>) => {
    // Empty, so without series, until there is an answer.
    let last: Partial<Counts> = {};
    for (const state of ["waiting", "dead"] as const) {
      meter.observe("valetkey_events_kept", [state], () => last[state] ?? NaN);
    }
    return counts.pipe(
      Effect.orElseSucceed((): Partial<Counts> => ({})),
      Effect.map((counts) => void (last = counts)),
      Effect.repeat(Schedule.spaced("10 seconds")),
    );
  },
});
