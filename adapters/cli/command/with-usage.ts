import * as Effect from "effect/Effect";
import { Usage } from "../../../application/ports/usage.ts";
import { redisLedger } from "../../limits/redis/limiter.ts";
import * as limits from "../../limits/settings.ts";
import { counterIn } from "../../limits/usage/counter.ts";
import { readRedis } from "../../service/redis.ts";
import { joinReads } from "../../settings/setting.ts";
import { type Env, variables } from "../../settings/source.ts";
import { orFail } from "./configuration.ts";

/** Lets the work of a command count in Redis, if services do. What is in their memory it cannot reach. */
export function usageOrFail(env: Env) {
  const reads = joinReads({ counted: limits.read(variables(env)), shared: readRedis(env) });
  const { counted, shared } = orFail(reads, "The command cannot run", env);
  const { usage } = counted;
  return <A, E, R>(work: Effect.Effect<A, E, R>) =>
    usage === undefined || shared === undefined
      ? work
      : Effect.scoped(
          Effect.provideServiceEffect(
            work,
            Usage,
            Effect.map(redisLedger(shared), (ledger) => counterIn(ledger, usage)),
          ),
        );
}
