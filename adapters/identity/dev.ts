import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { timingSafeEqual } from "node:crypto";
import type { Authenticator } from "../../application/ports/authenticator.ts";
import { Unauthenticated } from "../../domain/errors.ts";
import { EVERY_SCOPE, type Principal } from "../../domain/principal.ts";
import type { CallerKind } from "../../domain/upload-policy.ts";
import { bearerOf, hashOf } from "./bearer.ts";
import type { DevelopmentToken } from "./settings.ts";

/** `AUTH=dev`: one token for a person and one for a service, both with every scope. */
export function developmentTokens(
  tokens: Readonly<Record<CallerKind, DevelopmentToken>>,
): Authenticator["Service"] {
  const user = hashOf(Redacted.value(tokens.user.value));
  const service = hashOf(Redacted.value(tokens.service.value));
  return {
    authenticate: (call) => {
      const token = bearerOf(call);
      if (token === undefined) return UNKNOWN;
      const given = hashOf(token);
      // Both are always compared, so that every answer takes the same time.
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
