import { expect, it } from "vitest";
import { PRESIGN, presignInit, startService } from "./service.ts";

it.each([
  ["of a granted presign", PRESIGN, presignInit()],
  ["of a refused presign", PRESIGN, presignInit({})],
  ["of no route", "/api/v1/nowhere", {}],
  ["of the document", "/openapi.json", {}],
  ["of the store", "/store/files/key", { method: "PUT" }],
])(
  "an answer to a page, %s, says which origin may read it, and which headers",
  async (_, path, init: RequestInit) => {
    const { request } = await startService({
      mounts: [{ path: "/store", fetch: () => Promise.resolve(new Response()) }],
    });
    const headersFor = async (origin: Readonly<Record<string, string>>) => {
      const { headers } = await request(path, {
        ...init,
        headers: { ...init.headers, ...origin },
      });
      return {
        varies: headers.get("vary"),
        allowed: headers.get("access-control-allow-origin"),
        exposed: headers.get("access-control-expose-headers"),
      };
    };
    const none = { varies: "Origin", allowed: null, exposed: null };
    expect(await headersFor({ Origin: "https://app.example.com" })).toEqual({
      varies: "Origin",
      allowed: "https://app.example.com",
      exposed: "ETag, X-Request-Id, Retry-After, RateLimit, RateLimit-Policy",
    });
    expect(await headersFor({ Origin: "https://evil.example" })).toEqual(none);
    // A cache must not give a page an answer that was made for a request without an origin.
    expect(await headersFor({})).toEqual(none);
  },
);

it("every page may read that the service is there", async () => {
  const { request } = await startService();
  const answer = await request("/healthz", { headers: { Origin: "https://evil.example" } });
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
});

it.each([
  [PRESIGN, "GET,POST,DELETE"],
  ["/openapi.json", "GET,HEAD"],
  ["/store/files/key", "GET,HEAD,PUT"],
])("a preflight of %s offers the methods of the route: %s", async (path, methods) => {
  const { request } = await startService({
    mounts: [{ path: "/store", fetch: () => Promise.resolve(new Response()) }],
  });
  const answer = await request(path, {
    method: "OPTIONS",
    headers: {
      Origin: "https://app.example.com",
      "Access-Control-Request-Method": "PUT",
      "Access-Control-Request-Headers": "authorization,content-type",
    },
  });
  expect(answer.status).toBe(204);
  expect(answer.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
  expect(answer.headers.get("access-control-allow-headers")).toBe("authorization,content-type");
  expect(answer.headers.get("access-control-allow-methods")).toBe(methods);
});

const ALLOWED = "https://app.example.com";

it.each([
  "null",
  `${ALLOWED}.evil.test`,
  "https://evil-app.example.com",
  "https://appXexample.com",
  "http://app.example.com",
  `${ALLOWED}:444`,
  ALLOWED.toUpperCase(),
  "*",
])("a page of the origin %j may read neither an answer nor that of a preflight", async (origin) => {
  const { request } = await startService();
  const asked = { "Access-Control-Request-Method": "POST" };
  for (const answer of [
    await request(PRESIGN, presignInit(undefined, { Origin: origin })),
    await request(PRESIGN, { method: "OPTIONS", headers: { Origin: origin, ...asked } }),
  ]) {
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
  }
});
