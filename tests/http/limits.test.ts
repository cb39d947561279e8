import * as Duration from "effect/Duration";
import { expect, it } from "vitest";
import { PRESIGN, presignInit, SERVICE_TOKEN, startService } from "./service.ts";

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
  // A request for an organization that does not exist counts for its caller.
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
