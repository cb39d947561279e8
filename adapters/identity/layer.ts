import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as RcMap from "effect/RcMap";
import type * as Scope from "effect/Scope";
import { Authenticator } from "../../application/ports/authenticator.ts";
import { Organizations } from "../../application/ports/organizations.ts";
import { developmentTokens } from "./dev.ts";
import { organizationsFromDirectory } from "./directory.ts";
import { forwardedHeaders } from "./forward.ts";
import type { KeySet } from "./key-set.ts";
import { organizationsFromTable, type OrganizationSettings } from "./organizations.ts";
import type { CallerSettings } from "./settings.ts";
import { storedTokens } from "./static.ts";

/** Identifies callers in the configured way. */
export const authenticatorLayer = (
  callers: CallerSettings,
  keySets?: KeySets,
): Layer.Layer<Authenticator> => Layer.effect(Authenticator, authenticator(callers, keySets));

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

/** The keys that issuers publish, by their addresses. */
export type KeySets = RcMap.RcMap<string, KeySet>;

/** Keys are kept as long as somebody uses the set, so that another authenticator has them at once. */
export const makeKeySets: Effect.Effect<KeySets, never, Scope.Scope> = RcMap.make({
  lookup: (url: string) =>
    Effect.flatMap(
      Effect.promise(() => import("./key-set.ts")),
      ({ keysAt }) => keysAt(new URL(url)),
    ),
});

const authenticator = Effect.fnUntraced(function* (callers: CallerSettings, keySets?: KeySets) {
  switch (callers.auth) {
    case "dev":
      return developmentTokens(callers.tokens);
    case "static":
      return storedTokens(callers.tokens);
    case "jwt": {
      // Its library is loaded for nobody else.
      const { jsonWebTokens } = yield* Effect.promise(() => import("./jwt.ts"));
      return yield* jsonWebTokens(callers, keySets && ((url) => RcMap.get(keySets, url.href)));
    }
    case "forward":
      return forwardedHeaders(callers);
  }
});
