import { describe } from "vitest";
import { startGuardedRedis } from "../support/redis.ts";
import { path, promisesOver } from "./over-redis.ts";

describe.skipIf(path === "")(
  "over a Redis with TLS of a private authority and a user of few rights",
  () => void promisesOver(startGuardedRedis),
);
