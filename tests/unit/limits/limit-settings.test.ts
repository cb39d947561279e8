import * as Result from "effect/Result";
import { expect, it } from "vitest";
import { read as readRedis } from "../../../adapters/redis/settings.ts";
import { read as readLimits } from "../../../adapters/limits/settings.ts";
import { type Env, variables } from "../../../adapters/settings/source.ts";

it.each<[Env, boolean]>([
  [{}, false],
  [{ LIMIT_REQUESTS_PER_SUBJECT: "1 per minute" }, true],
  [{ LIMIT_REQUESTS_PER_ORGANIZATION: "1 per minute" }, true],
  [{ LIMIT_BYTES_PER_DAY: "1 GiB" }, true],
  [{ LIMIT_BYTES_PER_SUBJECT_PER_DAY: "1 GiB" }, true],
  [{ LIMIT_OBJECTS_PER_DAY: "1" }, true],
])("with %j a service of one process has limits: %s", (env, isLimited) => {
  const limits = Result.getOrThrow(readLimits(variables(env)));
  expect(limits).toMatchObject({ isLimited, refusesOnFailure: false, replicas: 1 });
});

const ONE = { REDIS_URL: "redis://127.0.0.1:6379" };
const TWO = { REDIS_URL: "redis://127.0.0.1:6379,redis://127.0.0.1:6380" };
const CLUSTER = { REDIS_CLUSTER: "on" };
const SENTINELS = { REDIS_SENTINELS: "redis://127.0.0.1:26379,redis://127.0.0.1:26380" };
const CA = { REDIS_CA_FILE: "/no/such/file.pem" };

it.each<[Env, ...ReadonlyArray<string>]>([
  [{}],
  [ONE],
  [{ ...TWO, ...CLUSTER }],
  [{ ...ONE, ...CLUSTER }],
  [{ ...ONE, ...SENTINELS }],
  [SENTINELS, "REDIS_URL"],
  [{ ...TWO, ...SENTINELS }, "REDIS_URL"],
  [{ ...ONE, ...CLUSTER, ...SENTINELS }, "REDIS_SENTINELS"],
  [{ ...ONE, ...CA }, "REDIS_CA_FILE"],
  [{ REDIS_URL: "rediss://127.0.0.1", ...CA }, "REDIS_CA_FILE"],
])("of %j what does not go together is named: %s", (env, ...faults) => {
  const read = readRedis(variables(env));
  const found = Result.isFailure(read) ? read.failure : [];
  expect(found.map(({ setting }) => setting.variable)).toEqual(faults);
});
