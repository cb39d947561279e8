import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { createSecretKey } from "node:crypto";
import { afterEach, vi } from "vitest";
import { jsonWebTokens } from "../../adapters/identity/jwt.ts";
import { variables } from "../../adapters/settings/source.ts";
import { keysAt } from "../../adapters/identity/key-set.ts";
import { read } from "../../adapters/identity/settings.ts";
import type { Authenticator } from "../../application/ports/authenticator.ts";
import type { AuditEvent } from "../../application/ports/audit.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { type Issuer, startIssuer } from "../support/issuer.ts";
import { serve } from "../support/serve.ts";
import { until } from "../support/until.ts";
import { as, PRESIGN, startService, FILE } from "./service.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** Where the test clock begins, in milliseconds and in seconds. */
const NOW = Date.UTC(2026, 0, 1);
const NOW_SECONDS = NOW / 1000;

afterEach(() => void vi.restoreAllMocks());

async function issuerOfOurs(name?: string): Promise<Issuer> {
  const issuer = await startIssuer(name);
  atTestEnd(issuer.stop);
  return issuer;
}

type Env = Readonly<Record<string, string>>;

const envOf = (issuer: Issuer, env: Env = {}): Env => ({
  AUTH: "jwt",
  JWT_ISSUER: issuer.url,
  JWT_AUDIENCE: "valetkey",
  ...(env["JWT_PUBLIC_KEY"] === undefined ? { JWT_JWKS_URL: issuer.jwksUrl } : {}),
  ...env,
});

/** The settings that these variables make. */
function settingsOf(env: Env) {
  const { callers } = Result.getOrThrow(read(variables(env)));
  if (callers.auth !== "jwt") throw new Error("These are settings of something else");
  return callers;
}

/** An authenticator as functions from a token to its subject, or to the reason for a refusal. */
const authenticator = Effect.fnUntraced(function* (env: Env, capacity?: number) {
  yield* TestClock.setTime(NOW);
  const { authenticate } = yield* jsonWebTokens(settingsOf(env), capacity);
  return {
    ask: (token: string) => outcomeOf({ authenticate }, token),
    /** The same at a later time, in seconds after `NOW`. */
    askAt: (seconds: number, token: string) =>
      Effect.andThen(TestClock.setTime(NOW + seconds * SECOND), outcomeOf({ authenticate }, token)),
  };
});

const outcomeOf = ({ authenticate }: Authenticator["Service"], token: string) =>
  authenticate({
    headers: new Headers({ Authorization: `Bearer ${token}` }),
    address: undefined,
  }).pipe(
    Effect.map(({ subject }) => subject),
    Effect.catch(({ _tag }) => Effect.succeed(_tag)),
  );

/** Gives a function that counts the signatures verified from now on. */
function countVerified(): () => number {
  const spy = vi.spyOn(crypto.subtle, "verify");
  return () => spy.mock.calls.length;
}

const started = Effect.promise(() => issuerOfOurs());
const lasting = { exp: NOW_SECONDS + 24 * 60 * 60 };
const signed = (issuer: Issuer, claims: object = {}, header: object = {}) =>
  Effect.promise(() => issuer.sign({ ...lasting, ...claims }, { ...header }));

const encoded = (json: unknown) => Buffer.from(JSON.stringify(json)).toString("base64url");

it.effect.each(["RS256", "PS256", "ES256", "EdDSA"])(
  "a token that is signed with %s is valid, and one by another key of that kind is not",
  (alg) =>
    Effect.gen(function* () {
      const { publicKey, privateKey } = yield* Effect.promise(() =>
        generateKeyPair(alg, { extractable: true }),
      );
      const pem = yield* Effect.promise(() => exportSPKI(publicKey));
      const env = { JWT_ISSUER: "me", JWT_AUDIENCE: "valetkey", JWT_PUBLIC_KEY: pem };
      const { ask } = yield* authenticator({ AUTH: "jwt", ...env });
      const make = (key: typeof privateKey) =>
        new SignJWT({ sub: "user-1", iss: "me", aud: "valetkey", ...lasting })
          .setProtectedHeader({ alg, kid: "any" })
          .sign(key);
      expect(yield* ask(yield* Effect.promise(() => make(privateKey)))).toBe("user-1");
      const other = yield* Effect.promise(() => generateKeyPair(alg));
      expect(yield* ask(yield* Effect.promise(() => make(other.privateKey)))).toBe(
        "Unauthenticated",
      );
    }),
);

it.effect(
  "a token without a valid signature, or signed with the public key as a secret, is refused",
  () =>
    Effect.gen(function* () {
      const issuer = yield* started;
      const { ask } = yield* authenticator(envOf(issuer, { JWT_PUBLIC_KEY: issuer.publicPem }));
      const claims = { sub: "user-1", iss: issuer.url, aud: "valetkey", ...lasting };
      const byPem = yield* Effect.promise(() =>
        new SignJWT(claims)
          .setProtectedHeader({ alg: "HS256", kid: "rs256-1" })
          .sign(createSecretKey(Buffer.from(issuer.publicPem))),
      );
      const good = yield* signed(issuer);
      const [header, payload, signature = ""] = good.split(".");
      for (const token of [
        byPem,
        new UnsecuredJWT(claims).encode(),
        ...[
          { alg: "nOnE" },
          { kid: "rs256-1" },
          { alg: "RS256", kid: [] },
          { alg: "ES256", kid: "rs256-1" },
        ].map((other) => `${encoded(other)}.${payload}.${signature}`),
        `${header}.${encoded([1])}.${signature}`,
        `${header}.${payload}`,
        `${good}.AAAA`,
        "AAAA.AAAA.AAAA",
        "..",
        `${header}.${payload}.`,
        `${header}.${payload}.${signature.split("").toReversed().join("")}`,
        `${header}.${encoded({ ...claims, sub: "root" })}.${signature}`,
        "not.a.token",
        "a",
      ]) {
        expect(yield* ask(token)).toBe("Unauthenticated");
      }
      expect(yield* ask(good)).toBe("user-1");
    }),
);

it.effect(
  "a token that names no key is valid if one of the first four published keys of its kind has signed it",
  () =>
    Effect.gen(function* () {
      const pairs = yield* Effect.promise(() =>
        Promise.all(
          Array.from({ length: 6 }, () => generateKeyPair("RS256", { extractable: true })),
        ),
      );
      const published = yield* Effect.promise(() =>
        Promise.all(
          pairs.slice(0, 5).map(async ({ publicKey }, n) => ({
            ...(await exportJWK(publicKey)),
            kid: String(n),
            use: "sig",
          })),
        ),
      );
      let count = 2;
      const { href: url } = yield* Effect.promise(() =>
        serve((_, response) => response.end(JSON.stringify({ keys: published.slice(0, count) }))),
      );
      const env = { AUTH: "jwt", JWT_ISSUER: url, JWT_AUDIENCE: "valetkey", JWT_JWKS_URL: url };
      const by = (index: number, claims: object = {}) =>
        Effect.promise(() => {
          const pair = pairs[index];
          if (pair === undefined) throw new Error("There is no such key");
          return new SignJWT({ sub: "user-1", iss: url, aud: "valetkey", ...lasting, ...claims })
            .setProtectedHeader({ alg: "RS256" })
            .sign(pair.privateKey);
        });
      const { ask } = yield* authenticator(env);
      expect(yield* ask(yield* by(0))).toBe("user-1");
      expect(yield* ask(yield* by(1))).toBe("user-1");
      expect(yield* ask(yield* by(5))).toBe("Unauthenticated");
      expect(yield* ask(yield* by(1, { aud: "another" }))).toBe("Unauthenticated");
      count = 5;
      const more = yield* authenticator(env);
      expect(yield* more.ask(yield* by(3))).toBe("user-1");
      expect(yield* more.ask(yield* by(4)), "beyond the first four").toBe("Unauthenticated");
    }),
);

it.effect.each<[string, (thief: Issuer) => object | Promise<object>]>([
  ["no name of a key", () => ({})],
  ["an unknown name", () => ({ kid: "unknown" })],
  ["a name that is a path", () => ({ kid: "../../../../dev/null" })],
  ["a name that is a URL", ({ jwksUrl }) => ({ kid: jwksUrl })],
  ["a name that all objects have", () => ({ kid: "__proto__" })],
  ["the address of keys", ({ jwksUrl }) => ({ jku: jwksUrl })],
  ["the address of a certificate", ({ jwksUrl }) => ({ x5u: jwksUrl })],
  ["a certificate", () => ({ x5c: ["MIIB"] })],
  ["its key", async ({ jwksUrl }) => ({ jwk: (await (await fetch(jwksUrl)).json()).keys[0] })],
])(
  "a token of another issuer, whose header has %s, is refused without a look at it",
  ([, header]) =>
    Effect.gen(function* () {
      const issuer = yield* started;
      const thief = yield* Effect.promise(() => issuerOfOurs("thief"));
      const { ask } = yield* authenticator(envOf(issuer));
      const other = yield* Effect.promise(async () => header(thief));
      const asked = thief.requests();
      expect(yield* ask(yield* signed(thief, { iss: issuer.url }, other))).toBe("Unauthenticated");
      const unknown = yield* signed(issuer, {}, { crit: ["x"], x: 1 });
      expect(yield* ask(unknown), "what must be understood").toBe("Unauthenticated");
      expect(thief.requests()).toBe(asked);
    }),
);

it.effect("a token that is signed with an algorithm that is not configured is refused", () =>
  Effect.gen(function* () {
    const issuer = yield* started;
    const { ask } = yield* authenticator(envOf(issuer, { JWT_ALGORITHMS: "ES256" }));
    expect(yield* ask(yield* signed(issuer))).toBe("Unauthenticated");
    expect(yield* ask(yield* signed(issuer, {}, { alg: "ES256" }))).toBe("user-1");
  }),
);

it.effect("the type of a token is checked if one is configured", () =>
  Effect.gen(function* () {
    const issuer = yield* started;
    const { ask } = yield* authenticator(envOf(issuer, { JWT_TYPE: "at+jwt" }));
    for (const [typ, outcome] of [
      ["at+jwt", "user-1"],
      ["application/at+jwt", "user-1"],
      ["JWT", "Unauthenticated"],
      [undefined, "Unauthenticated"],
    ]) {
      expect(yield* ask(yield* signed(issuer, {}, { typ }))).toBe(outcome);
    }
  }),
);

it.effect(
  "a token is valid until a minute after it expires, whether it was seen before or not",
  () =>
    Effect.gen(function* () {
      const issuer = yield* started;
      const { ask, askAt } = yield* authenticator(envOf(issuer));
      const exp = NOW_SECONDS + 100;
      const seen = yield* signed(issuer, { exp });
      expect(yield* ask(seen)).toBe("user-1");
      expect(yield* askAt(159.999, seen)).toBe("user-1");
      const other = yield* signed(issuer, { exp, jti: "2" });
      expect(yield* askAt(159.999, other)).toBe("user-1");
      for (const token of [seen, other, yield* signed(issuer, { exp, jti: "3" })]) {
        expect(yield* askAt(160, token)).toBe("Unauthenticated");
      }
    }),
);

it.effect("a token is valid from a minute before its nbf", () =>
  Effect.gen(function* () {
    const issuer = yield* started;
    const { askAt } = yield* authenticator(envOf(issuer));
    const token = yield* signed(issuer, { nbf: NOW_SECONDS + 100 });
    expect(yield* askAt(39.999, token)).toBe("Unauthenticated");
    expect(yield* askAt(40, token)).toBe("user-1");
  }),
);

it.effect.each<[string, object, string]>([
  ["of another issuer is refused", { iss: "https://evil.example" }, "Unauthenticated"],
  ["of no issuer is refused", { iss: undefined }, "Unauthenticated"],
  ["for another audience is refused", { aud: "another" }, "Unauthenticated"],
  ["for no audience is refused", { aud: undefined }, "Unauthenticated"],
  ["for several audiences with this one is valid", { aud: ["another", "valetkey"] }, "user-1"],
  ["without an expiry is refused", { exp: undefined }, "Unauthenticated"],
  ["with an expiry that is not a number is refused", { exp: "tomorrow" }, "Unauthenticated"],
  ["without a subject is refused", { sub: undefined }, "Unauthenticated"],
  ["with an empty subject is refused", { sub: "" }, "Unauthenticated"],
  ["with a line end in the subject is refused", { sub: "a\nb" }, "Unauthenticated"],
  ["with a list for the subject is refused", { sub: ["user-1"] }, "Unauthenticated"],
  ["with an object for the subject is refused", { sub: { id: "user-1" } }, "Unauthenticated"],
  ["with a subject of 257 letters is refused", { sub: "u".repeat(257) }, "Unauthenticated"],
  ["for a longer audience is refused", { aud: "valetkey.evil.test" }, "Unauthenticated"],
  ["of several issuers is refused", { iss: ["https://evil.example"] }, "Unauthenticated"],
])("a token %s", ([, claims, outcome]) =>
  Effect.gen(function* () {
    const issuer = yield* started;
    const { ask } = yield* authenticator(envOf(issuer));
    expect(yield* ask(yield* signed(issuer, claims))).toBe(outcome);
  }),
);

it.effect.each<[string, object, string]>([
  ["client_id", { aud: undefined, client_id: "valetkey" }, "user-1"],
  ["client_id", { aud: "mobile", client_id: ["another", "valetkey"] }, "user-1"],
  ["client_id", {}, "Unauthenticated"],
  ["client_id", { aud: undefined, client_id: "valetkey2" }, "Unauthenticated"],
  ["client_id", { aud: undefined, client_id: "mobile, valetkey" }, "Unauthenticated"],
  ["client_id", { aud: undefined, client_id: { valetkey: 1 } }, "Unauthenticated"],
  ["client_id", { aud: ["another"], client_id: "valetkey" }, "Unauthenticated"],
  ["aud", { aud: ["another", "mobile"] }, "user-1"],
  ["aud", { aud: "mobile, valetkey" }, "Unauthenticated"],
  ["aud", { aud: undefined }, "Unauthenticated"],
])("for two audiences in %s, a token with %j is %s", ([claim, claims, outcome]) =>
  Effect.gen(function* () {
    const issuer = yield* started;
    const audiences = { JWT_AUDIENCE: "mobile, valetkey", JWT_AUDIENCE_CLAIM: claim };
    const { ask } = yield* authenticator(envOf(issuer, audiences));
    expect(yield* ask(yield* signed(issuer, claims))).toBe(outcome);
  }),
);

it.effect("a token that was verified before is not verified again, nor is the issuer asked", () =>
  Effect.gen(function* () {
    const issuer = yield* started;
    const { ask, askAt } = yield* authenticator(envOf(issuer));
    const verified = countVerified();
    const token = yield* signed(issuer, { exp: NOW_SECONDS + 600 });
    expect(yield* ask(token)).toBe("user-1");
    expect(verified()).toBe(1);
    issuer.setDown(true);
    for (const seconds of [0, 1, 599, 659]) expect(yield* askAt(seconds, token)).toBe("user-1");
    expect(verified()).toBe(1);
    expect(yield* askAt(660, token)).toBe("Unauthenticated");
  }),
);

it.effect(
  "beyond the most verified tokens, the one that was verified longest ago is forgotten",
  () =>
    Effect.gen(function* () {
      const issuer = yield* started;
      const { ask } = yield* authenticator(envOf(issuer), 2);
      const verified = countVerified();
      const tokens = yield* Effect.forEach(["1", "2", "3"], (jti) => signed(issuer, { jti }));
      const [first = "", second = "", third = ""] = tokens;
      for (const token of [first, second, first, third, second, third]) yield* ask(token);
      expect(verified()).toBe(3);
      yield* ask(first);
      expect(verified()).toBe(4);
    }),
);

it.effect(
  "after a rotation tokens of the old keys are refused, seen before or not, and new keys are used a minute later at most",
  () =>
    Effect.gen(function* () {
      const issuer = yield* started;
      const { ask, askAt } = yield* authenticator(envOf(issuer));
      const [seen, other] = [yield* signed(issuer), yield* signed(issuer, { jti: "2" })];
      expect(yield* ask(seen)).toBe("user-1");
      yield* Effect.promise(issuer.rotate);
      expect(yield* ask(seen)).toBe("user-1");
      expect(yield* askAt(60, yield* signed(issuer, { sub: "user-2" }))).toBe("user-2");
      expect(yield* ask(yield* signed(issuer, {}, { alg: "ES256" }))).toBe("user-1");
      expect(issuer.requests()).toBe(2);
      expect(yield* ask(seen)).toBe("Unauthenticated");
      expect(yield* ask(other)).toBe("Unauthenticated");
    }),
);

it.effect(
  "the issuer's keys are fetched at most once a minute, however many tokens name unknown ones",
  () =>
    Effect.gen(function* () {
      const issuer = yield* started;
      const { ask } = yield* authenticator(envOf(issuer));
      expect(yield* ask(yield* signed(issuer))).toBe("user-1");
      const tokens = yield* Effect.forEach(Array.from({ length: 30 }), (_, n) =>
        signed(issuer, { jti: String(n) }, { kid: `unknown-${n}` }),
      );
      for (const [elapsed, requests] of [
        [0, 1],
        [MINUTE - 1, 1],
        [1, 2],
        [0, 2],
        [MINUTE, 3],
      ] as const) {
        yield* TestClock.adjust(elapsed);
        const outcomes = yield* Effect.forEach(tokens, ask, { concurrency: "unbounded" });
        expect(new Set(outcomes)).toEqual(new Set(["Unauthenticated"]));
        expect(issuer.requests()).toBe(requests);
      }
      expect(yield* ask(yield* signed(issuer))).toBe("user-1");
    }),
);

it.effect("all requests together wait 5 seconds for keys that never arrive", () =>
  Effect.gen(function* () {
    const { keys } = yield* keysAt(yield* Effect.promise(() => serve(() => undefined)));
    const waiting = yield* Effect.forEach(Array.from({ length: 8 }), () =>
      Effect.forkChild(Effect.flip(keys)),
    );
    yield* TestClock.adjust("5 seconds");
    for (const one of waiting) expect((yield* Fiber.join(one))._tag).toBe("IdentityUnavailable");
  }),
);

it.effect("the issuer's keys stay in use while it is down, and are replaced once it is back", () =>
  Effect.gen(function* () {
    const issuer = yield* started;
    const { ask } = yield* authenticator(envOf(issuer));
    expect(yield* ask(yield* signed(issuer))).toBe("user-1");
    const refreshed = Effect.fnUntraced(function* () {
      const before = issuer.requests();
      const adjust = Effect.runPromiseWith(yield* Effect.context());
      // The former one may still be under way, and waits for the next only once it has ended.
      const isAsked = async () => {
        await adjust(TestClock.adjust(10 * MINUTE));
        return issuer.requests() > before;
      };
      yield* Effect.promise(() => until("a refresh", isAsked));
    });
    issuer.setDown(true);
    for (const subject of ["user-2", "user-3", "user-4"]) {
      yield* refreshed();
      expect(yield* ask(yield* signed(issuer, { sub: subject }))).toBe(subject);
    }
    issuer.setDown(false);
    yield* Effect.promise(issuer.rotate);
    yield* refreshed();
    expect(yield* ask(yield* signed(issuer, { sub: "user-5" }))).toBe("user-5");
  }),
);

/** The service with these settings, and its audit events. */
async function serving(env: Env) {
  const events: Array<AuditEvent> = [];
  const service = await startService({
    identity: Result.getOrThrow(read(variables(env))),
    audit: events,
  });
  const ask = (token: string, path = PRESIGN) => service.send(path, FILE, as(token));
  return { ask, events };
}

/** Claims in other places than usual. */
const nested = (scope: string) => ({
  sub: "ignored",
  organizations: ["globex"],
  "https://acme.example/user": "user-9",
  realm_access: { organizations: ["acme"] },
  resource_access: { "files/api": { scope } },
});

it("the service admits the caller of a token to the organizations that the token names", async () => {
  const issuer = await issuerOfOurs();
  const { ask, events } = await serving(envOf(issuer));
  const good = await ask(await issuer.sign({ organizations: { acme: { id: "org_7" } } }));
  expect(good.status).toBe(200);
  expect(good.body.key).toMatch(/^orgs\/org_7\//);
  expect((await ask(await issuer.sign({ organizations: ["globex"] }))).status).toBe(404);
  expect((await ask(await issuer.sign({ organizations: undefined }))).status).toBe(404);
  const refused = await ask(await issuer.sign({ aud: "another" }));
  expect([refused.status, refused.body.code]).toEqual([401, "UNAUTHENTICATED"]);
  expect(refused.headers.get("www-authenticate")).toMatch(/^Bearer /);
  expect(events.map(({ principal }) => principal?.subject)).toEqual([
    "user-1",
    "user-1",
    "user-1",
    undefined,
  ]);
});

it("the service verifies tokens with the key in JWT_PUBLIC_KEY without asking the issuer", async () => {
  const issuer = await issuerOfOurs();
  const { ask } = await serving(envOf(issuer, { JWT_PUBLIC_KEY: issuer.publicPem }));
  expect((await ask(await issuer.sign())).status).toBe(200);
  expect((await ask(await issuer.sign({}, { kid: "any" }))).status).toBe(200);
  expect((await ask(await issuer.sign({}, { alg: "ES256" }))).status).toBe(401);
  await issuer.rotate();
  expect((await ask(await issuer.sign())).status).toBe(401);
  expect(issuer.requests()).toBe(0);
});

it("the service reads the claims of a token from the configured places", async () => {
  const issuer = await issuerOfOurs();
  const { ask, events } = await serving(
    envOf(issuer, {
      JWT_SUBJECT_CLAIM: "https://acme.example/user",
      JWT_ORGANIZATIONS_CLAIM: "/realm_access/organizations",
      JWT_SCOPES_CLAIM: "/resource_access/files~1api/scope",
      JWT_SCOPES_PREFIX: "files:",
      JWT_SERVICE_CLAIM: "gty=client-credentials",
    }),
  );
  const user = await ask(await issuer.sign(nested("openid files:write")));
  expect(user.status).toBe(200);
  expect(user.body.put_url).toMatch(/^https:\/\/store\.example\.com\//);
  const service = { ...nested("files:write"), gty: "client-credentials" };
  const granted = await ask(await issuer.sign(service));
  expect(granted.body.put_url).toMatch(/^http:\/\/127\.0\.0\.1:2\//);
  for (const scope of ["write", "files:read", ""]) {
    const refused = await ask(await issuer.sign(nested(scope)));
    expect([refused.status, refused.body.scope]).toEqual([403, "write"]);
  }
  const path = "/api/v1/orgs/globex/files/presign";
  expect((await ask(await issuer.sign(nested("files:write")), path)).status).toBe(404);
  expect(events.map(({ principal }) => principal)).toMatchObject([
    { kind: "user", subject: "user-9" },
    { kind: "service", subject: "user-9" },
    ...Array.from({ length: 4 }, () => ({ kind: "user", subject: "user-9" })),
  ]);
});

it("the quota of a day is that of the token, and a token whose quota cannot be read is refused", async () => {
  const issuer = await issuerOfOurs();
  const { ask } = await serving(envOf(issuer, { JWT_QUOTA_CLAIM: "/plan/uploads" }));
  const planned = async (uploads: unknown) => ask(await issuer.sign({ plan: { uploads } }));
  const first = await planned("8 B");
  expect(first.status).toBe(200);
  const second = await planned("8 B");
  expect([second.status, second.body.code]).toEqual([429, "QUOTA_EXCEEDED"]);
  expect((await planned(10 ** 9)).status).toBe(200);
  for (const bad of ["lots", -1, 0, null, {}, "8 B per day", "Infinity", [8]]) {
    expect((await planned(bad)).status, JSON.stringify(bad)).toBe(401);
  }
  expect((await ask(await issuer.sign({}))).status).toBe(200);
});

it("a token whose store cannot be read is refused, and one without is not", async () => {
  const issuer = await issuerOfOurs();
  const { ask } = await serving(envOf(issuer, { JWT_STORE_CLAIM: "/files/store" }));
  const placed = async (store: unknown) =>
    (await ask(await issuer.sign({ files: { store } }))).status;
  for (const good of ["eu", { acme: "eu" }, {}, undefined]) {
    expect(await placed(good), JSON.stringify(good)).toBe(200);
  }
  const proto: unknown = JSON.parse('{"__proto__": "eu"}');
  for (const bad of [null, 5, "", "EU", "../eu", ["eu"], { acme: "EU" }, { acme: null }, proto]) {
    expect(await placed(bad), JSON.stringify(bad)).toBe(401);
  }
});

it("the service answers 503 until it has the issuer's keys", async () => {
  const issuer = await issuerOfOurs();
  issuer.setDown(true);
  const { ask } = await serving(envOf(issuer));
  const token = await issuer.sign();
  const { status, headers, body } = await ask(token);
  expect([status, body.code]).toEqual([503, "IDENTITY_UNAVAILABLE"]);
  expect(headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
  expect(JSON.stringify(body)).not.toContain(issuer.url);
  issuer.setDown(false);
  await until("the recovery", async () => (await ask(token)).status === 200);
});

it.each([
  ["{}", 503],
  ['{"keys": 5}', 503],
  ['{"keys": []}', 401],
  ['{"keys": [{"kty": "RSA", "kid": "rs256-1"}]}', 401],
])(
  "with %s in the place of the issuer's keys, the service answers a presign with %i",
  async (document, status) => {
    const issuer = await issuerOfOurs();
    const { href } = await serve((_, response) => response.end(document));
    const { ask } = await serving(envOf(issuer, { JWT_JWKS_URL: href }));
    expect((await ask(await issuer.sign())).status).toBe(status);
  },
);
