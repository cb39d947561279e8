import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { Limiter, type UploadToCount } from "../../application/ports/limiter.ts";
import {
  addToDay,
  DAY,
  quotaExceeded,
  restOfDay,
  takeBack,
  type Usage,
} from "../../domain/daily-quota.ts";
import { QuotaExceeded } from "../../domain/errors.ts";
import type { Limits } from "../../domain/limits.ts";
import { allowanceFrom, type Bucket, take } from "../../domain/token-bucket.ts";
import { expiring } from "./expiring.ts";

/** Counts in memory, for this process alone. */
export const layer = (limits: Limits): Layer.Layer<Limiter> =>
  Layer.sync(Limiter, () => inMemory(limits));

export function inMemory(limits: Limits): Limiter["Service"] {
  const buckets = expiring<Bucket>();
  const usages = expiring<Usage>();
  const { bytes, objects: mostObjects, bytesPerSubject } = limits.daily;
  const setUsage = (name: string, usage: Usage) => usages.set(name, usage, (usage.day + 1) * DAY);

  return {
    check: Effect.void,
    countRequest: (of, name) => {
      const limit = limits.requests[of];
      if (limit === undefined) return Effect.undefined;
      return Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const counted = `${of} ${name}`;
        const taken = take(limit, buckets.get(counted, now), now);
        buckets.set(counted, taken.bucket, now + taken.resetAfter);
        return allowanceFrom(of, limit, taken);
      });
    },
    countUpload: ({ organization, caller, size, objects = 1 }) => {
      const most = caller.bytesPerDay ?? bytesPerSubject;
      if ((bytes ?? mostObjects ?? most) === undefined) return Effect.void;
      return Effect.flatMap(Clock.currentTimeMillis, (now): Counted => {
        const more = { bytes: size, objects };
        const usage = addToDay(limits.daily, usages.get(organization, now), more, now);
        if (usage === undefined) return Effect.fail(quotaExceeded(limits.daily, restOfDay(now)));
        if (most !== undefined) {
          const name = callerIn(organization, caller);
          const callerUsage = addToDay({ bytes: most }, usages.get(name, now), more, now);
          const refusal = { caller: most, retryAfter: restOfDay(now) };
          if (callerUsage === undefined) return Effect.fail(new QuotaExceeded(refusal));
          setUsage(name, callerUsage);
        }
        setUsage(organization, usage);
        return Effect.void;
      });
    },
    uncountUpload: ({ organization, caller, size, objects = 1 }) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const most = caller.bytesPerDay ?? bytesPerSubject;
        const callers = most === undefined ? [] : [callerIn(organization, caller)];
        for (const name of [organization, ...callers]) {
          const usage = usages.get(name, now);
          if (usage !== undefined) setUsage(name, takeBack(usage, { bytes: size, objects }));
        }
      }),
  };
}

type Counted = ReturnType<Limiter["Service"]["countUpload"]>;

/** Unambiguous: no organization's id has a space. */
const callerIn = (organization: string, { kind, subject }: UploadToCount["caller"]): string =>
  `${organization} ${kind} ${subject}`;
