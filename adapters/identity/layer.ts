import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import { createHash, timingSafeEqual } from "node:crypto";
import { Authenticator, Unauthenticated } from "../../application/ports/authenticator.ts";
import { OrganizationNotFound, Organizations } from "../../application/ports/organizations.ts";
import { OrganizationId } from "../../domain/organization.ts";
import type { IdentitySettings } from "./settings.ts";

/** `AUTH=dev`: one token for one developer, who belongs to every organization. */
export function layer(settings: IdentitySettings): Layer.Layer<Authenticator | Organizations> {
  const expected = digest(Redacted.value(settings.token));
  const developer = Effect.succeed({ subject: "developer" });
  const { organizations } = settings;
  return Layer.merge(
    Layer.succeed(Authenticator, {
      authenticate: (token) =>
        timingSafeEqual(digest(Redacted.value(token)), expected)
          ? developer
          : Effect.fail(new Unauthenticated()),
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

/** Of equal length for all tokens, as the comparison in constant time needs. */
const digest = (token: string) => createHash("sha256").update(token).digest();
