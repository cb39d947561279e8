import * as Result from "effect/Result";
import { expect, it } from "vitest";
import { read as readRedis } from "../../../adapters/redis/settings.ts";
import { read as readLimits } from "../../../adapters/limits/settings.ts";
import { type Env, variables } from "../../../adapters/settings/source.ts";

const limits = (env: Env) => Result.getOrThrow(readLimits(variables(env)));

it("the limits count for one process and limit no requests, unless they are set", () => {
  expect(limits({})).toEqual({
    limits: {
      requests: { subject: undefined, organization: undefined },
      daily: { bytes: undefined, objects: undefined, bytesPerSubject: undefined },
    },
    isLimited: false,
    refusesOnFailure: false,
    replicas: 1,
    failedAuthentications: undefined,
  });
});

it.each([
  ["LIMIT_REQUESTS_PER_SUBJECT", "1 per minute"],
  ["LIMIT_REQUESTS_PER_ORGANIZATION", "1 per minute"],
  ["LIMIT_BYTES_PER_DAY", "1 GiB"],
  ["LIMIT_BYTES_PER_SUBJECT_PER_DAY", "1 GiB"],
  ["LIMIT_OBJECTS_PER_DAY", "1"],
])("the limits are on where %s is set", (name, value) => {
  expect(limits({ [name]: value }).isLimited).toBe(true);
});

const ONE = { REDIS_URL: "redis://127.0.0.1:6379" };
const TWO = { REDIS_URL: "redis://127.0.0.1:6379,redis://127.0.0.1:6380" };
const CLUSTER = { REDIS_CLUSTER: "on" };
const SENTINELS = { REDIS_SENTINELS: "redis://127.0.0.1:26379,redis://127.0.0.1:26380" };
const CA = { REDIS_CA_FILE: "/no/such/file.pem" };

/** The variables at fault of the settings of a Redis. */
const faultsOf = (env: Env): ReadonlyArray<string> => {
  const read = readRedis(variables(env));
  return Result.isFailure(read) ? read.failure.map(({ setting }) => setting.variable) : [];
};

it.each<Env>([{}, ONE, { ...TWO, ...CLUSTER }, { ...ONE, ...CLUSTER }, { ...ONE, ...SENTINELS }])(
  "%j go together",
  (env) => {
    expect(faultsOf(env)).toEqual([]);
  },
);

it.each<{ readonly env: Env; readonly fault: string }>([
  { env: SENTINELS, fault: "REDIS_URL" },
  { env: { ...TWO, ...SENTINELS }, fault: "REDIS_URL" },
  { env: { ...ONE, ...CLUSTER, ...SENTINELS }, fault: "REDIS_SENTINELS" },
  { env: { ...ONE, ...CA }, fault: "REDIS_CA_FILE" },
  { env: { REDIS_URL: "rediss://127.0.0.1", ...CA }, fault: "REDIS_CA_FILE" },
])("$env do not go together, and $fault is named", ({ env, fault }) => {
  expect(faultsOf(env)).toEqual([fault]);
});
