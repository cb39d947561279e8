import * as Effect from "effect/Effect";
import { readCount } from "../../service/usage.ts";
import type { Env } from "../../settings/source.ts";
import { orFail } from "./configuration.ts";

/** Lets the work of a command count where services do, if that is in Redis. */
export function usageOrFail(env: Env) {
  const { isShared, counting } = orFail(readCount(env), "The command cannot run", env);
  return <A, E, R>(work: Effect.Effect<A, E, R>) =>
    isShared ? Effect.provide(work, counting) : work;
}
