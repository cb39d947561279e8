import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as events from "../events/settings.ts";
import * as http from "../http/settings.ts";
import * as organizations from "../identity/organizations.ts";
import * as identity from "../identity/settings.ts";
import { type ReadFile, readSmallFile } from "../settings/json-file.ts";
import * as limits from "../limits/settings.ts";
import * as policies from "./policies/settings.ts";
import * as envFiles from "../settings/env-files.ts";
import { joinReads, type Read, type Setting, settingsIn } from "../settings/setting.ts";
import type { Env } from "../settings/source.ts";
import { keySettings } from "../storage/credentials/key-settings.ts";
import { credentialSettings } from "../storage/gcs/credentials.ts";
import { keyInFolder } from "../tokens/layer.ts";
import * as tokens from "../tokens/settings.ts";
import { readAll, settings, type Settings } from "./settings.ts";
import * as storage from "./storage.ts";

/** A configuration as it is read, and as workers get it: no worker reads files of its own. */
export interface ConfigurationSource {
  readonly env: Env;
  /** The files that its variables name; null for one that cannot be read. */
  readonly files: Record<string, string | null>;
  readonly reloads: Reloads;
}

/** The reloads so far; times are in milliseconds since 1970. */
export interface Reloads {
  readonly accepted: number;
  readonly refused: number;
  /** When the configuration in force was loaded. */
  readonly loadedAt: number;
  /** The last one was refused, for that reason; since the first of those in a row. */
  readonly failure?: { readonly since: number; readonly reason: string };
}

export interface Configuration extends ConfigurationSource {
  readonly settings: Settings;
}

/** Serves a configuration from now on, or fails with the reason why that is not possible. */
export type ApplyConfiguration = (next: Configuration) => Effect.Effect<void, string>;

/** `env` are the variables of the process; those of `ENV_FILES` come over them. */
export const readConfiguration = (
  { env, files, reloads }: ConfigurationSource,
  last?: Configuration,
): Read<Configuration> =>
  Result.flatMap(envFiles.readEnvFiles(env, readingOnce(files)), (given) => {
    const values = [...given].map(([name, { value }]) => [name, value]);
    return configurationFrom(
      { env: { ...env, ...Object.fromEntries(values) }, files, reloads },
      last,
    );
  });

/**
 * Refuses what only a restart can change from `last`. Settings are the same object if nothing has
 * changed, and so are the organizations and the store if none of their variables has.
 */
export function configurationFrom(
  next: ConfigurationSource,
  last?: Configuration,
): Read<Configuration> {
  const read = readAll(next.env, readingOnce(next.files));
  if (last === undefined) return Result.map(read, (settings) => ({ ...next, settings }));
  const changed = changedVariables(last, next);
  const isFixed = (name: string) =>
    !RELOADED.has(name) || (name === "AUTH" && isDev(next.env) !== isDev(last.env));
  const faults = changed.filter(isFixed).map((variable) => ({
    setting: { variable },
    problem: "cannot change while the service runs; restart to change it",
    example: "",
  }));
  const isSame = (group: ReadonlyArray<Setting<unknown>>) =>
    !group.some(({ variable }) => changed.includes(variable));
  return Result.map(joinReads({ settings: read }, faults), ({ settings }) => {
    if (changed.length === 0) return { ...next, settings: last.settings };
    const identity = isSame(Object.values(organizations.settings))
      ? { ...settings.identity, organizations: last.settings.identity.organizations }
      : settings.identity;
    const { storage: store } = isSame(storage.settings) ? last.settings : settings;
    return { ...next, settings: { ...settings, identity, storage: store } };
  });
}

const readingOnce =
  (files: ConfigurationSource["files"]): ReadFile =>
  (path) => {
    const known = files[path];
    if (typeof known === "string") return Result.succeed(known);
    const read = readSmallFile(path);
    files[path] = Result.getOrNull(read);
    return read;
  };

const isDev = (env: Env) => (env["AUTH"] || "dev") === "dev";

/** The variables that differ, or whose files do. */
export function changedVariables(
  last: ConfigurationSource,
  next: ConfigurationSource,
): ReadonlyArray<string> {
  const textFor = ({ env, files }: ConfigurationSource, name: string) =>
    JSON.stringify([env[name] || "", files[env[name] ?? ""]]);
  const names = new Set(settings.map(({ variable }) => variable));
  // The variables in its files are compared one by one.
  names.delete(envFiles.settings.files.variable);
  return [...names].filter((name) => textFor(last, name) !== textFor(next, name));
}

const { keys, denied } = tokens.settings;
const { secrets } = events.settings;
const { corsOrigins, trustedProxies, notificationSecrets, shutdownGrace, shutdownTimeout } =
  http.settings;
/** All others need a restart: sockets, the store's client, Redis, the log and the audit are made of them. */
const RELOADED: ReadonlySet<string> = new Set(
  [
    ...settingsIn(limits.settings, policies.settings, keySettings, credentialSettings),
    ...settingsIn(identity.settings, { keys, denied, secrets, corsOrigins, trustedProxies }),
    ...settingsIn({ notificationSecrets, shutdownGrace, shutdownTimeout }),
  ].map(({ variable }) => variable),
);

/** Makes variables of the secrets that would be made at each reading, and in each worker. */
export const fixedSecrets = Effect.fnUntraced(function* ({ identity, tokens }: Settings) {
  const made: Record<string, string> = {};
  if (identity.callers.auth === "dev") {
    made["DEV_TOKEN"] = Redacted.value(identity.callers.tokens.user.value);
    made["DEV_SERVICE_TOKEN"] = Redacted.value(identity.callers.tokens.service.value);
  }
  if (tokens.keys === undefined) {
    const key = yield* keyInFolder(tokens.directory);
    made["RECEIPT_KEYS"] = `own:${Buffer.from(key).toString("base64")}`;
  }
  return made;
});
