import * as Schema from "effect/Schema";

/** Parts of a limit on stored bytes of which a backend is told, in percent. */
export const THRESHOLDS = [80, 95, 100] as const;

export const Threshold = Schema.Literals(THRESHOLDS);
export type Threshold = typeof Threshold.Type;

/** Returns the thresholds that so many bytes have reached. */
export const thresholdsReached = (bytes: number, limit: number): ReadonlyArray<Threshold> =>
  THRESHOLDS.filter((percent) => bytes * 100 >= limit * percent);

/** Returns how much of a limit is stored, rounded down: 100 only if it is full. */
export const percentOf = (bytes: number, limit: number): number =>
  Math.floor((bytes * 100) / limit);
