import * as Effect from "effect/Effect";
import * as Schedule from "effect/Schedule";
import type { UsageTotals } from "../../application/ports/usage.ts";
import type { Meter } from "./meter.ts";

const GAUGES = {
  valetkey_stored_files: "files",
  valetkey_stored_bytes: "bytes",
  valetkey_reserved_bytes: "granted",
  valetkey_open_uploads: "open",
} as const;

const STATES = { all: "organizations", unknown: "unknown", near_limit: "nearLimit" } as const;

export const watchUsage = (meter: Meter) => ({
  /** Reads the totals periodically, since a reader of metrics does not wait. */
  usageTotals: <E>(totals: Effect.Effect<UsageTotals, E>) => {
    // Empty, so without series, until there is an answer.
    let last: Partial<UsageTotals> = {};
    for (const [name, member] of Object.entries(GAUGES)) {
      meter.observe(name as keyof typeof GAUGES, [], () => last[member] ?? NaN);
    }
    for (const [state, member] of Object.entries(STATES)) {
      meter.observe("valetkey_organizations_counted", [state], () => last[member] ?? NaN);
    }
    return totals.pipe(
      Effect.orElseSucceed((): Partial<UsageTotals> => ({})),
      Effect.map((totals) => void (last = totals)),
      Effect.repeat(Schedule.spaced("30 seconds")),
    );
  },
});
