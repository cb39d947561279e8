import * as Result from "effect/Result";
import {
  joinReads,
  oneOf,
  type Read,
  readSettings,
  type Setting,
  settingsIn,
  withDefault,
} from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import * as dev from "./dev.ts";
import * as forward from "./forward.ts";
import * as jwt from "./jwt-settings.ts";
import * as organizations from "./organizations.ts";
import * as fixed from "./static.ts";

const choices = {
  auth: withDefault("dev", {
    ...oneOf(["dev", "static", "jwt", "forward"], {
      static: ["token", "tokens"],
      jwt: ["oidc", "oauth"],
      forward: ["proxy"],
    }),
    variable: "AUTH",
    meaning: "How callers are known: see [identity](identity.md).",
    example: "jwt",
  }),
};

const WAYS = { dev, static: fixed, jwt, forward };
type Ways = typeof WAYS;

const all = (...groups: ReadonlyArray<object>) =>
  settingsIn(choices, organizations.settings, ...groups);

export const settings = all(...Object.values(WAYS).map((way) => way.settings));

export const chosenSettings = (source: Source): ReadonlyArray<Setting<unknown>> =>
  Result.match(readSettings(choices, source), {
    onSuccess: ({ auth }) => all(WAYS[auth].settings),
    onFailure: () => all(),
  });

export const { exposed } = dev.settings;

export const { store: storeClaim } = jwt.settings;

/** Returns true if callers' tokens say which store is their organizations'. */
export const isPlacedByClaim = (source: Source): boolean =>
  chosenSettings(source).includes(storeClaim) && source.valueOf(storeClaim) !== undefined;

export const { file: tokensFile } = fixed.settings;

export type CallerSettings = {
  readonly [Auth in keyof Ways]: { readonly auth: Auth } & Result.Result.Success<
    ReturnType<Ways[Auth]["read"]>
  >;
}[keyof Ways];

export interface IdentitySettings {
  readonly callers: CallerSettings;
  readonly organizations: organizations.OrganizationSettings;
}

export const read = (source: Source): Read<IdentitySettings> => {
  const membership = organizations.read(source);
  const hasDirectory = Result.isSuccess(membership) && membership.success.directory !== undefined;
  const callers = Result.flatMap(readSettings(choices, source), ({ auth }) =>
    Result.map(
      WAYS[auth].read(source, hasDirectory) as Read<object>,
      (values) => ({ auth, ...values }) as CallerSettings,
    ),
  );
  return joinReads({ callers, organizations: membership });
};
