import { redisLimiter } from "../limits/redis/limiter.ts";
import { read, settings } from "../limits/redis/settings.ts";
import { SharedCount } from "./opaque.ts";
import { envOf, orThrow } from "./options.ts";

const names = { url: settings.urls, cluster: settings.cluster };

/**
 * A Redis in which several processes count together, for `limits.countIn`. The package
 * `@redis/client` has to be installed. Throws a `TypeError` for wrong options.
 */
export function redis(options: {
  /** `redis:` or `rediss:`, with the password; of a cluster one or more. */
  readonly url: string | ReadonlyArray<string>;
  /** Whether it is a cluster. */
  readonly cluster?: boolean | undefined;
}): SharedCount {
  const { env, faults } = envOf(options, names);
  const values = orThrow(read(env), { what: "redis()", settings: names, faults });
  if (values === undefined) throw new TypeError("redis() cannot be made: url is missing");
  return new SharedCount(redisLimiter(values));
}
