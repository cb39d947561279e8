import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { createHash, timingSafeEqual } from "node:crypto";
import { type Authenticator, Unauthenticated } from "../../application/ports/authenticator.ts";
import { EVERY_SCOPE, type Principal } from "../../domain/principal.ts";
import type { CallerKind } from "../../domain/upload-policy.ts";
import { bearerOf } from "./bearer.ts";
import type { DevelopmentToken } from "./settings.ts";

/** `AUTH=dev`: one token for a person, one for a service, either with every right. */
export function developmentTokens(
  tokens: Readonly<Record<CallerKind, DevelopmentToken>>,
): Authenticator["Service"] {
  const user = digest(tokens.user.value);
  const service = digest(tokens.service.value);
  return {
    authenticate: (call) => {
      const token = bearerOf(call);
      if (token === undefined) return UNKNOWN;
      const given = digest(token);
      // Both are compared whatever the first gives, so that all callers take the same time.
      const isUser = timingSafeEqual(given, user);
      const isService = timingSafeEqual(given, service);
      if (isUser) return USER;
      return isService ? SERVICE : UNKNOWN;
    },
  };
}

const everything = { scopes: EVERY_SCOPE, organizations: "every" } as const;
const USER = Effect.succeed<Principal>({ kind: "user", subject: "developer", ...everything });
const SERVICE = Effect.succeed<Principal>({
  kind: "service",
  subject: "development-service",
  ...everything,
});
const UNKNOWN = Effect.fail(new Unauthenticated({ by: "token" }));

/** Of equal length for all tokens, as the comparison in constant time needs. */
const digest = (token: Redacted.Redacted) =>
  createHash("sha256").update(Redacted.value(token)).digest();
