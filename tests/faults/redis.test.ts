import { afterAll, beforeAll, it } from "vitest";
import { need } from "../support/need.ts";
import { type Redis, startRedis } from "../support/redis.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { endure } from "./endure.ts";
import { COUNTED } from "./ledger.ts";
import { startToxiproxy, type Way } from "./toxiproxy.ts";

const path = (await need("redis")) ?? "";

let redis: Redis;
let way: Way;
let service: ServiceProcess;
beforeAll(async () => {
  redis = await startRedis({ path });
  const url = new URL(redis.urls[0]);
  way = await startToxiproxy(Number(url.port));
  url.port = String(way.port);
  service = await startProcess({
    REDIS_URL: url.href,
    LIMIT_REQUESTS_PER_SUBJECT: "1000000 per day",
    LIMIT_OBJECTS_PER_DAY: "1000000",
    LIMITS_ON_FAILURE: "refuse",
  });
});
afterAll(async () => {
  await service.stop();
  await way.end();
  await redis.stop();
});

it.each([
  { how: "is slow", begin: () => way.poison({ type: "latency", attributes: { latency: 20 } }) },
  {
    how: "is slower than a request waits",
    begin: () => way.poison({ type: "latency", attributes: { latency: 2000 } }),
    fails: true,
  },
  { how: "refuses connections", begin: () => way.open(false), fails: true },
  {
    how: "resets connections",
    begin: () => way.poison({ type: "reset_peer", attributes: { timeout: 0 } }),
    fails: true,
  },
  {
    how: "is half open",
    begin: () => way.poison({ type: "timeout", attributes: { timeout: 0 } }),
    fails: true,
  },
  {
    how: "cuts its answers",
    begin: () => way.poison({ type: "limit_data", attributes: { bytes: 3 } }),
    fails: true,
  },
])(
  "nothing is lost or answered wrongly while Redis $how",
  async ({ how, begin, fails = false }) => {
    await endure(() => service, {
      name: `Redis ${how}`,
      begin,
      end: way.heal,
      allowed: {},
      always: COUNTED,
      answers: { presign: 100 },
      shows: fails ? ["presign 503 LIMITS_UNAVAILABLE"] : [],
    });
  },
);
