import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import type { RedisSettings } from "../../limits/redis/settings.ts";
import { neededBy } from "../../settings/needed-by.ts";
import { asked, ASKED_TIMEOUT } from "./asked.ts";
import { failed, type Findings, passed } from "./finding.ts";
import { problemOf } from "./unreachable.ts";

/** Whether the Redis answers in which processes count together. */
export const counter = (settings: RedisSettings): Effect.Effect<Findings> => {
  const hosts = Redacted.value(settings.urls).map((url) => new URL(url).host);
  const name = hosts.join(", ");
  return asked(async () => {
    const { reach } = await import("../../limits/redis/connection.ts").catch(
      neededBy("counting in Redis", "@redis/client"),
    );
    await reach(settings);
  }).pipe(
    Effect.match({
      onSuccess: () => [passed("redis", `${name} answers`)],
      onFailure: (failure) => {
        const isRefused = /^(?:NOAUTH|WRONGPASS|NOPERM)/.test(failure.reason);
        const [problem, mend] = isRefused
          ? [`refuses: ${failure.reason}`, "correct user and password in REDIS_URL"]
          : problemOf(failure, "REDIS_URL", ASKED_TIMEOUT);
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
