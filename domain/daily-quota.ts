import * as Duration from "effect/Duration";
import { QuotaExceeded } from "./errors.ts";
import type { DailyQuota } from "./limits.ts";

/** What was granted on one day. */
export interface Usage {
  /** Since 1970. */
  readonly day: number;
  readonly bytes: number;
  readonly objects: number;
}

/** The length of a day, in milliseconds. */
export const DAY = Duration.toMillis(Duration.days(1));

/** Adds an object to what was granted today; undefined where that would be too much. */
export function addToDay(
  { bytes = Infinity, objects = Infinity }: DailyQuota,
  usage: Usage | undefined,
  size: number,
  now: number,
): Usage | undefined {
  const today = Math.floor(now / DAY);
  // A clock that is set back past midnight begins no new day.
  const before =
    usage !== undefined && usage.day >= today ? usage : { day: today, bytes: 0, objects: 0 };
  const { day } = before;
  const after = { day, bytes: before.bytes + size, objects: before.objects + 1 };
  return after.bytes <= bytes && after.objects <= objects ? after : undefined;
}

/** The refusal of an upload that would be too much today. */
export const quotaExceeded = ({ bytes, objects }: DailyQuota, retryAfter: number): QuotaExceeded =>
  new QuotaExceeded({
    ...(bytes === undefined ? {} : { bytes }),
    ...(objects === undefined ? {} : { objects }),
    retryAfter,
  });

/** Seconds until the day of `now` is over. */
export const restOfDay = (now: number): number => Math.ceil((DAY - (now % DAY)) / 1000);
