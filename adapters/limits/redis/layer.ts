import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Metric from "effect/Metric";
import { createHash } from "node:crypto";
import { Limiter, type RetriedUpload } from "../../../application/ports/limiter.ts";
import { quotaExceeded } from "../../../domain/daily-quota.ts";
import { IdempotencyConflict, LimitsUnavailable } from "../../../domain/errors.ts";
import type { Limits } from "../../../domain/limits.ts";
import { allowanceOf } from "../../../domain/token-bucket.ts";
import { breaker } from "./breaker.ts";
import { connect } from "./connection.ts";
import type { RedisSettings } from "./settings.ts";

/** How many decisions could not be made, because Redis did not answer. */
const failures = Metric.counter("valetkey_limits_failures_total", {
  description: "Decisions about limits that could not be made",
});

/** How often this is logged at most, in milliseconds. */
const LOG_INTERVAL = 60_000;

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
      let loggedAt = -Infinity;

      const logged = <A>(decision: Effect.Effect<A, LimitsUnavailable>) =>
        Effect.tapError(decision, ({ reason }) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => {
            const counted = Metric.update(failures, 1);
            if (now - loggedAt < LOG_INTERVAL) return counted;
            loggedAt = now;
            const outcome =
              spare === undefined ? "requests are refused" : "each process counts by itself";
            return Effect.andThen(
              counted,
              Effect.logWarning(`Redis cannot be used, so ${outcome}: ${reason}`),
            );
          }),
        );
      return Limiter.of({
        check: protect(redis.ask),
        countRequest: (limited, name) => {
          const limit = limits.requests[limited];
          if (limit === undefined) return Effect.undefined;
          const { count, window } = limit;
          const key = `valetkey:{${limited} ${digest([name])}}:requests`;
          const decision = logged(
            protect(() => redis.takeRequest([key], [count, Duration.toMillis(window)])),
          ).pipe(
            Effect.flatMap(([isAllowed, remaining, retryAfter, resetAfter]) =>
              allowanceOf(limited, limit, {
                isAllowed: isAllowed === 1,
                remaining,
                retryAfter,
                resetAfter,
              }),
            ),
          );
          return orElse(decision, spare?.countRequest(limited, name));
        },
        countUpload: ({ organization, size, retry }) => {
          const { bytes, objects } = limits.daily;
          if (bytes === undefined && objects === undefined && retry === undefined) {
            return Effect.undefined;
          }
          const tag = `valetkey:{organization ${organization}}`;
          const decision = logged(
            protect(() =>
              redis.takeUpload(
                [
                  `${tag}:granted`,
                  `${tag}:retry:${retry === undefined ? "" : digest([...retry.caller, retry.key])}`,
                ],
                [size, bytes ?? "", objects ?? "", ...remembered(retry)],
              ),
            ),
          ).pipe(
            Effect.flatMap(([outcome, value]): Counted => {
              switch (outcome) {
                case "granted":
                  return Effect.undefined;
                case "retry":
                  return Effect.succeed(value);
                case "conflict":
                  return Effect.fail(new IdempotencyConflict());
                case "exceeded":
                  return Effect.fail(quotaExceeded(limits.daily, Number(value)));
              }
            }),
          );
          // A retry without the memory of the first request would get another object.
          return retry === undefined
            ? orElse(decision, spare?.countUpload({ organization, size }))
            : decision;
        },
      });
    }),
  );

type Counted = ReturnType<Limiter["Service"]["countUpload"]>;

/** What the script remembers of the first request. */
const remembered = (retry: RetriedUpload | undefined): ReadonlyArray<string | number> =>
  retry === undefined
    ? ["", "", 0]
    : [digest([retry.request]), retry.memory, Math.ceil(Duration.toMillis(retry.lifetime))];

/** Uses the other decision, if there is one, where Redis could not decide. */
const orElse = <A, E>(
  decision: Effect.Effect<A, E | LimitsUnavailable>,
  other: Effect.Effect<A, E | LimitsUnavailable> | undefined,
): Effect.Effect<A, E | LimitsUnavailable> =>
  other === undefined ? decision : Effect.catchIf(decision, isUnavailable, () => other);

const isUnavailable = (error: unknown): error is LimitsUnavailable =>
  error instanceof LimitsUnavailable;

/** A hash, so that Redis holds no names. */
const digest = (parts: ReadonlyArray<string>): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
