import * as Duration from "effect/Duration";
import { QuotaExceeded } from "./errors.ts";
import type { DailyQuota } from "./limits.ts";

/** The grants to an organization, or to one caller in it, on one day. */
export interface Usage {
  /** Days since 1970. */
  readonly day: number;
  readonly bytes: number;
  readonly objects: number;
}

export const DAY = Duration.toMillis(Duration.days(1));

/** Adds uploads to those of today; undefined if that would exceed the quota. */
export function addToDay(
  { bytes = Infinity, objects = Infinity }: DailyQuota,
  usage: Usage | undefined,
  more: Omit<Usage, "day">,
  now: number,
): Usage | undefined {
  const today = Math.floor(now / DAY);
  // A clock set back past midnight does not start a new day.
  const before =
    usage !== undefined && usage.day >= today ? usage : { day: today, bytes: 0, objects: 0 };
  const { day } = before;
  const after = { day, bytes: before.bytes + more.bytes, objects: before.objects + more.objects };
  return after.bytes <= bytes && after.objects <= objects ? after : undefined;
}

export const takeBack = (usage: Usage, less: Omit<Usage, "day">): Usage => ({
  ...usage,
  bytes: Math.max(0, usage.bytes - less.bytes),
  objects: Math.max(0, usage.objects - less.objects),
});

export const quotaExceeded = ({ bytes, objects }: DailyQuota, retryAfter: number): QuotaExceeded =>
  new QuotaExceeded({
    ...(bytes === undefined ? {} : { bytes }),
    ...(objects === undefined ? {} : { objects }),
    retryAfter,
  });

export const restOfDay = (now: number): number => Math.ceil((DAY - (now % DAY)) / 1000);
