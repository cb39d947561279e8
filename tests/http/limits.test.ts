import * as Duration from "effect/Duration";
import { expect, it } from "vitest";
import { runToEnd, startProcess } from "../support/service-process.ts";
import { PRESIGN, presignInit, SERVICE_TOKEN, startService } from "./service.ts";
import { receiptKey } from "../support/receipt-key.ts";

const HOUR = Duration.hours(1);

it("answers say what is left of each limit, and a 429 says when to retry", async () => {
  const { request } = await startService({
    limits: {
      requests: { subject: { count: 2, window: HOUR }, organization: { count: 3, window: HOUR } },
      daily: {},
    },
  });
  const ask = async (token?: string, path = PRESIGN) => {
    const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const answer = await request(path, presignInit(undefined, authorization));
    const { headers, status } = answer;
    const { code } = await answer.json();
    return { status, code, headers };
  };
  const first = await ask();
  expect(first.status).toBe(200);
  expect(first.headers.get("ratelimit-policy")).toBe(
    '"subject";q=2;w=3600, "organization";q=3;w=3600',
  );
  expect(first.headers.get("ratelimit")).toBe('"subject";r=1;t=1800, "organization";r=2;t=1200');
  // A name that does not exist counts as a request of its caller.
  expect((await ask(undefined, PRESIGN.replace("acme", "globex"))).status).toBe(404);
  const third = await ask();
  expect([third.status, third.code]).toEqual([429, "RATE_LIMITED"]);
  expect(third.headers.get("ratelimit-policy")).toBe('"subject";q=2;w=3600');
  expect(third.headers.get("ratelimit")).toMatch(/^"subject";r=0;t=3(?:600|599)$/);
  expect(Number(third.headers.get("retry-after"))).toBeGreaterThan(1790);
  expect(Number(third.headers.get("retry-after"))).toBeLessThanOrEqual(1800);
  // Another caller has requests of its own, and shares those of the organization.
  for (const status of [200, 200]) expect((await ask(SERVICE_TOKEN)).status).toBe(status);
});

it("the requests of all members count for their organization", async () => {
  const { request } = await startService({
    limits: { requests: { organization: { count: 1, window: HOUR } }, daily: {} },
  });
  expect((await request(PRESIGN, presignInit())).status).toBe(200);
  const authorization = { Authorization: `Bearer ${SERVICE_TOKEN}` };
  const other = await request(PRESIGN, presignInit(undefined, authorization));
  expect(other.status).toBe(429);
  expect((await other.json()).detail).toContain("One organization may make 1 request in");
});

it("a service that others reach warns if it has no limits, and not if it has one", async () => {
  const env = {
    AUTH: "forward",
    FORWARD_AUTH_TRUSTED: "127.0.0.1",
    RECEIPT_KEYS: `test:${receiptKey("test").toString("base64")}`,
  };
  const outputs = [];
  for (const limit of [{}, { LIMIT_OBJECTS_PER_DAY: "10" }]) {
    const service = await startProcess({ ...env, ...limit });
    await service.stop();
    outputs.push(service.output().includes("no limits are configured"));
  }
  expect(outputs).toEqual([true, false]);
});

it("workers of one cluster do not start with limits and without Redis", async () => {
  const script = `
    const cluster = require("node:cluster");
    cluster.setupPrimary({ exec: "deploy/node.ts", execArgv: [] });
    cluster.fork().on("exit", (code) => process.exit(code));`;
  const env = { LIMIT_OBJECTS_PER_DAY: "10", STORAGE_LOCAL_DIR: "/nonexistent" };
  const { code, output } = await runToEnd(env, ["node", "-e", script]);
  expect(output).toContain("REDIS_URL must be set where several processes serve with limits");
  expect(code).toBe(78);
});
