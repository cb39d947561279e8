import { redisLedger, redisLimiter } from "../limits/redis/limiter.ts";
import * as adapter from "../redis/settings.ts";
import { SharedCount } from "./arguments.ts";
import { readOptions } from "./options.ts";

/**
 * Makes the shared counter for `limits.countIn`, in a Redis. The package `@redis/client` has to be
 * installed. Throws a `TypeError` for wrong options.
 */
export function redis(options: {
  /** `redis:` or `rediss:`, with the password; one or more for a cluster. */
  readonly url: string | ReadonlyArray<string>;
  /** True for a cluster. */
  readonly cluster?: boolean | undefined;
  /** URLs of the Sentinels that know the master, whose name replaces the host in `url`. */
  readonly sentinels?: string | ReadonlyArray<string> | undefined;
  /** The path of a file with the certificates that sign Redis's. */
  readonly caFile?: string | undefined;
}): SharedCount {
  const values = readOptions("redis()", options, adapter);
  if (values === undefined) throw new TypeError("redis() cannot be made: url must be set");
  return new SharedCount({ limiter: redisLimiter(values), ledger: redisLedger(values) });
}
