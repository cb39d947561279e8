import * as Effect from "effect/Effect";
import { identity } from "effect/Function";
import * as Layer from "effect/Layer";
import { Authenticator } from "../../application/ports/authenticator.ts";
import { Organizations } from "../../application/ports/organizations.ts";
import type { OrganizationSettings } from "./organization-settings.ts";
import type { CallerSettings, IdentitySettings } from "./settings.ts";
import { organizationsFromTable } from "./organizations.ts";

/**
 * Who calls, by the configured kind of identity, whose code alone is loaded. `guard` may put
 * something before it.
 */
export const layer = (
  { callers, organizations }: IdentitySettings,
  guard: (authenticator: Authenticator["Service"]) => Authenticator["Service"] = identity,
): Layer.Layer<Authenticator | Organizations> =>
  Layer.merge(
    Layer.effect(Authenticator, Effect.map(authenticatorOf(callers), guard)),
    Layer.effect(Organizations, organizationsOf(organizations)),
  );

const authenticatorOf = (callers: CallerSettings) =>
  Effect.gen(function* () {
    switch (callers.auth) {
      case "dev":
        return (yield* load(() => import("./dev.ts"))).developmentTokens(callers.tokens);
      case "static":
        return yield* (yield* load(() => import("./static.ts"))).tokensOfFile(
          callers.file,
          callers.tokens,
        );
      case "jwt":
        return yield* (yield* load(() => import("./jwt.ts"))).jsonWebTokens(callers);
      case "forward":
        return (yield* load(() => import("./forward.ts"))).forwardedHeaders(callers);
    }
  });

const organizationsOf = ({ table, directory }: OrganizationSettings) =>
  directory === undefined
    ? Effect.succeed(organizationsFromTable(table))
    : Effect.flatMap(
        load(() => import("./directory.ts")),
        ({ organizationsFromDirectory }) => organizationsFromDirectory(directory),
      );

const load = <A>(module: () => Promise<A>): Effect.Effect<A> => Effect.promise(module);
