import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import { createHash, timingSafeEqual } from "node:crypto";
import {
  Authenticator,
  type Principal,
  Unauthenticated,
} from "../../application/ports/authenticator.ts";
import { OrganizationNotFound, Organizations } from "../../application/ports/organizations.ts";
import { OrganizationId } from "../../domain/organization.ts";
import type { IdentitySettings } from "./settings.ts";

/** `AUTH=dev`: one token for a person, one for a service; both belong to every organization. */
export function layer(settings: IdentitySettings): Layer.Layer<Authenticator | Organizations> {
  const { organizations, tokens } = settings;
  const user = digest(tokens.user.value);
  const service = digest(tokens.service.value);
  return Layer.merge(
    Layer.succeed(Authenticator, {
      authenticate: (token) => {
        const given = digest(token);
        // Both are compared whatever the first gives, so that all callers take the same time.
        const isUser = timingSafeEqual(given, user);
        const isService = timingSafeEqual(given, service);
        if (isUser) return USER;
        return isService ? SERVICE : UNKNOWN;
      },
    }),
    Layer.succeed(Organizations, {
      resolve: (_principal, slug) => {
        const id =
          organizations === undefined ? OrganizationId.make(slug) : organizations.get(slug);
        return id === undefined ? Effect.fail(new OrganizationNotFound()) : Effect.succeed(id);
      },
    }),
  );
}

const USER = Effect.succeed<Principal>({ kind: "user", subject: "developer" });
const SERVICE = Effect.succeed<Principal>({ kind: "service", subject: "development-service" });
const UNKNOWN = Effect.fail(new Unauthenticated());

/** Of equal length for all tokens, as the comparison in constant time needs. */
const digest = (token: Redacted.Redacted) =>
  createHash("sha256").update(Redacted.value(token)).digest();
