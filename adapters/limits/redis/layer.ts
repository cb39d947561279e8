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

/** How many decisions were not counted, because Redis did not answer. */
const failures = Metric.counter("valetkey_limits_failures_total", {
  description: "Decisions about limits that could not be made",
});

/** How often the log says that nothing is counted, in milliseconds. */
const SILENCE = 60_000;

/**
 * Counts in Redis, for all processes that count there. While it does not answer `spare` counts,
 * or without one requests are refused.
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
      let saidAt = -Infinity;

      const noted = <A>(decision: Effect.Effect<A, LimitsUnavailable>) =>
        Effect.tapError(decision, ({ reason }) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => {
            const counted = Metric.update(failures, 1);
            if (now - saidAt < SILENCE) return counted;
            saidAt = now;
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
          return orElse(decision, spare?.countRequest(of, name));
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
          // Another object for a retry would be worse than to be asked once more.
          return retry === undefined
            ? orElse(decision, spare?.countUpload({ organization, size }))
            : decision;
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

/** Decides otherwise where a decision could not be made, if there is another way. */
const orElse = <A, E>(
  decision: Effect.Effect<A, E | LimitsUnavailable>,
  other: Effect.Effect<A, E | LimitsUnavailable> | undefined,
): Effect.Effect<A, E | LimitsUnavailable> =>
  other === undefined ? decision : Effect.catchIf(decision, isUnavailable, () => other);

const isUnavailable = (error: unknown): error is LimitsUnavailable =>
  error instanceof LimitsUnavailable;

/** Of equal length for all names, and of nothing that could be read in Redis. */
const digest = (parts: ReadonlyArray<string>): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
