import { afterEach, describe, expect, it } from "vitest";
import { need } from "../support/need.ts";
import { type Redis, startRedis } from "../support/redis.ts";
import {
  counted,
  decided,
  expectGranted,
  path,
  PLENTY,
  askAgain,
  promisesOver,
  sendAll,
  start,
  stopping,
} from "./over-redis.ts";

await need("runtimes");

describe.skipIf(path === "")("over one Redis", () => void promisesOver(startRedis));

describe.skipIf(path === "")("one Redis", () => {
  let redis: Redis | undefined;
  afterEach(async () => {
    await Promise.all(stopping.splice(0).map((stop) => stop()));
    await redis?.stop();
  });

  it.each(["deno", "bun"] as const)("counts what %s serves", async (runtime) => {
    redis = await startRedis({ path });
    const env = { LIMIT_REQUESTS_PER_SUBJECT: "20 per day", LIMITS_ON_FAILURE: "refuse" };
    const services = await Promise.all([start(redis, env, runtime), start(redis, env)]);
    const answers = await sendAll({ total: 60, clients: 6 }, (index) =>
      askAgain(services[index % 2 === 0 ? 0 : 1]),
    );
    expectGranted(answers, 20, "429 RATE_LIMITED");
    expect((await decided(services[0])).body.code).toBe("RATE_LIMITED");
  });

  it("that writes to its disk repeats an upload after a crash", async () => {
    redis = await startRedis({ path, isPersistent: true });
    const service = await start(redis, { LIMIT_REQUESTS_PER_SUBJECT: PLENTY });
    const first = await decided(service, { idempotencyKey: "three" });
    await redis.kill();
    await redis.restart();
    await counted(service);
    const again = await decided(service, { idempotencyKey: "three" });
    expect(again.status).toBe(200);
    expect(again.body.key).toBe(first.body.key);
  });
});
