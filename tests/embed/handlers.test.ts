import { request as httpRequest } from "node:http";
import { Hono } from "hono";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { valetkeyRoutes } from "../../adapters/embed/hono.ts";
import type { Caller } from "../../adapters/embed/index.ts";
import { toNodeHandler } from "../../adapters/embed/node.ts";
import { serve, startHost } from "./host.ts";

/** The classes before any handler is made, whatever other files of this worker have loaded. */
const BEFORE = [Request, Response];

const PRESIGN = "/api/v1/orgs/acme/files/presign";
const presign = (headers: Readonly<Record<string, string>> = {}): RequestInit => ({
  method: "POST",
  headers: { "Content-Type": "application/json", ...headers },
  body: JSON.stringify({ filename: "a.png", content_type: "image/png", size: 5 }),
});

/** The status for a path that is sent unchanged; `fetch` would normalize it. */
const statusOf = (port: number, path: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const { method, headers, body } = presign() as { method: string; headers: {}; body: string };
    httpRequest({ host: "127.0.0.1", port, path, method, headers }, (answer) => {
      resolve(answer.resume().statusCode);
    })
      .on("error", reject)
      .end(body);
  });

let host: Awaited<ReturnType<typeof startHost>>;
beforeAll(async () => {
  host = await startHost();
});
afterAll(() => host.close());

it("fetch refuses callers whom authenticate does not know", async () => {
  const answer = await fetch(`${host.address}${PRESIGN}`, presign({ Cookie: "session=eve" }));
  expect(answer.status).toBe(401);
  expect(await answer.json()).toMatchObject({
    code: "UNAUTHENTICATED",
    detail:
      "Sign in to the application that this service is part of, and send what identifies you there, such as its cookie.",
  });
});

it("fetch uses the caller that the host passes, and does not ask authenticate", async () => {
  const { valetkey } = host;
  const ask = async (caller: Caller) => {
    const request = new Request(`${host.address}${PRESIGN}`, presign());
    return (await valetkey.fetch(request, { caller })).status;
  };
  expect(await ask({ id: "mia" })).toBe(200);
  expect(await ask({ id: "eve" })).toBe(404);
  expect(await ask({ id: "mia", scopes: ["read"] })).toBe(403);
});

it("fetch without authenticate accepts only callers that the host passes", async () => {
  const closed = await startHost({ authenticate: undefined });
  const request = () => new Request(`${closed.address}${PRESIGN}`, presign());
  expect((await closed.valetkey.fetch(request())).status).toBe(401);
  const { status } = await closed.valetkey.fetch(request(), { caller: { id: "mia" } });
  expect(status).toBe(200);
});

it("fetch answers 503 if the host's authenticate fails, and logs why", async () => {
  const broken = await startHost({
    authenticate: () => Promise.reject(new Error("the session store is away")),
  });
  const answer = await broken.valetkey.fetch(new Request(`${broken.address}${PRESIGN}`, presign()));
  expect([answer.status, (await answer.json()).code]).toEqual([503, "IDENTITY_UNAVAILABLE"]);
  expect(JSON.stringify(broken.log)).toContain("the session store is away");
});

it("fetch logs each request to the host's log, with the level info", async () => {
  const answer = await fetch(`${host.address}${PRESIGN}`, presign());
  const requestId = answer.headers.get("x-request-id");
  const entry = host.log.find(({ facts }) => facts["requestId"] === requestId);
  expect(entry).toMatchObject({ level: "info", message: "request", facts: { status: 401 } });
});

it("fetch answers 500 with an id for the log if the caller has the wrong shape, and does not reject", async () => {
  const request = new Request(`${host.address}${PRESIGN}`, presign());
  const answer = await host.valetkey.fetch(request, { caller: { id: "" } });
  const { code, request_id } = await answer.json();
  expect([answer.status, code]).toEqual([500, "INTERNAL"]);
  const entry = host.log.find(({ facts }) => facts["requestId"] === request_id);
  expect(String(entry?.facts["cause"])).toContain("caller.id must be");
});

it("fetch asks authenticate if the host passes no caller, whatever else its second argument is", async () => {
  const seen: Array<unknown> = [];
  const asking = await startHost({
    authenticate: ({ address }) => {
      seen.push(address);
      return { id: "mia" };
    },
  });
  // Bun passes its server, Deno the connection, and Next.js the parameters of a route.
  const server = { address: { address: "127.0.0.1", port: 3000 } };
  for (const second of [{ caller: null }, null, server, { remoteAddr: {} }, { params: {} }]) {
    const request = new Request(`${asking.address}${PRESIGN}`, presign());
    expect((await asking.valetkey.fetch(request, second as never)).status).toBe(200);
  }
  expect(seen).toEqual(Array(5).fill(undefined));
});

it("fetch says in the log what to do if the body was read before", async () => {
  const request = new Request(`${host.address}${PRESIGN}`, presign());
  await request.text();
  const answer = await host.valetkey.fetch(request, { caller: { id: "mia" } });
  const { request_id } = await answer.json();
  expect(answer.status).toBe(500);
  const entry = host.log.find(({ facts }) => facts["requestId"] === request_id);
  expect(String(entry?.facts["cause"])).toContain("pass the request on unread");
});

it.each([
  [
    "throws",
    () => {
      throw new Error("the log is full");
    },
  ],
  ["rejects", () => Promise.reject(new Error("the log is full"))],
])("fetch continues if the host's log %s, and says so on the console", async (_, log) => {
  const said = vi.spyOn(console, "error").mockReturnValue();
  const deaf = await startHost({ log });
  const request = () => new Request(`${deaf.address}${PRESIGN}`, presign());
  expect((await deaf.valetkey.fetch(request(), { caller: { id: "mia" } })).status).toBe(200);
  expect((await deaf.valetkey.fetch(request(), { caller: { id: "" } })).status).toBe(500);
  await expect.poll(() => String(said.mock.calls)).toContain("the log is full");
  said.mockRestore();
});

it("fetch answers 404 to the host's paths, including those for health", async () => {
  for (const path of ["/", "/healthz", "/readyz", "/metrics", "/api/v1/users"]) {
    expect((await host.valetkey.fetch(new Request(`${host.address}${path}`))).status).toBe(404);
  }
});

it("fetch lets only pages of the host's own origin read its answers", async () => {
  const ask = async (origin: string) => {
    const headers = { Origin: origin };
    const { headers: answered } = await fetch(`${host.address}${PRESIGN}`, presign(headers));
    return answered.get("access-control-allow-origin");
  };
  expect(await ask(host.address)).toBe(host.address);
  expect(await ask("https://evil.example")).toBe(null);
});

it("fetch warns of each refused origin once, and of 100 origins at most", async () => {
  const { valetkey, address, log } = await startHost();
  const ask = (Origin: string, method = "POST") =>
    valetkey.fetch(new Request(`${address}${PRESIGN}`, { method, headers: { Origin } }));
  await ask("https://other.example.com", "OPTIONS");
  await ask("https://other.example.com");
  await ask(address);
  for (let i = 0; i < 150; i++) await ask(`https://${i}.example.com`);
  const warned = log.filter(({ message }) =>
    message.startsWith("a request from another origin is not allowed"),
  );
  expect(warned).toHaveLength(100);
  expect(warned[0]).toMatchObject({
    level: "warn",
    facts: { origin: "https://other.example.com" },
  });
  expect(new Set(warned.map(({ facts }) => facts["origin"])).size).toBe(100);
});

it("toNodeHandler leaves the global Request and Response of the host as they are", async () => {
  expect((await fetch(`${host.address}${PRESIGN}`, presign())).status).toBe(401);
  expect(Request).toBe(BEFORE[0]);
  expect(Response).toBe(BEFORE[1]);
});

it("toNodeHandler leaves other paths to the host", async () => {
  const handler = toNodeHandler(host.valetkey);
  const port = await serve((request, response) =>
    handler(request, response, (error) => {
      response.statusCode = error === undefined ? 200 : 500;
      response.end(error === undefined ? `the host's ${request.url}` : String(error));
    }),
  );
  const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
  for (const path of [
    "/",
    "/fish",
    "/openapi.html",
    "/store",
    "/storefront",
    "/api/v1/orgs",
    "/api/v1/orgs/acme/members",
    "/api/v1/orgs/acme",
    "/api/v1/orgs//files/presign",
  ]) {
    expect(await (await ask(path)).text()).toBe(`the host's ${path}`);
  }
  expect((await ask(`${PRESIGN}?a`, presign())).status).toBe(401);
  expect((await ask("/f/link")).status).toBe(404);
});

it("toNodeHandler does not serve a path that a guard of the host would read differently", async () => {
  const handler = toNodeHandler(host.valetkey, { caller: () => ({ id: "mia" }) });
  const guarded = await serve((request, response) => {
    const isGuarded = request.url?.startsWith("/api/") === true;
    if (isGuarded) return response.writeHead(403).end();
    return handler(request, response, () => response.writeHead(418).end());
  });
  const alone = await serve(handler);
  expect(await statusOf(guarded, PRESIGN)).toBe(403);
  expect(await statusOf(alone, PRESIGN)).toBe(200);
  for (const path of [
    `/f/..${PRESIGN}`,
    `/openapi.json/..${PRESIGN}`,
    `/store/%2e%2e${PRESIGN}`,
    `/f/.%2E${PRESIGN}?a`,
    `/.${PRESIGN}`,
    PRESIGN.replace("api", "%61pi"),
    `http://app.example.com${PRESIGN}`,
  ]) {
    expect(await statusOf(guarded, path), path).toBe(418);
    expect(await statusOf(alone, path), path).toBe(404);
  }
  for (const path of [
    "/api/v1/orgs/globex/files/../../acme/files/presign",
    PRESIGN.replace("presign", "%70resign"),
  ]) {
    expect(await statusOf(alone, path), path).toBe(404);
  }
});

it("toNodeHandler and valetkeyRoutes leave /store/ to the host if the store is elsewhere", async () => {
  const { minio } = await import("../../adapters/embed/minio.ts");
  const shop = await startHost({
    storage: minio({
      endpoint: "http://127.0.0.1:9",
      accessKey: "access-key",
      secretKey: "secret-key",
    }),
  });
  const handler = toNodeHandler(shop.valetkey);
  const port = await serve((request, response) =>
    handler(request, response, () => response.end("the host's")),
  );
  expect(await (await fetch(`http://127.0.0.1:${port}/store/cart`)).text()).toBe("the host's");
  const app = new Hono().route("/", valetkeyRoutes(shop.valetkey));
  app.get("/store/cart", (c) => c.text("the host's"));
  expect(await (await app.request("/store/cart")).text()).toBe("the host's");
});

it("valetkeyRoutes pass on the address that the host tells", async () => {
  const seen: Array<string | undefined> = [];
  const authenticate = ({ address }: { address: string | undefined }) => void seen.push(address);
  const { valetkey } = await startHost({ authenticate });
  const routes = valetkeyRoutes(valetkey, { address: () => "192.0.2.1" });
  expect((await new Hono().route("/", routes).request(PRESIGN, presign())).status).toBe(401);
  expect(seen).toEqual(["192.0.2.1"]);
});

it("toNodeHandler fails at once if the body was read before, and says what to do", async () => {
  const handler = toNodeHandler(host.valetkey, { caller: () => ({ id: "mia" }) });
  const port = await serve((request, response) => {
    request.resume().on("end", () =>
      handler(request, response, (error) => {
        response.writeHead(500).end(String(error));
      }),
    );
  });
  const answer = await fetch(`http://127.0.0.1:${port}${PRESIGN}`, presign());
  expect(await answer.text()).toContain("put it before express.json()");
});

it("toNodeHandler and valetkeyRoutes wait for a caller that the host has to look up", async () => {
  const users = new Map([["mia", { id: "mia" }]]);
  const caller = async ({ headers }: { headers: { "x-user"?: string } }) => {
    await Promise.resolve();
    if (headers["x-user"] === "broken") throw new Error("no session");
    return users.get(headers["x-user"] ?? "");
  };
  const handler = toNodeHandler(host.valetkey, {
    caller: caller as () => ReturnType<typeof caller>,
  });
  const port = await serve(handler);
  const app = new Hono().route(
    "/",
    valetkeyRoutes(host.valetkey, {
      caller: async (c) => users.get(c.req.header("x-user") ?? ""),
    }),
  );
  const statuses = async (user: string) => [
    (await fetch(`http://127.0.0.1:${port}${PRESIGN}`, presign({ "X-User": user }))).status,
    (await app.request(PRESIGN, presign({ "X-User": user }))).status,
  ];
  expect(await statuses("mia")).toEqual([200, 200]);
  expect(await statuses("eve")).toEqual([401, 401]);
  expect((await statuses("broken"))[0]).toBe(500);
});

it("toNodeHandler passes the client's address to authenticate", async () => {
  const seen: Array<string | undefined> = [];
  const asking = await startHost({
    authenticate: ({ address }) => {
      seen.push(address);
      return undefined;
    },
  });
  await fetch(`${asking.address}${PRESIGN}`, presign());
  expect(seen).toEqual(["127.0.0.1"]);
});

it("valetkeyRoutes leaves the host's routes and unknown paths to the host", async () => {
  const app = new Hono();
  app.get("/api/v1/orgs/:slug/members", (c) => c.text("the host's"));
  app.route("/", valetkeyRoutes(host.valetkey));
  app.notFound((c) => c.text("the host has no such page", 404));
  expect(await (await app.request("/api/v1/orgs/acme/members")).text()).toBe("the host's");
  expect(await (await app.request("/elsewhere")).text()).toBe("the host has no such page");
});

it("fetch grants nothing after close()", async () => {
  const ended = await startHost();
  const ask = async () => {
    const request = new Request(`${ended.address}${PRESIGN}`, presign());
    return (await ended.valetkey.fetch(request, { caller: { id: "mia" } })).status;
  };
  expect(await ask()).toBe(200);
  await ended.valetkey.close();
  expect(await ask()).toBe(500);
  expect(ended.log.some(({ facts }) => String(facts["cause"]).includes("was closed"))).toBe(true);
});
