import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Authenticator } from "../../application/ports/authenticator.ts";
import { Unauthenticated } from "../../domain/errors.ts";
import { type Principal, Scope } from "../../domain/principal.ts";
import type { CallerKind } from "../../domain/upload-policy.ts";
import { UNGUESSABLE } from "../settings/codecs.ts";
import { fault, oneOf, optional, readSettings, withDefault } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import { bearerToken, hashToken } from "./bearer.ts";

const TOKEN = {
  otherwise: "random, printed",
  codec: Schema.RedactedFromValue(
    Schema.String.check(Schema.isPattern(/^[A-Za-z0-9._~+/-]{16,512}=*$/), UNGUESSABLE),
  ),
  shape: "16 or more random letters, digits and -._~+/",
  example: "$(openssl rand -hex 16)",
};

export const settings = {
  exposed: withDefault("no", {
    ...oneOf(["yes", "no"]),
    variable: "AUTH_DEV_EXPOSED",
    meaning: "Lets other machines use the development tokens.",
    shape: "yes (answer more than this machine, with a development token) or no",
    example: "yes",
  }),
  userToken: optional({
    ...TOKEN,
    variable: "DEV_TOKEN",
    meaning: "The token of a person, for `AUTH=dev`.",
  }),
  serviceToken: optional({
    ...TOKEN,
    variable: "DEV_SERVICE_TOKEN",
    meaning: "The token of a service, for `AUTH=dev`.",
  }),
};

export const read = (source: Source) =>
  Result.map(
    readSettings(settings, source, ({ userToken, serviceToken }) => [
      userToken !== undefined &&
        serviceToken !== undefined &&
        // oxlint-disable-next-line valetkey/constant-time -- both are the operator's, at startup
        Redacted.value(userToken) === Redacted.value(serviceToken) &&
        fault(settings.serviceToken, ({ name }) => `must differ from ${name(settings.userToken)}`),
    ]),
    ({ exposed, userToken, serviceToken }) => ({
      exposed: exposed === "yes",
      tokens: { user: tokenOrGenerated(userToken), service: tokenOrGenerated(serviceToken) },
    }),
  );

export interface DevelopmentToken {
  readonly value: Redacted.Redacted;
  readonly isGenerated: boolean;
}

const tokenOrGenerated = (value: Redacted.Redacted | undefined): DevelopmentToken => ({
  value: value ?? Redacted.make(randomBytes(16).toString("hex")),
  isGenerated: value === undefined,
});

/** One token for a person and one for a service, both with every scope. */
export function developmentTokens(
  tokens: Readonly<Record<CallerKind, DevelopmentToken>>,
): Authenticator["Service"] {
  const user = hashToken(Redacted.value(tokens.user.value));
  const service = hashToken(Redacted.value(tokens.service.value));
  return {
    authenticate: (call) => {
      const token = bearerToken(call);
      if (token === undefined) return UNAUTHENTICATED;
      const presented = hashToken(token);
      // Both are always compared, so that every answer takes the same time.
      const isUser = timingSafeEqual(presented, user);
      const isService = timingSafeEqual(presented, service);
      if (isUser) return USER;
      return isService ? SERVICE : UNAUTHENTICATED;
    },
  };
}

const everything = { scopes: new Set(Scope.literals), organizations: "every" } as const;
const USER = Effect.succeed<Principal>({ kind: "user", subject: "developer", ...everything });
const SERVICE = Effect.succeed<Principal>({
  kind: "service",
  subject: "development-service",
  ...everything,
});
const UNAUTHENTICATED = Effect.fail(new Unauthenticated({ by: "token" }));
