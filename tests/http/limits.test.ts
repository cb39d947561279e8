import * as Duration from "effect/Duration";
import { expect, it, onTestFinished, vi } from "vitest";
import { as, embedded, PRESIGN, SERVICE_TOKEN, startService, TOKEN } from "./service.ts";

const fileOf = (size: number) => ({ filename: "a.png", content_type: "image/png", size });
const HOUR = Duration.hours(1);

it("answers say what is left of each limit, and a 429 says when to retry", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  const { send } = await startService({
    limits: {
      requests: { subject: { count: 2, window: HOUR }, organization: { count: 3, window: HOUR } },
      daily: {},
    },
  });
  const ask = (token = TOKEN, path = PRESIGN, body: unknown = fileOf(5)) =>
    send(path, body, as(token));
  const first = await ask();
  expect(first.status).toBe(200);
  expect(first.headers.get("ratelimit-policy")).toBe(
    '"subject";q=2;w=3600, "organization";q=3;w=3600',
  );
  expect(first.headers.get("ratelimit")).toBe('"subject";r=1;t=1800, "organization";r=2;t=1200');
  // A request for an organization that does not exist counts for its caller.
  expect((await ask(undefined, PRESIGN.replace("acme", "globex"))).status).toBe(404);
  const third = await ask();
  expect([third.status, third.body.code]).toEqual([429, "RATE_LIMITED"]);
  expect(third.headers.get("ratelimit-policy")).toBe('"subject";q=2;w=3600');
  expect(third.headers.get("ratelimit")).toBe('"subject";r=0;t=3600');
  expect(third.headers.get("retry-after")).toBe("1800");
  // Another caller has requests of its own, and shares those of the organization.
  const shared = await ask(SERVICE_TOKEN);
  expect(shared.headers.get("ratelimit")).toMatch(/^"subject";r=1;t=\d+, "organization";r=1;/);
  // One that is refused for its body counts too, and says so.
  const bad = await ask(SERVICE_TOKEN, PRESIGN, "{");
  expect([bad.status, bad.headers.get("ratelimit")?.slice(0, 13)]).toEqual([400, '"subject";r=0']);
});

it("the bytes of a caller count in every way to upload, and those of others do not", async () => {
  const { send } = await startService({
    storage: embedded().layer,
    limits: { requests: {}, daily: { bytesPerSubject: 100 } },
  });
  const ask = (path: string, body: object, token = TOKEN) =>
    send(PRESIGN.replace("presign", path), body, as(token));
  const ways: ReadonlyArray<readonly [path: string, body: object]> = [
    ["presign", fileOf(10)],
    ["batch", { files: [fileOf(10), fileOf(10)] }],
    ["multipart", fileOf(70)],
  ];
  for (const [path, body] of ways) expect((await ask(path, body)).status).toBe(200);
  for (const [path, body] of ways) {
    const refused = await ask(path, body);
    expect([refused.status, refused.body.code]).toEqual([429, "QUOTA_EXCEEDED"]);
    expect(refused.body.limits).toEqual({ caller: 100 });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  }
  expect((await ask("presign", fileOf(100), SERVICE_TOKEN)).status).toBe(200);
});
