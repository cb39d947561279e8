import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Metric from "effect/Metric";
import {
  Limiter,
  type RetriedUpload,
  type UploadToCount,
} from "../../../application/ports/limiter.ts";
import { quotaExceeded } from "../../../domain/daily-quota.ts";
import { IdempotencyConflict, LimitsUnavailable, QuotaExceeded } from "../../../domain/errors.ts";
import type { Limits } from "../../../domain/limits.ts";
import { tooManyOpen } from "../../../domain/multipart.ts";
import { allowanceFrom } from "../../../domain/token-bucket.ts";
import { digest } from "../expiring.ts";
import { breaker } from "./breaker.ts";
import { connect } from "./connection.ts";
import type { RedisSettings } from "./settings.ts";

/** Decisions that could not be made, because Redis did not answer. */
const failures = Metric.counter("valetkey_limits_failures_total", {
  description: "Decisions about limits that could not be made",
});

/**
 * Counts in Redis, for all processes that use it. While it does not answer, `spare` counts; without
 * a spare, requests are refused.
 */
export const layer = (
  settings: RedisSettings,
  { limits, spare }: { readonly limits: Limits; readonly spare: Limiter["Service"] | undefined },
): Layer.Layer<Limiter> =>
  Layer.effect(
    Limiter,
    Effect.gen(function* () {
      const redis = yield* connect(settings);
      const protect = breaker();
      const mostOpen = limits.multipartUploads;
      const { bytes, objects, bytesPerSubject } = limits.daily;
      const hasQuota = (bytes ?? objects ?? bytesPerSubject) !== undefined;
      const withOwn = bytesPerSubject !== undefined;
      const outcome =
        spare === undefined ? "requests are refused" : "each process counts by itself";
      let lastReason = "";
      const warn = yield* Effect.cachedWithTTL(
        Effect.suspend(() =>
          Effect.logWarning(`Redis cannot be used, so ${outcome}: ${lastReason}`),
        ),
        "1 minute",
      );
      const decide = <A>(command: () => Promise<A>) =>
        Effect.tapError(protect(command), ({ reason }) => {
          lastReason = reason;
          return Effect.andThen(Metric.update(failures, 1), warn);
        });
      return Limiter.of({
        check: protect(redis.ask),
        countRequest: (limited, name) => {
          const limit = limits.requests[limited];
          if (limit === undefined) return Effect.undefined;
          const key = `valetkey:{${limited} ${digest([name])}}:requests`;
          const values = [limit.count, Duration.toMillis(limit.window)];
          const decision = Effect.flatMap(
            decide(() => redis.takeRequest([key], values)),
            ([isAllowed, remaining, retryAfter, resetAfter]) =>
              allowanceFrom(limited, limit, {
                isAllowed: isAllowed === 1,
                remaining,
                retryAfter,
                resetAfter,
              }),
          );
          return orElse(decision, spare?.countRequest(limited, name));
        },
        countUpload: (asked) => {
          const { size, objects: count = 1, retry, multipart } = asked;
          const takesPlace = multipart !== undefined && mostOpen !== undefined;
          if (!hasQuota && retry === undefined && !takesPlace) return Effect.undefined;
          const place = takesPlace
            ? [multipart.key, mostOpen, wholeMillis(multipart.lifetime)]
            : ["", 0, 0];
          const quota = [size, count, bytes ?? "", objects ?? "", bytesPerSubject ?? ""];
          const values = [...quota, ...remembered(retry), ...place];
          const decision = Effect.flatMap(
            decide(() => redis.takeUpload(keysFor(asked, withOwn), values)),
            ([outcome, value]): Counted => {
              switch (outcome) {
                case "granted":
                  return Effect.undefined;
                case "retry":
                  return Effect.succeed(value);
                case "conflict":
                  return Effect.fail(new IdempotencyConflict());
                case "full":
                  return Effect.fail(tooManyOpen(mostOpen ?? 0, Duration.millis(Number(value))));
                case "exceeded":
                  return Effect.fail(quotaExceeded(limits.daily, Number(value)));
                case "caller exceeded":
                  return Effect.fail(
                    new QuotaExceeded({ caller: bytesPerSubject ?? 0, retryAfter: Number(value) }),
                  );
              }
            },
          );
          // A retry without the memory of the first request would get another object.
          return retry === undefined ? orElse(decision, spare?.countUpload(asked)) : decision;
        },
        replaceMemory: ({ organization, retry, memory }) => {
          const [, key] = keysFor({ organization, retry });
          return Effect.map(
            decide(() => redis.replaceMemory([key], [retry.memory, memory])),
            (kept) => kept ?? undefined,
          );
        },
        uncountUpload: (upload) => {
          const { size, objects = 1, retry, multipart } = upload;
          const values = [size, objects, retry?.memory ?? "", multipart?.key ?? ""];
          // The upload may have been counted here or there.
          return Effect.andThen(
            Effect.ignore(decide(() => redis.takeBackUpload(keysFor(upload, withOwn), values))),
            spare?.uncountUpload(upload) ?? Effect.void,
          );
        },
        endMultipart: (upload) => {
          if (mostOpen === undefined) return Effect.void;
          const [, , key] = keysFor(upload);
          return Effect.andThen(
            Effect.ignore(decide(() => redis.remove(key, upload.key))),
            spare?.endMultipart(upload) ?? Effect.void,
          );
        },
      });
    }),
  );

type Counted = ReturnType<Limiter["Service"]["countUpload"]>;

/**
 * The keys of an organization's quota, of an idempotency key, of the open uploads, and of a
 * caller's quota.
 */
function keysFor(
  { organization, retry, caller }: Pick<UploadToCount, "organization"> & Partial<UploadToCount>,
  withOwn = false,
) {
  const tag = `valetkey:{organization ${organization}}`;
  const retryName = retry === undefined ? "" : digest([...retry.caller, retry.key]);
  const callerName = withOwn && caller ? digest([caller.kind, caller.subject]) : "";
  return [
    `${tag}:granted`,
    `${tag}:retry:${retryName}`,
    `${tag}:multipart`,
    `${tag}:granted:${callerName}`,
  ] as const;
}

/** The facts of the first request that the script remembers. */
const remembered = (retry: RetriedUpload | undefined): ReadonlyArray<string | number> =>
  retry === undefined
    ? ["", "", 0]
    : [digest([retry.request]), retry.memory, wholeMillis(retry.lifetime)];

const wholeMillis = (duration: Duration.Duration) => Math.ceil(Duration.toMillis(duration));

/** Uses the other decision, if there is one, where Redis could not decide. */
const orElse = <A, E>(
  decision: Effect.Effect<A, E | LimitsUnavailable>,
  other: Effect.Effect<A, E | LimitsUnavailable> | undefined,
) =>
  other === undefined
    ? decision
    : Effect.catchIf(
        decision,
        (error) => error instanceof LimitsUnavailable,
        () => other,
      );
