import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import type { RedisSettings } from "../../limits/redis/settings.ts";
import { neededBy } from "../../settings/needed-by.ts";
import { codeOf, messageOf } from "../../settings/thrown.ts";
import { failed, type Findings, passed } from "./finding.ts";
import { NoAnswer } from "./target.ts";
import { problemOf } from "./unreachable.ts";

/** Whether the Redis answers in which processes count together. */
export const counter = (settings: RedisSettings): Effect.Effect<Findings> => {
  const hosts = Redacted.value(settings.urls).map((url) => new URL(url).host);
  const name = hosts.join(", ");
  return Effect.tryPromise({
    try: async () => {
      const { reach } = await import("../../limits/redis/connection.ts").catch(
        neededBy("counting in Redis", "@redis/client"),
      );
      await reach(settings);
    },
    catch: (cause) => new NoAnswer({ reason: messageOf(cause), code: String(codeOf(cause)) }),
  }).pipe(
    Effect.timeoutOrElse({
      duration: "3 seconds",
      orElse: () => Effect.fail(new NoAnswer({ reason: "", code: "ETIMEDOUT" })),
    }),
    Effect.match({
      onSuccess: () => [passed("redis", `${name} answers`)],
      onFailure: (failure) => {
        const isRefused = /^(?:NOAUTH|WRONGPASS|NOPERM)/.test(failure.reason);
        const [problem, mend] = isRefused
          ? [`refuses: ${failure.reason}`, "correct user and password in REDIS_URL"]
          : problemOf(failure, "REDIS_URL");
        return [
          failed(
            "redis",
            `${name} ${problem}`,
            "Limits are counted by each process alone, and Idempotency-Keys are refused.",
            mend,
          ),
        ];
      },
    }),
  );
};
