import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import { afterEach, vi } from "vitest";
import { jsonWebTokens } from "../../adapters/identity/jwt.ts";
import { read } from "../../adapters/identity/settings.ts";
import { variables } from "../../adapters/settings/source.ts";
import { type Issuer, startIssuer } from "../support/issuer.ts";

const KEPT = 10_000;

let issuer: Issuer | undefined;
afterEach(async () => {
  vi.restoreAllMocks();
  await issuer?.stop();
});

it.effect(
  "of more than 10,000 verified tokens, the one that was verified longest ago is forgotten and verified again",
  () =>
    Effect.gen(function* () {
      const { url, jwksUrl, sign } = (issuer = yield* Effect.promise(() => startIssuer()));
      const env = { JWT_ISSUER: url, JWT_AUDIENCE: "valetkey", JWT_JWKS_URL: jwksUrl };
      const { callers } = Result.getOrThrow(read(variables({ AUTH: "jwt", ...env })));
      if (callers.auth !== "jwt") throw new Error("These are settings of something else");
      yield* TestClock.setTime(Date.now());
      const { authenticate } = yield* jsonWebTokens(callers);
      const verify = vi.spyOn(crypto.subtle, "verify");
      const ask = (token: string) =>
        authenticate({
          headers: new Headers({ Authorization: `Bearer ${token}` }),
          address: undefined,
        }).pipe(Effect.map(() => verify.mock.calls.length));
      const make = (jti: number) => sign({ jti: String(jti) }, { alg: "ES256" });
      const first = yield* Effect.promise(() => make(0));
      yield* ask(first);
      for (let jti = 1; jti < KEPT; jti++) yield* ask(yield* Effect.promise(() => make(jti)));
      expect(yield* ask(first)).toBe(KEPT);
      const last = yield* Effect.promise(() => make(KEPT));
      expect(yield* ask(last)).toBe(KEPT + 1);
      expect(yield* ask(last)).toBe(KEPT + 1);
      expect(yield* ask(first)).toBe(KEPT + 2);
    }),
);
