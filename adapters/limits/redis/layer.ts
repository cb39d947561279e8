import { createHash } from "node:crypto";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { cachedFor } from "../../../application/resilience/cached.ts";
import { Limiter, type UploadToCount } from "../../../application/ports/limiter.ts";
import { quotaExceeded } from "../../../domain/daily-quota.ts";
import { LimitsUnavailable, QuotaExceeded } from "../../../domain/errors.ts";
import { allowanceFrom } from "../../../domain/token-bucket.ts";
import type { SharedLimiter } from "../layer.ts";
import { breaker } from "../../redis/breaker.ts";
import { connect, connectOnce } from "../../redis/connection.ts";
import type { RedisSettings } from "../../redis/settings.ts";
import { takeBackUpload, takeRequest, takeUpload } from "./scripts.ts";

export const SCRIPTS = { takeRequest, takeUpload, takeBackUpload };

/** Counts in Redis. While it does not answer, `spare` counts; without one, requests are refused. */
export const connectLimiter = Effect.fnUntraced(function* (
  settings: RedisSettings,
  { limits, spare }: Parameters<SharedLimiter>[0],
): Effect.fn.Return<Limiter["Service"], never, Scope.Scope> {
  const redis = yield* connect(settings, SCRIPTS);
  const protect = breaker(50, (reason) => new LimitsUnavailable({ reason }));
  let lastReason = "";
  const warn = yield* cachedFor(
    Effect.suspend(() => Effect.logWarning(`Redis cannot be used, so ${lastReason}`)),
    "1 minute",
  );
  const { bytes, objects, bytesPerSubject } = limits.daily;
  const mostOf = ({ caller }: UploadToCount) => caller.bytesPerDay ?? bytesPerSubject;
  const hasQuota = (upload: UploadToCount) => (bytes ?? objects ?? mostOf(upload)) !== undefined;
  const outcome = spare === undefined ? "requests are refused" : "each process counts by itself";
  const decide = <A>(command: (client: typeof redis) => Promise<A>) =>
    // A command that could not be sent in time is never sent later.
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
      const rate = { count: limit.count, milliseconds: Duration.toMillis(limit.window) };
      const decision = Effect.flatMap(
        decide((client) => client.takeRequest([key], rate)),
        ([isAllowed, ...rest]) => {
          const [remaining, retryAfter, resetAfter] = rest;
          const taken = { isAllowed: isAllowed === 1, remaining, retryAfter, resetAfter };
          return allowanceFrom(limited, limit, taken);
        },
      );
      return orElse(decision, spare?.countRequest(limited, name));
    },
    countUpload: (upload) => {
      if (!hasQuota(upload)) return Effect.void;
      const { size, objects: count = 1 } = upload;
      const most = mostOf(upload);
      const input = { size, count, quota: { bytes, objects, bytesPerSubject: most } };
      const decision = Effect.flatMap(
        decide((client) => client.takeUpload(keysFor(upload), input)),
        ([outcome, retryAfter]): Counted => {
          switch (outcome) {
            case "granted":
              return Effect.void;
            case "exceeded":
              return Effect.fail(quotaExceeded(limits.daily, retryAfter));
            case "caller exceeded":
              return Effect.fail(new QuotaExceeded({ caller: most ?? 0, retryAfter }));
          }
        },
      );
      return orElse(decision, spare?.countUpload(upload));
    },
    uncountUpload: (upload) => {
      if (!hasQuota(upload)) return Effect.void;
      const { size, objects: count = 1 } = upload;
      const input = { size, count, hasCallerQuota: mostOf(upload) !== undefined };
      // Redis or `spare` may have counted the upload.
      return Effect.andThen(
        Effect.ignore(decide((client) => client.takeBackUpload(keysFor(upload), input))),
        spare?.uncountUpload(upload) ?? Effect.void,
      );
    },
  });
});

/** Makes a write that counts nothing: a full Redis or a replica answers, and takes no writes. */
export const probe = (client: {
  readonly takeRequest: (
    keys: [string],
    rate: { count: number; milliseconds: number },
  ) => Promise<unknown>;
}) => client.takeRequest(["valetkey:{probe}:requests"], { count: 1000, milliseconds: 1000 });

export const reach = (settings: RedisSettings) => connectOnce(settings, SCRIPTS, probe);

type Counted = ReturnType<Limiter["Service"]["countUpload"]>;

function keysFor({ organization, caller: { kind, subject } }: UploadToCount) {
  const key = `valetkey:{organization ${organization}}:granted`;
  return [key, `${key}:${digest([kind, subject])}`] as const;
}

const digest = (parts: ReadonlyArray<string>): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url");

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
