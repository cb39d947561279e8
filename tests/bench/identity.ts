import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as jose from "jose";
import { developmentTokens } from "../../adapters/identity/dev.ts";
import { jsonWebTokens } from "../../adapters/identity/jwt.ts";
import type { Call } from "../../application/ports/authenticator.ts";
import { type Choice, type Comparison, costOf } from "./rounds.ts";

const callWith = (token: string): Call => ({
  headers: new Headers({ Authorization: `Bearer ${token}` }),
  address: "127.0.0.1",
});

/** CPU of finding out who calls: a JWT that was seen before, one that was not, a known token. */
export async function identity({ isWanted, milliseconds }: Choice): Promise<Comparison> {
  const { privateKey, publicKey } = await jose.generateKeyPair("RS256", { extractable: true });
  const settings = {
    issuer: "https://login.example.com",
    audience: "valetkey",
    algorithms: ["RS256"] as const,
    publicKey: await jose.exportSPKI(publicKey),
    subject: "sub",
    organizations: "organizations",
    scopesPrefix: "",
  };
  const sign = (subject: string) =>
    new jose.SignJWT({ organizations: ["acme"] })
      .setProtectedHeader({ alg: "RS256" })
      .setIssuer(settings.issuer)
      .setAudience(settings.audience)
      .setSubject(subject)
      .setExpirationTime("1 hour")
      .sign(privateKey);
  const jwt = await Effect.runPromise(Effect.scoped(jsonWebTokens(settings)));
  const known = callWith(await sign("known"));
  await Effect.runPromise(jwt.authenticate(known));
  const fresh = await Promise.all(
    Array.from({ length: isWanted(NEW) ? 12_000 : 0 }, (_, i) => sign(`new-${i}`)),
  );
  let next = 0;
  const token = { value: Redacted.make("a-development-token"), isGenerated: false };
  const other = { value: Redacted.make("another-development-token"), isGenerated: false };
  const dev = developmentTokens({ user: token, service: other });
  const developer = callWith("a-development-token");
  const contenders = {
    "JWT, seen before": () => Effect.runSync(jwt.authenticate(known)),
    [NEW]: () => Effect.runPromise(jwt.authenticate(callWith(fresh[next++ % fresh.length] ?? ""))),
    "development token": () => Effect.runSync(dev.authenticate(developer)),
  };
  return {
    title: "Who calls, in one process",
    contenders: Object.entries(contenders)
      .filter(([name]) => isWanted(name))
      .map(([name, authenticate]) => ({ name, run: costOf(milliseconds, authenticate) })),
    references: ["development token"],
    missing: [],
    close: () => Promise.resolve(),
  };
}

const NEW = "JWT, new";
