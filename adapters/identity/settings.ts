import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { randomBytes } from "node:crypto";
import type { CallerKind } from "../../domain/upload-policy.ts";
import { readJsonFile } from "../json/json-file.ts";
import {
  allOf,
  fault,
  oneOf,
  optional,
  type Read,
  readSettings,
  type Setting,
  setting,
  withDefault,
} from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import * as forward from "./forward.ts";
import * as jwt from "./jwt-settings.ts";
import * as organizations from "./organizations.ts";
import { decodeTokens, type StoredToken } from "./token-file.ts";

const TOKEN = {
  otherwise: "random, printed",
  codec: Schema.RedactedFromValue(
    Schema.String.check(Schema.isPattern(/^[A-Za-z0-9._~+/-]{16,512}=*$/)),
  ),
  shape: "16 or more letters, digits and -._~+/",
  example: "$(openssl rand -hex 16)",
};

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

const dev = {
  exposed: withDefault("no", {
    ...oneOf(["yes", "no"]),
    variable: "AUTH_DEV_EXPOSED",
    meaning: "Whether other machines may use the development tokens.",
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

const fixed = {
  file: setting({
    variable: "AUTH_TOKENS_FILE",
    meaning: "Hashes of tokens, for `AUTH=static`.",
    codec: Schema.NonEmptyString,
    shape: "the path of a file that valetkey token create has made",
    example: "/etc/valetkey/tokens.json",
  }),
};

const SETTINGS = { dev, static: fixed, jwt: jwt.settings, forward: forward.settings };

const all = (groups: ReadonlyArray<object>): ReadonlyArray<Setting<unknown>> =>
  [choices, organizations.settings, ...groups].flatMap((group): ReadonlyArray<Setting<unknown>> =>
    Object.values(group),
  );

/** Settings of all kinds of callers, and of organizations. */
export const settings = all(Object.values(SETTINGS));

/** Those of the callers that are chosen, and of organizations. */
export const settingsOf = (source: Source): ReadonlyArray<Setting<unknown>> =>
  all(
    Result.match(readSettings(choices, source), {
      onSuccess: ({ auth }) => [SETTINGS[auth]],
      onFailure: () => [],
    }),
  );

/** The setting that lets development tokens be used from elsewhere. */
export const { exposed } = dev;

/** The setting that names the file of tokens. */
export const { file: tokensFile } = fixed;

/** A token that lets everyone in who has it. */
export interface DevelopmentToken {
  readonly value: Redacted.Redacted;
  /** Whether it was generated for this run, so that a person has to be told. */
  readonly isGenerated: boolean;
}

/** How callers are identified. */
export type CallerSettings =
  | {
      readonly auth: "dev";
      /** Whether the development tokens may be used from other machines. */
      readonly exposed: boolean;
      /** The token of each kind of caller. */
      readonly tokens: Readonly<Record<CallerKind, DevelopmentToken>>;
    }
  | {
      readonly auth: "static";
      readonly file: string;
      /** The tokens in the file at startup. */
      readonly tokens: ReadonlyArray<StoredToken>;
    }
  | ({ readonly auth: "jwt" } & jwt.JwtSettings)
  | ({ readonly auth: "forward" } & forward.ForwardSettings);

/** What the adapter is configured with. */
export interface IdentitySettings {
  readonly callers: CallerSettings;
  readonly organizations: organizations.OrganizationSettings;
}

/** Reads the choice and the settings of what it names, and reports the faults of both. */
export const read = (source: Source): Read<IdentitySettings> => {
  const membership = organizations.read(source);
  const hasDirectory = Result.isSuccess(membership) && membership.success.directory !== undefined;
  const callers = Result.flatMap(readSettings(choices, source), ({ auth }) =>
    CALLERS[auth](source, hasDirectory),
  );
  return allOf({ callers, organizations: membership });
};

const CALLERS: Readonly<
  Record<CallerSettings["auth"], (source: Source, hasDirectory: boolean) => Read<CallerSettings>>
> = {
  dev: (source) =>
    Result.map(
      readSettings(dev, source, ({ userToken, serviceToken }) => [
        userToken !== undefined &&
          serviceToken !== undefined &&
          // oxlint-disable-next-line valetkey/constant-time -- both are the operator's, at startup
          Redacted.value(userToken) === Redacted.value(serviceToken) &&
          fault(dev.serviceToken, ({ name }) => `must differ from ${name(dev.userToken)}`),
      ]),
      ({ exposed, userToken, serviceToken }) => ({
        auth: "dev",
        exposed: exposed === "yes",
        tokens: { user: orGenerated(userToken), service: orGenerated(serviceToken) },
      }),
    ),
  static: (source) =>
    Result.flatMap(readSettings(fixed, source), ({ file }) =>
      Result.mapBoth(Result.flatMap(readJsonFile(file), decodeTokens), {
        onSuccess: (tokens) => ({ auth: "static", file, tokens }),
        onFailure: (problem) => [fault(fixed.file, `names a file that ${problem}`)],
      }),
    ),
  jwt: (...args) => Result.map(jwt.read(...args), (values) => ({ auth: "jwt", ...values })),
  forward: (...args) =>
    Result.map(forward.read(...args), (values) => ({ auth: "forward", ...values })),
};

const orGenerated = (value: Redacted.Redacted | undefined): DevelopmentToken => ({
  value: value ?? Redacted.make(randomBytes(16).toString("hex")),
  isGenerated: value === undefined,
});
