import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { cachedFor } from "../../../application/store/cached.ts";
import { Limiter, type UploadToCount } from "../../../application/ports/limiter.ts";
import { quotaExceeded } from "../../../domain/daily-quota.ts";
import { LimitsUnavailable, QuotaExceeded } from "../../../domain/errors.ts";
import { tooManyOpen } from "../../../domain/multipart.ts";
import { allowanceFrom } from "../../../domain/token-bucket.ts";
import { digest } from "../expiring.ts";
import type { LimiterWith } from "../layer.ts";
import { breaker } from "../../redis/breaker.ts";
import { connect, connectOnce } from "../../redis/connection.ts";
import type { RedisSettings } from "../../redis/settings.ts";
import { takeBackUpload, takeRequest, takeUpload } from "./scripts.ts";

export const SCRIPTS = { takeRequest, takeUpload, takeBackUpload };

/** Counts in Redis. While it does not answer, `spare` counts; without one, requests are refused. */
export const connectLimiter = Effect.fnUntraced(function* (
  settings: RedisSettings,
): Effect.fn.Return<LimiterWith, never, Scope.Scope> {
  const redis = yield* connect(settings, SCRIPTS);
  const protect = breaker(50, (reason) => new LimitsUnavailable({ reason }));
  let lastReason = "";
  const warn = yield* cachedFor(
    Effect.suspend(() => Effect.logWarning(`Redis cannot be used, so ${lastReason}`)),
    "1 minute",
  );
  return ({ limits, spare }) => {
    const mostOpen = limits.multipartUploads;
    const { bytes, objects, bytesPerSubject } = limits.daily;
    const hasQuota = (bytes ?? objects ?? bytesPerSubject) !== undefined;
    const withOwn = bytesPerSubject !== undefined;
    const outcome = spare === undefined ? "requests are refused" : "each process counts by itself";
    const decide = <A>(command: (client: typeof redis) => Promise<A>) =>
      // A command that could not be sent in time is never sent.
      Effect.tapError(
        protect((abortSignal) => command(redis.withCommandOptions({ abortSignal }))),
        ({ reason }) => {
          lastReason = `${outcome}: ${reason}`;
          return warn;
        },
      );
    return Limiter.of({
      check: protect((abortSignal) => probe(redis.withCommandOptions({ abortSignal }))),
      countRequest: (limited, name) => {
        const limit = limits.requests[limited];
        if (limit === undefined) return Effect.undefined;
        const key = `valetkey:{${limited} ${digest([name])}}:requests`;
        const given = { count: limit.count, milliseconds: Duration.toMillis(limit.window) };
        const decision = Effect.flatMap(
          decide((client) => client.takeRequest([key], given)),
          ([isAllowed, ...rest]) => {
            const [remaining, retryAfter, resetAfter] = rest;
            const taken = { isAllowed: isAllowed === 1, remaining, retryAfter, resetAfter };
            return allowanceFrom(limited, limit, taken);
          },
        );
        return orElse(decision, spare?.countRequest(limited, name));
      },
      countUpload: (asked) => {
        const { size, objects: count = 1 } = asked;
        const multipart = mostOpen === undefined ? undefined : asked.multipart;
        if (!hasQuota && multipart === undefined) return Effect.void;
        const given = {
          size,
          count,
          quota: limits.daily,
          multipart: multipart && {
            key: multipart.key,
            most: mostOpen ?? 0,
            milliseconds: wholeMillis(multipart.lifetime),
          },
        };
        const decision = Effect.flatMap(
          decide((client) => client.takeUpload(keysFor(asked, withOwn), given)),
          ([outcome, value]): Counted => {
            switch (outcome) {
              case "granted":
                return Effect.void;
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
        return orElse(decision, spare?.countUpload(asked));
      },
      uncountUpload: (upload) => {
        const { size, objects: count = 1, multipart } = upload;
        const given = { size, count, upload: multipart?.key };
        // The upload may have been counted here or there.
        return Effect.andThen(
          Effect.ignore(decide((client) => client.takeBackUpload(keysFor(upload, withOwn), given))),
          spare?.uncountUpload(upload) ?? Effect.void,
        );
      },
      endMultipart: (upload) => {
        if (mostOpen === undefined) return Effect.void;
        const [, key] = keysFor(upload);
        return Effect.andThen(
          Effect.ignore(decide((client) => client.zRem(key, upload.key))),
          spare?.endMultipart(upload) ?? Effect.void,
        );
      },
    });
  };
});

/** Counts for nobody: a Redis that is full, or a replica, answers and takes no writes. */
export const probe = (client: {
  readonly takeRequest: (
    keys: [string],
    given: { count: number; milliseconds: number },
  ) => Promise<unknown>;
}) => client.takeRequest(["valetkey:{probe}:requests"], { count: 1000, milliseconds: 1000 });

export const reach = (settings: RedisSettings) => connectOnce(settings, SCRIPTS, probe);

type Counted = ReturnType<Limiter["Service"]["countUpload"]>;

function keysFor(
  { organization, caller }: Pick<UploadToCount, "organization"> & Partial<UploadToCount>,
  withOwn = false,
) {
  const tag = `valetkey:{organization ${organization}}`;
  const callerName = withOwn && caller ? digest([caller.kind, caller.subject]) : "";
  return [`${tag}:granted`, `${tag}:multipart`, `${tag}:granted:${callerName}`] as const;
}

const wholeMillis = (duration: Duration.Duration) => Math.ceil(Duration.toMillis(duration));

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
