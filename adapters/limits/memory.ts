import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
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
import { tooManyOpen } from "../../domain/multipart.ts";
import { allowanceFrom, type Bucket, take } from "../../domain/token-bucket.ts";
import { expiring } from "./expiring.ts";

/** In milliseconds. */
const SWEEP_INTERVAL = 60_000;

/** Counts in the memory of this process, for this process alone. */
export const layer = (limits: Limits): Layer.Layer<Limiter> =>
  Layer.sync(Limiter, () => inMemory(limits));

export function inMemory(limits: Limits): Limiter["Service"] {
  const buckets = expiring<Bucket>();
  const usages = expiring<Usage>();
  const open = expiring<true>();
  let sweptAt = 0;
  const { multipartUploads: mostOpen = Infinity } = limits;
  const { bytes, objects, bytesPerSubject } = limits.daily;
  const isUnlimited = (bytes ?? objects ?? bytesPerSubject) === undefined;

  /** Runs with requests: a timer would keep the process alive. */
  const sweep = (now: number) => {
    if (Math.abs(now - sweptAt) < SWEEP_INTERVAL) return;
    sweptAt = now;
    for (const entries of [buckets, usages, open]) entries.sweep(now);
  };
  const setUsage = (name: string, usage: Usage) =>
    usages.set(name, usage, { end: (usage.day + 1) * DAY });

  return {
    check: Effect.void,
    countRequest: (of, name) => {
      const limit = limits.requests[of];
      if (limit === undefined) return Effect.undefined;
      return Effect.flatMap(Clock.currentTimeMillis, (now) => {
        sweep(now);
        const counted = `${of} ${name}`;
        const taken = take(limit, buckets.get(counted, now), now);
        buckets.set(counted, taken.bucket, { end: now + taken.resetAfter });
        return allowanceFrom(of, limit, taken);
      });
    },
    countUpload: ({ organization, caller, size, objects = 1, multipart }) => {
      if (multipart === undefined && isUnlimited) return Effect.void;
      return Effect.flatMap(Clock.currentTimeMillis, (now): Counted => {
        sweep(now);
        const bound = { group: organization, most: mostOpen };
        const place = multipart && open.full([bound], 1, now);
        if (place) return Effect.fail(tooManyOpen(mostOpen, Duration.millis(place.wait)));
        const more = { bytes: size, objects };
        const usage = addToDay(limits.daily, usages.get(organization, now), more, now);
        if (usage === undefined) return Effect.fail(quotaExceeded(limits.daily, restOfDay(now)));
        if (bytesPerSubject !== undefined) {
          const name = callerIn(organization, caller);
          const own = addToDay({ bytes: bytesPerSubject }, usages.get(name, now), more, now);
          const refusal = { caller: bytesPerSubject, retryAfter: restOfDay(now) };
          if (own === undefined) return Effect.fail(new QuotaExceeded(refusal));
          setUsage(name, own);
        }
        setUsage(organization, usage);
        if (multipart !== undefined && mostOpen < Infinity) {
          const end = now + Duration.toMillis(multipart.lifetime);
          open.set(`${organization} ${multipart.key}`, true, { end, groups: [organization] });
        }
        return Effect.void;
      });
    },
    uncountUpload: ({ organization, caller, size, objects = 1, multipart }) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        if (multipart !== undefined) open.remove(`${organization} ${multipart.key}`);
        for (const name of [organization, callerIn(organization, caller)]) {
          const usage = usages.get(name, now);
          if (usage !== undefined) setUsage(name, takeBack(usage, { bytes: size, objects }));
        }
      }),
    endMultipart: ({ organization, key }) =>
      Effect.sync(() => open.remove(`${organization} ${key}`)),
  };
}

type Counted = ReturnType<Limiter["Service"]["countUpload"]>;

/** No organization's id has a space. */
const callerIn = (organization: string, { kind, subject }: UploadToCount["caller"]): string =>
  `${organization} ${kind} ${subject}`;
