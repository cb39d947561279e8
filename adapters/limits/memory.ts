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
import { IdempotencyConflict, LimitsUnavailable, QuotaExceeded } from "../../domain/errors.ts";
import type { Limits } from "../../domain/limits.ts";
import { tooManyOpen } from "../../domain/multipart.ts";
import { allowanceOf, type Bucket, take } from "../../domain/token-bucket.ts";
import { openUploads } from "./open-uploads.ts";
import { retryMemory } from "./retry-memory.ts";

/** Shortest time between two removals of expired entries, in milliseconds. */
const SWEEP_INTERVAL = 60_000;

/** Counts in the memory of this process, for this process alone. */
export const layer = (limits: Limits): Layer.Layer<Limiter> =>
  Layer.sync(Limiter, () => inMemory(limits));

/** The same as a value. */
export function inMemory(limits: Limits): Limiter["Service"] {
  const buckets = new Map<string, Bucket & { readonly fullAt: number }>();
  const usages = new Map<string, Usage>();
  const retries = retryMemory();
  const { multipartUploads: mostOpen = Infinity } = limits;
  const open = openUploads(mostOpen);
  const { bytes, objects, bytesPerSubject } = limits.daily;
  const isUnlimited = (bytes ?? objects ?? bytesPerSubject) === undefined;
  let sweptAt = 0;

  /** Runs with requests: a timer would keep the process alive. */
  const sweep = (now: number) => {
    if (Math.abs(now - sweptAt) < SWEEP_INTERVAL) return;
    sweptAt = now;
    for (const [name, { fullAt }] of buckets) if (fullAt <= now) buckets.delete(name);
    const today = Math.floor(now / DAY);
    for (const [name, { day }] of usages) if (day < today) usages.delete(name);
    retries.sweep(now);
    open.sweep(now);
  };

  return {
    check: Effect.void,
    countRequest: (of, name) => {
      const limit = limits.requests[of];
      if (limit === undefined) return Effect.undefined;
      return Effect.flatMap(Clock.currentTimeMillis, (now) => {
        sweep(now);
        const counted = `${of} ${name}`;
        const taken = take(limit, buckets.get(counted), now);
        buckets.set(counted, { ...taken.bucket, fullAt: now + taken.resetAfter });
        return allowanceOf(of, limit, taken);
      });
    },
    countUpload: ({ organization, caller, size, objects = 1, retry, multipart }) => {
      if (retry === undefined && multipart === undefined && isUnlimited) return Effect.undefined;
      return Effect.flatMap(Clock.currentTimeMillis, (now): Counted => {
        sweep(now);
        const first = retry && retries.find(organization, { ...retry, objects }, now);
        if (first?.is === "retry") return Effect.succeed(first.memory);
        if (first?.is === "other") return Effect.fail(new IdempotencyConflict());
        if (first?.is === "one too many") return Effect.fail(full(first));
        const wait = multipart && open.timeToWait(organization, now);
        if (wait !== undefined) return Effect.fail(tooManyOpen(mostOpen, Duration.millis(wait)));
        const more = { bytes: size, objects };
        const usage = addToDay(limits.daily, usages.get(organization), more, now);
        if (usage === undefined) return Effect.fail(quotaExceeded(limits.daily, restOfDay(now)));
        if (bytesPerSubject !== undefined) {
          const name = callerIn(organization, caller);
          const own = addToDay({ bytes: bytesPerSubject }, usages.get(name), more, now);
          const refusal = { caller: bytesPerSubject, retryAfter: restOfDay(now) };
          if (own === undefined) return Effect.fail(new QuotaExceeded(refusal));
          usages.set(name, own);
        }
        usages.set(organization, usage);
        first?.add();
        if (multipart !== undefined && mostOpen < Infinity) open.add(organization, multipart, now);
        return Effect.undefined;
      });
    },
    replaceMemory: (first) =>
      Effect.map(Clock.currentTimeMillis, (now) => retries.replace(first, now)),
    uncountUpload: ({ organization, caller, size, objects = 1, retry, multipart }) =>
      Effect.sync(() => {
        if (retry !== undefined && !retries.forget({ organization, retry })) return;
        if (multipart !== undefined) open.remove(organization, multipart.key);
        for (const name of [organization, callerIn(organization, caller)]) {
          const usage = usages.get(name);
          if (usage !== undefined) usages.set(name, takeBack(usage, { bytes: size, objects }));
        }
      }),
    endMultipart: ({ organization, key }) => Effect.sync(() => open.remove(organization, key)),
  };
}

type Counted = ReturnType<Limiter["Service"]["countUpload"]>;

/** The name by which a caller's usage is kept; no organization's id has a space. */
const callerIn = (organization: string, { kind, subject }: UploadToCount["caller"]): string =>
  `${organization} ${kind} ${subject}`;

const full = ({ of, retryAfter }: { readonly of: string; readonly retryAfter: number }) =>
  new LimitsUnavailable({
    reason: `too many uploads of ${of} with an Idempotency-Key are kept in memory; set REDIS_URL, or the option limits.countIn`,
    retryAfter,
  });
