import { expect, it } from "@effect/vitest";
import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as TestClock from "effect/testing/TestClock";
import { afterEach, vi } from "vitest";
import { metricsApp } from "../../adapters/http/app/metrics.ts";
import { notificationRoute } from "../../adapters/http/notifications/route.ts";
import * as s3 from "../../adapters/storage/s3/notification-form.ts";
import type { Services } from "../../adapters/http/options.ts";
import { clientAddress } from "../../adapters/http/client-address.ts";
import { variables } from "../../adapters/settings/source.ts";
import { developmentTokens } from "../../adapters/identity/dev.ts";
import { jsonWebTokens } from "../../adapters/identity/jwt.ts";
import { read } from "../../adapters/identity/settings.ts";
import { createValetkey } from "../../adapters/embed/index.ts";
import { minio } from "../../adapters/embed/minio.ts";
import { limitFailures } from "../../adapters/limits/failed-authentications.ts";
import { PROXIES } from "../../adapters/settings/proxies.ts";
import { Authenticator, countFailure } from "../../application/ports/authenticator.ts";
import { Unauthenticated } from "../../domain/errors.ts";
import { DEFAULT_SCOPES, type Principal } from "../../domain/principal.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { startIssuer } from "../support/issuer.ts";
import { as, PRESIGN, presignInit, startService, TOKEN, FILE } from "./service.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const MIA: Principal = {
  kind: "user",
  subject: "mia",
  scopes: DEFAULT_SCOPES,
  organizations: "every",
};
const LIMIT = { count: 3, window: Duration.minutes(3) };

const answer = (isKnown: boolean) =>
  isKnown ? Effect.succeed(MIA) : Effect.fail(new Unauthenticated({ by: "token" }));

/** Accepts `good` at once and `new` after a while. */
function authenticator() {
  const own: Authenticator["Service"] = {
    authenticate: ({ headers }) => {
      const token = headers.get("authorization") ?? "";
      const answered = answer(["good", "new"].includes(token));
      return token === "new" ? Effect.andThen(Effect.yieldNow, answered) : answered;
    },
  };
  const limited = limitFailures(own, LIMIT);
  const ask = (token: string, address?: string, client?: string) => {
    const call = { headers: new Headers({ authorization: token }), address, client };
    return limited.authenticate(call).pipe(
      Effect.map(({ subject }) => subject),
      Effect.catchTag("Unauthenticated", (refusal) => countFailure(call, refusal)),
      Effect.provideService(Authenticator, limited),
      Effect.catch((refusal) =>
        Effect.succeed(
          refusal._tag === "RateLimited" ? `in ${refusal.retryAfter} s` : refusal._tag,
        ),
      ),
    );
  };
  return { ask };
}

const ALICE = "203.0.113.1";
const BOB = "203.0.113.2";

it.effect("an address that fails too often is told so, and only failures are refused", () =>
  Effect.gen(function* () {
    const { ask } = authenticator();
    for (let tries = 0; tries < 3; tries++)
      expect(yield* ask("bad", ALICE)).toBe("Unauthenticated");
    expect(yield* ask("bad", ALICE)).toBe("in 60 s");
    expect(yield* ask("new", ALICE)).toBe("mia");
    expect(yield* ask("good", ALICE)).toBe("mia");
    expect(yield* ask("bad", ALICE)).toBe("in 60 s");
    expect(yield* ask("new", BOB)).toBe("mia");
    expect(yield* ask("bad", BOB)).toBe("Unauthenticated");
    expect(yield* ask("bad"), "of no known address").toBe("Unauthenticated");
    yield* TestClock.adjust("60 seconds");
    expect(yield* ask("new", ALICE)).toBe("mia");
    expect(yield* ask("bad", ALICE)).toBe("Unauthenticated");
    expect(yield* ask("bad", ALICE)).toBe("in 60 s");
  }),
);

it.effect(
  "the addresses of one IPv6 network count as one, and the clients of one proxy count apart",
  () =>
    Effect.gen(function* () {
      const { ask } = authenticator();
      for (const last of ["1", "2", "3"]) yield* ask("bad", `2001:db8:1:2::${last}`);
      expect(yield* ask("bad", "2001:db8:1:2:ffff::1")).toBe("in 60 s");
      expect(yield* ask("bad", "2001:db8:1:3::1")).toBe("Unauthenticated");
      for (let tries = 0; tries < 3; tries++) yield* ask("bad", "10.0.0.1", ALICE);
      expect(yield* ask("bad", "10.0.0.1", ALICE)).toBe("in 60 s");
      expect(yield* ask("bad", "10.0.0.1", BOB)).toBe("Unauthenticated");
    }),
);

it.effect(
  "of more than 10,000 addresses with failures, the one that failed longest ago is forgotten",
  () =>
    Effect.gen(function* () {
      const { ask } = authenticator();
      for (const address of [ALICE, BOB]) {
        for (let tries = 0; tries < 3; tries++) yield* ask("bad", address);
      }
      expect(yield* ask("bad", ALICE)).toBe("in 60 s");
      for (let n = 0; n < 9_999; n++) yield* ask("bad", `10.1.${n >> 8}.${n & 255}`);
      expect(yield* ask("bad", ALICE)).toBe("in 60 s");
      expect(yield* ask("bad", BOB)).toBe("Unauthenticated");
    }),
);

it("a caller with a valid token is let in behind an address that fails all the time, and what is not for us costs no signature and no look for keys", async () => {
  const issuer = await startIssuer();
  atTestEnd(issuer.stop);
  const { callers } = Result.getOrThrow(
    read(
      variables({
        AUTH: "jwt",
        JWT_ISSUER: issuer.url,
        JWT_AUDIENCE: "valetkey",
        JWT_JWKS_URL: issuer.jwksUrl,
      }),
    ),
  );
  if (callers.auth !== "jwt") throw new Error("These are settings of something else");
  const own = await Effect.runPromise(Effect.scoped(jsonWebTokens(callers)));
  const { send } = await startService({ authenticator: limitFailures(own, LIMIT) });
  const ask = (token: string) => send(PRESIGN, FILE, as(token));
  const forge = async (jti: string) => `${(await issuer.sign({ jti })).slice(0, -8)}AAAAAAAA`;
  for (let tries = 0; tries < 3; tries++) {
    expect((await ask(await forge(`${tries}`))).status).toBe(401);
  }
  const { status, headers, body } = await ask(await forge("3"));
  expect([status, body.code]).toEqual([429, "RATE_LIMITED"]);
  expect(headers.get("retry-after")).toBe("60");
  expect(headers.get("ratelimit-policy")).toBe('"address";q=3;w=180');
  expect(body.detail).toContain(
    "Without valid credentials, one network address may make 3 requests",
  );
  for (let caller = 0; caller < 20; caller++) {
    expect((await ask(await forge(`of ${caller}`))).status).toBe(429);
    expect((await ask(await issuer.sign({ sub: `caller-${caller}` }))).status).toBe(200);
  }
  const verify = vi.spyOn(crypto.subtle, "verify");
  const fetches = issuer.requests();
  for (const [claims, header] of [
    [{ iss: "https://elsewhere.example.com" }, { kid: "unknown" }],
    [{ exp: 1 }, { kid: "unknown" }],
    [{ exp: undefined }, {}],
    [{ iss: undefined }, {}],
  ] as const) {
    expect((await ask(await issuer.sign(claims, header))).status).toBe(429);
  }
  expect((await ask("a.b.c")).status).toBe(429);
  expect(verify).not.toHaveBeenCalled();
  expect(issuer.requests()).toBe(fetches);
});

it("a probe of /readyz without a token is not counted as a failed authentication, and one with a wrong token is", async () => {
  const { callers } = Result.getOrThrow(read(variables({ AUTH: "dev", DEV_TOKEN: TOKEN })));
  if (callers.auth !== "dev") throw new Error("These are settings of something else");
  const { request } = await startService({
    authenticator: limitFailures(developmentTokens(callers.tokens), LIMIT),
    loopbackOnly: false,
  });
  const status = async (path: string, init: RequestInit) =>
    (await request(path, init, ALICE)).status;
  const wrong = presignInit(undefined, { Authorization: "Bearer wrong" });
  for (let probe = 0; probe < 10; probe++) await status("/readyz", {});
  expect(await status(PRESIGN, wrong)).toBe(401);
  for (let tries = 0; tries < 2; tries++) {
    await status("/readyz", { headers: { Authorization: "Bearer wrong" } });
  }
  expect(await status(PRESIGN, wrong)).toBe(429);
  expect(await status(PRESIGN, presignInit())).toBe(200);
});

it("a wrong secret of notifications or metrics is a failed authentication of its address, which ends no correct one", async () => {
  const limited = limitFailures({ authenticate: () => answer(false) }, LIMIT);
  const metrics = {
    hasToken: (headers: Headers) => headers.get("authorization") === "Bearer right",
    scrape: () => "",
  };
  const { request } = await startService({
    authenticator: limited,
    loopbackOnly: false,
    routes: [notificationRoute({ api: "s3", name: "files" }, s3, Redacted.make(["right"]))],
    metrics,
  });
  const services = Context.make(Authenticator, limited) as Context.Context<Services>;
  const alone = metricsApp(metrics, services);
  const body = '{"Event":"s3:TestEvent"}';
  const asks = [
    (init: RequestInit, address: string) =>
      request("/api/v1/events/s3", { ...init, method: "POST", body }, address),
    (init: RequestInit, address: string) => request("/metrics", init, address),
    async (init: RequestInit, address: string) =>
      alone.fetch(new Request("http://127.0.0.1/metrics", init), { address }),
  ];
  const statuses = async (secret: string, address: string) => {
    const headers = { Authorization: `Bearer ${secret}` };
    return Promise.all(asks.map(async (ask) => (await ask({ headers }, address)).status));
  };
  expect(await statuses("wrong", ALICE)).toEqual([401, 401, 401]);
  expect(await statuses("wrong", ALICE)).toEqual([429, 429, 429]);
  expect(await statuses("right", ALICE)).toEqual([200, 200, 200]);
  expect(await statuses("wrong", BOB)).toEqual([401, 401, 401]);
});

it("an embedding host sets the limit on failed authentications and its proxies as options, and callers that it knows always pass", async () => {
  const valetkey = createValetkey({
    storage: minio({ endpoint: "http://127.0.0.1:9", accessKey: "key", secretKey: "secret" }),
    publicUrl: "http://127.0.0.1:3000",
    organizations: () => "acme",
    authenticate: ({ headers }) =>
      headers.get("authorization") === "Bearer good" ? { id: "mia" } : undefined,
    limits: { failedAuthentications: "2 per day" },
    trustedProxies: ["10.0.0.0/8"],
    log: () => undefined,
  });
  atTestEnd(valetkey.close);
  const ask = async (token: string, client: string) => {
    const headers = { Authorization: `Bearer ${token}`, "X-Forwarded-For": client };
    const request = new Request(`http://127.0.0.1:3000${PRESIGN}`, presignInit(undefined, headers));
    return (await valetkey.fetch(request, { address: "10.0.0.1" })).status;
  };
  for (const status of [401, 401, 429]) expect(await ask("bad", ALICE)).toBe(status);
  expect(await ask("bad", BOB)).toBe(401);
  expect(await ask("good", ALICE)).toBe(200);
});

const from = (address: string) => presignInit(undefined, { "X-Forwarded-For": address });

it("a service for its own machine alone looks at where the connection comes from, whatever a proxy says", async () => {
  const { request } = await startService({
    clientAddress: clientAddress(Schema.decodeSync(PROXIES.codec)(["127.0.0.1", "10.0.0.1"])),
  });
  expect((await request(PRESIGN, from("203.0.113.9"), "127.0.0.1")).status).toBe(200);
  expect((await request(PRESIGN, from("127.0.0.1"), "10.0.0.1")).status).toBe(403);
});
