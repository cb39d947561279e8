import * as Effect from "effect/Effect";
import { identity } from "effect/Function";
import * as Layer from "effect/Layer";
import { Authenticator } from "../../application/ports/authenticator.ts";
import { Organizations } from "../../application/ports/organizations.ts";
import { developmentTokens } from "./dev.ts";
import { organizationsFromDirectory } from "./directory.ts";
import { forwardedHeaders } from "./forward.ts";
import { organizationsFromTable } from "./organizations.ts";
import type { CallerSettings, IdentitySettings } from "./settings.ts";
import { tokensFromFile } from "./static.ts";

/** Identifies callers in the configured way, behind `guard`. */
export const layer = (
  { callers, organizations: { table, directory } }: IdentitySettings,
  guard: (authenticator: Authenticator["Service"]) => Authenticator["Service"] = identity,
): Layer.Layer<Authenticator | Organizations> =>
  Layer.merge(
    Layer.effect(Authenticator, Effect.map(authenticator(callers), guard)),
    Layer.effect(
      Organizations,
      directory === undefined
        ? Effect.succeed(organizationsFromTable(table))
        : organizationsFromDirectory(directory),
    ),
  );

const authenticator = Effect.fnUntraced(function* (callers: CallerSettings) {
  switch (callers.auth) {
    case "dev":
      return developmentTokens(callers.tokens);
    case "static":
      return yield* tokensFromFile(callers.file, callers.tokens);
    case "jwt": {
      // Its library is loaded for nobody else.
      const { jsonWebTokens } = yield* Effect.promise(() => import("./jwt.ts"));
      return yield* jsonWebTokens(callers);
    }
    case "forward":
      return forwardedHeaders(callers);
  }
});
