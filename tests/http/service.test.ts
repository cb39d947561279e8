import { beforeAll, expect, it } from "vitest";
import { PRESIGN, presignInit, startService, storeOf, TOKEN } from "./service.ts";

let service: Awaited<ReturnType<typeof startService>>;
let started: number;
beforeAll(async () => {
  started = Date.now();
  service = await startService();
});

it("/healthz says alive while the store is down", async () => {
  const answer = await service.request("/healthz");
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ status: "alive" });
});

it("/readyz answers 200 and degraded while the store is down, with the reason and since when", async () => {
  const answer = await service.request("/readyz");
  expect(answer.status).toBe(200);
  const body = await answer.json();
  expect(body).toEqual({
    status: "degraded",
    parts: {
      signing: { state: "ok", since: expect.any(String) },
      store: {
        state: "failing",
        since: expect.any(String),
        reason: expect.stringMatching(/connect/i),
      },
      limits: { state: "ok", since: expect.any(String) },
    },
  });
  expect(Date.parse(body.parts.store.since)).toBeGreaterThanOrEqual(started);
  expect(Date.parse(body.parts.store.since)).toBeLessThanOrEqual(Date.now());
  expect((await service.request(PRESIGN, presignInit())).status).toBe(200);
});

it("/readyz says that a bucket does not write once where that depends on it, and policies too", async () => {
  const policy = { writeOnce: true };
  const ceph = await startService({ storage: storeOf("ceph"), policy });
  const { status, parts } = await (await ceph.request("/readyz")).json();
  expect([status, parts.write_once.state]).toEqual(["degraded", "failing"]);
  const other = await startService({ policy });
  for (const [service, write_once] of [
    [ceph, false],
    [other, true],
  ] as const) {
    const answer = await service.request(PRESIGN.replace("presign", "policies"), {
      headers: { Authorization: `Bearer ${TOKEN}` },
    });
    expect((await answer.json()).policies).toMatchObject([{ write_once }]);
  }
});

it("/readyz says why a part fails to callers on this machine or with a token, and to nobody else", async () => {
  const exposed = await startService({ loopbackOnly: false });
  const reasonFor = async (peer: string, headers: Readonly<Record<string, string>> = {}) => {
    const answer = await exposed.request("/readyz", { headers }, peer);
    const { status, parts } = await answer.json();
    expect([status, parts.store.state]).toEqual(["degraded", "failing"]);
    return parts.store.reason;
  };
  const authorized = { Authorization: `Bearer ${TOKEN}` };
  expect(await reasonFor("127.0.0.1")).toMatch(/connect/i);
  expect(await reasonFor("192.0.2.1", authorized)).toMatch(/connect/i);
  expect(await reasonFor("192.0.2.1")).toBeUndefined();
  expect(await reasonFor("192.0.2.1", { Authorization: "Bearer of-nobody" })).toBeUndefined();
  expect(await reasonFor("127.0.0.1", { Host: "evil.example" })).toBeUndefined();
  for (const name of ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"]) {
    expect(await reasonFor("127.0.0.1", { [name]: "192.0.2.1" })).toBeUndefined();
  }
});

it("/readyz answers 503 once the service has been told to stop", async () => {
  const stopping = await startService({ isStopping: () => true });
  const answer = await stopping.request("/readyz");
  expect([answer.status, answer.headers.get("connection")]).toEqual([503, "close"]);
  expect((await answer.json()).status).toBe("stopping");
});

it.each(["192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1", "2001:db8::1"])(
  "development mode refuses the peer %s",
  async (peer) => {
    for (const path of ["/", "/healthz", PRESIGN]) {
      const answer = await service.request(path, {}, peer);
      expect(answer.status).toBe(403);
      expect((await answer.json()).code).toBe("FORBIDDEN");
    }
  },
);

it.each(["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])(
  "development mode answers the peer %s",
  async (peer) => {
    expect((await service.request("/healthz", {}, peer)).status).toBe(200);
  },
);

it.each(["evil.example", "localhost.evil.example", "evillocalhost", "0x7f000001", "0.0.0.0"])(
  "development mode refuses the host name %s, which could have been made to point here",
  async (host) => {
    const answer = await service.request("/", { headers: { Host: host } });
    expect(answer.status).toBe(403);
  },
);

it.each(["localhost", "localhost:8787", "127.0.0.1:1", "[::1]:8787", "app.localhost"])(
  "development mode answers under the host name %s",
  async (host) => {
    expect((await service.request("/healthz", { headers: { Host: host } })).status).toBe(200);
  },
);

it("the page of development mode may connect to the store, and contains no token", async () => {
  const answer = await service.request("/");
  const policy = answer.headers.get("content-security-policy") ?? "";
  expect(answer.status).toBe(200);
  expect(policy).toContain("connect-src 'self' https://store.example.com;");
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("unsafe");
  expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
  expect(await answer.text()).not.toContain("test-token");
});

const preflight = (origin: string) =>
  service.request(PRESIGN, {
    method: "OPTIONS",
    headers: {
      Origin: origin,
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "authorization,content-type",
    },
  });

it("every answer carries an id of its own, and does not name the server software", async () => {
  const json = await Promise.all([service.request("/healthz"), service.request("/nowhere")]);
  const others = [await service.request("/"), await preflight("https://app.example.com")];
  const ids = [...json, ...others].map(({ headers }) => headers.get("x-request-id"));
  expect(ids).not.toContain(null);
  expect(new Set(ids).size).toBe(4);
  for (const { headers } of json) {
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.has("server")).toBe(false);
    expect(headers.has("x-powered-by")).toBe(false);
  }
});

it.each([PRESIGN, "/nowhere", "/%66/a"])("a request to %s is watched to its end", async (path) => {
  const ended: Array<number> = [];
  const watch = () => ({ span: undefined, end: (status: number) => void ended.push(status) });
  const { request } = await startService({ watch });
  expect(ended).toEqual([(await request(path)).status]);
});

it("a failure of the service itself is answered with 500 and an id, and does not tell the cause", async () => {
  const broken = await startService({
    mounts: [{ path: "/broken", fetch: () => Promise.reject(new Error("secret detail")) }],
  });
  const answer = await broken.request("/broken/x");
  const body = await answer.json();
  expect(answer.status).toBe(500);
  expect(body).toEqual({
    title: "The service failed",
    status: 500,
    detail: "Give the request_id to the operator, who finds the cause in the log.",
    code: "INTERNAL",
    request_id: answer.headers.get("x-request-id"),
  });
});
