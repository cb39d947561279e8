import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { identity } from "effect/Function";
import * as Layer from "effect/Layer";
import * as Metric from "effect/Metric";
import { createHash } from "node:crypto";
import { Limiter, LimitsUnavailable, type RetriedUpload } from "../../application/ports/limiter.ts";
import { quotaExceeded } from "../../domain/daily-quota.ts";
import { IdempotencyConflict } from "../../domain/errors.ts";
import type { Limits } from "../../domain/limits.ts";
import { allowanceOf } from "../../domain/token-bucket.ts";
import { breaker } from "./breaker.ts";
import { connect } from "./connection.ts";
import type { RedisSettings } from "./settings.ts";

/** How many decisions were not counted, because Redis did not answer. */
export const failures = Metric.counter("valetkey_limits_failures_total", {
  description: "Decisions about limits that could not be made",
});

/** How often the log says that nothing is counted, in milliseconds. */
const SILENCE = 60_000;

/** Counts in Redis, for all processes that count there. */
export const layer = (
  settings: RedisSettings,
  { limits, refusesOnFailure }: { readonly limits: Limits; readonly refusesOnFailure: boolean },
): Layer.Layer<Limiter> =>
  Layer.effect(
    Limiter,
    Effect.gen(function* () {
      const redis = yield* connect(settings);
      const protect = breaker();
      let saidAt = -Infinity;

      const noted = <A>(decision: Effect.Effect<A, LimitsUnavailable>) =>
        Effect.tapError(decision, ({ reason }) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => {
            const counted = Metric.update(failures, 1);
            if (now - saidAt < SILENCE) return counted;
            saidAt = now;
            const outcome = refusesOnFailure ? "are refused" : "are not limited";
            return Effect.andThen(
              counted,
              Effect.logWarning(`Redis does not count, and requests ${outcome}: ${reason}`),
            );
          }),
        );
      const settle = refusesOnFailure ? identity : orAllow;

      return Limiter.of({
        countRequest: (of, name) => {
          const limit = limits.requests[of];
          if (limit === undefined) return Effect.undefined;
          const { count, window } = limit;
          const key = `valetkey:{${of} ${digest([name])}}:requests`;
          const decision = noted(
            protect(() => redis.takeRequest([key], [count, Duration.toMillis(window)])),
          ).pipe(
            Effect.flatMap(([isAllowed, remaining, retryAfter, resetAfter]) =>
              allowanceOf(of, limit, {
                isAllowed: isAllowed === 1,
                remaining,
                retryAfter,
                resetAfter,
              }),
            ),
          );
          return settle(decision);
        },
        countUpload: ({ organization, size, retry }) => {
          const { bytes, objects } = limits.daily;
          if (bytes === undefined && objects === undefined && retry === undefined) {
            return Effect.undefined;
          }
          const tag = `valetkey:{organization ${organization}}`;
          const decision = noted(
            protect(() =>
              redis.takeUpload(
                [`${tag}:granted`, `${tag}:retry:${digest(retry?.name ?? [])}`],
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
          // Another object for a retry would be worse than to be asked once more.
          return retry === undefined ? settle(decision) : decision;
        },
      });
    }),
  );

type Counted = ReturnType<Limiter["Service"]["countUpload"]>;

/** What a script remembers of an upload. */
const remembered = (retry: RetriedUpload | undefined): ReadonlyArray<string | number> =>
  retry === undefined
    ? ["", "", 0]
    : [digest([retry.request]), retry.memory, Math.ceil(Duration.toMillis(retry.lifetime))];

/** Lets a request pass that could not be counted. */
const orAllow = <A, E>(
  decision: Effect.Effect<A, E | LimitsUnavailable>,
): Effect.Effect<A | undefined, E | LimitsUnavailable> =>
  Effect.catchIf(decision, isUnavailable, () => Effect.undefined);

const isUnavailable = (error: unknown): error is LimitsUnavailable =>
  error instanceof LimitsUnavailable;

/** Of equal length for all names, and of nothing that could be read in Redis. */
const digest = (parts: ReadonlyArray<string>): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
