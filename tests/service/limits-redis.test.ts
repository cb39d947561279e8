import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { need } from "../support/need.ts";
import { type Redis, startGuardedRedis, startRedis, startRedisCluster } from "../support/redis.ts";
import type { ServiceProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import {
  type Answer,
  askAgain,
  counted,
  decided,
  expectGranted,
  path,
  PLENTY,
  presign,
  sendAll,
  start,
  startUncounted,
  stopping,
  tally,
} from "./over-redis.ts";

// What the limiter counts in Redis is tried in contract/limiter.test.ts: these are processes.

await need("runtimes");

/** By the times of its log, since a busy machine takes many minutes. */
function expectSaidAtMostOnceAMinute(service: ServiceProcess): void {
  const lines = service.output().split("\n");
  const said = lines.filter((line) => line.includes("Redis cannot be used"));
  const times = said.map((line) => Date.parse(JSON.parse(line).time));
  expect(times.length).toBeGreaterThan(0);
  for (const [index, time] of times.slice(1).entries())
    expect(time - (times[index] ?? 0)).toBeGreaterThan(30_000);
}

const stopAll = () => Promise.all(stopping.splice(0).map((stop) => stop()));

describe.skipIf(path === "").each([
  ["one Redis", startRedis],
  ["a cluster of three nodes", startRedisCluster],
  ["a Redis with TLS of a private authority and a user of few rights", startGuardedRedis],
] as const)("over %s", (_, startKind) => {
  it("requests are allowed or refused, as configured, until Redis is back after a crash", async () => {
    const redis = await startKind({ path });
    const env = { LIMIT_REQUESTS_PER_SUBJECT: PLENTY, LIMIT_OBJECTS_PER_DAY: "3" };
    const [allowing, refusing] = await Promise.all([
      startUncounted(redis, { ...env, LIMITS_ON_FAILURE: "allow" }),
      start(redis, { ...env, LIMITS_ON_FAILURE: "refuse" }),
    ]);
    const modes = [
      { service: allowing, uncounted: "200" },
      { service: refusing, uncounted: "503 LIMITS_UNAVAILABLE" },
    ];
    const readiness = (state: string, status: string) =>
      until(`limits that are ${state}`, async () => {
        const answer = await fetch(`${allowing.address}/readyz`);
        expect(answer.status).toBe(200);
        const { status: whole, parts } = await answer.json();
        return parts.limits.state === state && whole === status;
      });
    await readiness("ok", "ready");
    const traffic = modes.map(({ service }) => keepAsking(service));
    const answered = (more: number) => Promise.all(traffic.map((of) => of.answered(more)));
    try {
      await answered(50);
      await redis.kill();
      await answered(200);
      await readiness("failing", "degraded");
      for (const { service, uncounted } of modes) {
        const down = await presign(service);
        expect(tally([down])).toEqual({ [uncounted]: 1 });
        if (down.status === 503) expect(down.headers.get("Retry-After")).toMatch(/^[1-9]\d*$/);
      }
      // Each process goes on to count what it lets through.
      for (const status of [200, 200, 429]) {
        expect((await presign(allowing)).status).toBe(status);
      }
      await redis.restart();
      await counted(refusing);
      await answered(50);
      await readiness("ok", "ready");
    } finally {
      await Promise.all(traffic.map((of) => of.stop()));
    }
    for (const [index, { service, uncounted }] of modes.entries()) {
      // Some were counted and some were not; none met anything else.
      const met = Object.keys(tally(traffic[index]?.answers ?? []));
      expect(new Set(met)).toEqual(new Set(["200", uncounted]));
      expectSaidAtMostOnceAMinute(service);
    }
    // Again where Redis answered one of them too late.
    await until("a quota that both count together", async () => {
      const organization = crypto.randomUUID();
      const answers = await sendAll({ total: 4, clients: 1 }, (index) =>
        presign(index % 2 === 0 ? allowing : refusing, { organization }),
      );
      return answers.map(({ status }) => status).join() === "200,200,200,429";
    });
    await stopAll();
    await redis.stop();
  });
});

/** Asks one service again and again, from several clients, each time in another organization. */
function keepAsking(service: ServiceProcess) {
  const answers: Array<Answer> = [];
  const done = new AbortController();
  const clients = Array.from({ length: 8 }, async () => {
    while (!done.signal.aborted) {
      answers.push(await presign(service, { organization: crypto.randomUUID() }));
    }
  });
  return {
    answers,
    /** Waits for so many further answers. */
    answered: (more: number) => {
      const enough = answers.length + more;
      return until("the answers", () => answers.length >= enough);
    },
    stop: () => {
      done.abort();
      return Promise.all(clients);
    },
  };
}

describe.skipIf(path === "")("one Redis", () => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await startRedis({ path });
  });
  afterAll(() => redis.stop());
  afterEach(async () => {
    await stopAll();
    await redis.ask("FLUSHALL");
  });

  it("lets one caller of two processes make no more requests than its limit, 64 at once", async () => {
    const env = { LIMIT_REQUESTS_PER_SUBJECT: "100 per day", LIMITS_ON_FAILURE: "refuse" };
    const services = await Promise.all([start(redis, env), start(redis, env)]);
    const answers = await sendAll({ total: 250, clients: 64 }, (index) =>
      askAgain(services[index % 2 === 0 ? 0 : 1], { organization: `org-${index % 20}` }),
    );
    expectGranted(answers, 100, "429 RATE_LIMITED");
    for (const { status, headers } of answers) {
      if (status !== 429) continue;
      // One of 100 a day comes back every 864 seconds.
      const retryAfter = Number(headers.get("Retry-After"));
      expect(retryAfter).toBeGreaterThan(0);
      expect(retryAfter).toBeLessThanOrEqual(864);
      expect(headers.get("RateLimit-Policy")).toBe('"subject";q=100;w=86400');
      expect(headers.get("RateLimit")).toMatch(/^"subject";r=0;t=\d+$/);
    }
    const { status } = await decided(services[0], { token: services[0].serviceToken });
    expect(status, "another caller").toBe(200);
  });

  it("that starts after the service is used once it answers", async () => {
    await redis.kill();
    const env = { LIMIT_REQUESTS_PER_SUBJECT: PLENTY, LIMITS_ON_FAILURE: "refuse" };
    const service = await startUncounted(redis, env);
    const { status } = await presign(service);
    await redis.restart();
    expect(status).toBe(503);
    await counted(service);
    expect(await service.stop()).toBe(0);
  });

  it("that never starts does not keep the service from stopping", async () => {
    const nowhere = { env: { REDIS_URL: `redis://127.0.0.1:${await freePort()}` } };
    const service = await startUncounted(nowhere, { LIMIT_REQUESTS_PER_SUBJECT: PLENTY });
    expect((await presign(service)).status).toBe(200);
    expect(await service.stop()).toBe(0);
  });

  it.each(["deno", "bun"] as const)("counts what %s serves", async (runtime) => {
    const env = { LIMIT_REQUESTS_PER_SUBJECT: "20 per day", LIMITS_ON_FAILURE: "refuse" };
    const services = await Promise.all([start(redis, env, runtime), start(redis, env)]);
    const answers = await sendAll({ total: 60, clients: 6 }, (index) =>
      askAgain(services[index % 2 === 0 ? 0 : 1]),
    );
    expectGranted(answers, 20, "429 RATE_LIMITED");
    expect((await decided(services[0])).body.code).toBe("RATE_LIMITED");
  });
});

it.skipIf(path === "")(
  "a Redis that writes to its disk still knows after a crash what was counted",
  async () => {
    const redis = await startRedis({ path, isPersistent: true });
    const service = await start(redis, { LIMIT_OBJECTS_PER_DAY: "1", LIMITS_ON_FAILURE: "refuse" });
    await decided(service);
    await redis.kill();
    await redis.restart();
    await counted(service);
    expect((await decided(service)).body.code).toBe("QUOTA_EXCEEDED");
    await stopAll();
    await redis.stop();
  },
);

it.skipIf(path === "")("a cluster that was not configured as one is named in the log", async () => {
  const redis = await startRedisCluster({ path });
  const limits = { LIMIT_REQUESTS_PER_ORGANIZATION: PLENTY };
  // Again where what it had to say first, and only says once, was that a node was too slow.
  await until("the hint", async () => {
    const service = await startUncounted({ env: { REDIS_URL: redis.urls[0] } }, limits);
    // Names of which at least one is not this node's to count.
    await sendAll({ total: 40, clients: 4 }, (index) =>
      presign(service, { organization: `org-${index}` }),
    );
    await service.stop();
    expectSaidAtMostOnceAMinute(service);
    return /Redis cannot be used.*MOVED.*set REDIS_CLUSTER=on/.test(service.output());
  });
  await redis.stop();
});
