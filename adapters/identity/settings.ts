import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { randomBytes } from "node:crypto";
import type { CallerKind } from "../../domain/upload-policy.ts";
import { readJsonFile } from "../settings/json-file.ts";
import {
  choice,
  type Env,
  fault,
  optional,
  type Read,
  readSettings,
  type Setting,
  setting,
  withDefault,
} from "../settings/setting.ts";
import * as forward from "./forward-settings.ts";
import * as jwt from "./jwt-settings.ts";
import * as organizations from "./organization-settings.ts";
import { decodeTokens, type StoredToken } from "./token-file.ts";

const token = (name: string) =>
  setting(name, {
    codec: Schema.RedactedFromValue(
      Schema.String.check(Schema.isPattern(/^[A-Za-z0-9._~+/-]{16,512}=*$/)),
    ),
    shape: "16 or more letters, digits and -._~+/",
    example: "$(openssl rand -hex 16)",
  });

const choices = {
  auth: withDefault(
    choice("AUTH", ["dev", "static", "jwt", "forward"], {
      example: "jwt",
      meant: { token: "static", tokens: "static", oidc: "jwt", oauth: "jwt", proxy: "forward" },
    }),
    "dev",
  ),
};

const dev = {
  exposed: withDefault(
    choice("AUTH_DEV_EXPOSED", ["yes", "no"], {
      shape: "yes (answer more than this machine, with a development token) or no",
      example: "yes",
    }),
    "no",
  ),
  userToken: optional(token("DEV_TOKEN")),
  serviceToken: optional(token("DEV_SERVICE_TOKEN")),
};

const fixed = {
  file: setting("AUTH_TOKENS_FILE", {
    codec: Schema.NonEmptyString,
    shape: "the path of a file that valetkey token create has made",
    example: "/etc/valetkey/tokens.json",
  }),
};

/** Variables that say who may call, and for which organizations, of every choice. */
export const settings: ReadonlyArray<Setting<unknown>> = [
  ...Object.values(choices),
  ...Object.values(organizations.settings),
  ...Object.values(dev),
  ...Object.values(fixed),
  ...Object.values(jwt.settings),
  ...Object.values(forward.settings),
];

/** The variable that lets development tokens be used from elsewhere. */
export const { exposed } = dev;

/** The variable that names the file of tokens. */
export const { file: tokensFile } = fixed;

/** A token that lets everyone in who has it. */
export interface DevelopmentToken {
  readonly value: Redacted.Redacted;
  /** Whether it was made up for this run, so that a person has to be told. */
  readonly isMadeUp: boolean;
}

/** `AUTH=dev`. */
interface DevelopmentSettings {
  readonly auth: "dev";
  /** Whether the development tokens may be used from other machines. */
  readonly exposed: boolean;
  /** The token of each kind of caller. */
  readonly tokens: Readonly<Record<CallerKind, DevelopmentToken>>;
}

/** How callers are told apart. */
export type CallerSettings =
  | DevelopmentSettings
  | {
      readonly auth: "static";
      readonly file: string;
      /** Those that are in it at the start. */
      readonly tokens: ReadonlyArray<StoredToken>;
    }
  | ({ readonly auth: "jwt" } & jwt.JwtSettings)
  | ({ readonly auth: "forward" } & forward.ForwardSettings);

/** What the adapter is configured with. */
export interface IdentitySettings {
  readonly callers: CallerSettings;
  readonly organizations: organizations.OrganizationSettings;
}

/** Reads the choice, and the variables of what it names; every fault of either is told. */
export const read = (env: Env): Read<IdentitySettings> => {
  const membership = organizations.read(env);
  const hasDirectory = Result.isSuccess(membership) && membership.success.directory !== undefined;
  const callers = Result.flatMap(readSettings(choices, env), ({ auth }) =>
    CALLERS[auth](env, hasDirectory),
  );
  if (Result.isSuccess(callers) && Result.isSuccess(membership)) {
    return Result.succeed({ callers: callers.success, organizations: membership.success });
  }
  return Result.fail([...faultsOf(callers), ...faultsOf(membership)]);
};

const faultsOf = (part: Read<unknown>) => (Result.isFailure(part) ? part.failure : []);

/** A directory knows who belongs where, so that identities need not say it. */
type ReadCallers = (env: Env, hasDirectory: boolean) => Read<CallerSettings>;

const CALLERS: Readonly<Record<CallerSettings["auth"], ReadCallers>> = {
  dev: (env) =>
    Result.map(
      readSettings(dev, env, ({ userToken, serviceToken }) =>
        userToken !== undefined &&
        serviceToken !== undefined &&
        Redacted.value(userToken) === Redacted.value(serviceToken)
          ? [fault(dev.serviceToken, "must differ from DEV_TOKEN")]
          : [],
      ),
      ({ exposed, userToken, serviceToken }) => ({
        auth: "dev",
        exposed: exposed === "yes",
        tokens: { user: orMadeUp(userToken), service: orMadeUp(serviceToken) },
      }),
    ),
  static: (env) =>
    Result.flatMap(readSettings(fixed, env), ({ file }) =>
      Result.mapBoth(Result.flatMap(readJsonFile(file), decodeTokens), {
        onSuccess: (tokens) => ({ auth: "static", file, tokens }),
        onFailure: (problem) => [fault(fixed.file, `names a file that ${problem}`)],
      }),
    ),
  jwt: (env, hasDirectory) =>
    Result.map(jwt.read(env), ({ claims, ...settings }) => {
      const { organizations = hasDirectory ? undefined : "organizations" } = claims;
      return { auth: "jwt", ...settings, claims: { ...claims, organizations } };
    }),
  forward: (env, hasDirectory) =>
    Result.map(forward.read(env), ({ headers, ...settings }) => {
      const { organizations = hasDirectory ? undefined : "x-forwarded-groups" } = headers;
      return { auth: "forward", ...settings, headers: { ...headers, organizations } };
    }),
};

const orMadeUp = (value: Redacted.Redacted | undefined): DevelopmentToken => ({
  value: value ?? Redacted.make(randomBytes(16).toString("hex")),
  isMadeUp: value === undefined,
});
