import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { Authenticator } from "../../application/ports/authenticator.ts";
import { Organizations } from "../../application/ports/organizations.ts";
import { developmentTokens } from "./dev.ts";
import { organizationsFromDirectory } from "./directory.ts";
import { forwardedHeaders } from "./forward.ts";
import { organizationsFromTable, type OrganizationSettings } from "./organizations.ts";
import type { CallerSettings } from "./settings.ts";
import { storedTokens } from "./static.ts";

/** Identifies callers in the configured way. */
export const authenticatorLayer = (callers: CallerSettings): Layer.Layer<Authenticator> =>
  Layer.effect(Authenticator, authenticator(callers));

export const organizationsLayer = ({
  table,
  directory,
}: OrganizationSettings): Layer.Layer<Organizations> =>
  Layer.effect(
    Organizations,
    directory === undefined
      ? Effect.succeed(organizationsFromTable(table))
      : organizationsFromDirectory(directory),
  );

const authenticator = Effect.fnUntraced(function* (callers: CallerSettings) {
  switch (callers.auth) {
    case "dev":
      return developmentTokens(callers.tokens);
    case "static":
      return yield* storedTokens(callers);
    case "jwt": {
      // Loaded only when it is used.
      const { jsonWebTokens } = yield* Effect.promise(() => import("./jwt.ts"));
      return yield* jsonWebTokens(callers);
    }
    case "forward":
      return forwardedHeaders(callers);
  }
});
