import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as http from "../http/settings.ts";
import * as organizations from "../identity/organizations.ts";
import * as identity from "../identity/settings.ts";
import { type ReadFile, readSmallFile } from "../json/json-file.ts";
import * as limits from "../limits/settings.ts";
import * as policies from "../policies/settings.ts";
import * as envFiles from "../settings/env-files.ts";
import { allOf, fault, type Read, type Setting } from "../settings/setting.ts";
import type { Env } from "../settings/source.ts";
import { keySettings } from "../storage/credentials/key-settings.ts";
import { credentialSettings } from "../storage/gcs/credentials.ts";
import { keyInFolder } from "../tokens/layer.ts";
import * as tokens from "../tokens/settings.ts";
import { readAll, settings, type Settings, settingsInUse } from "./settings.ts";
import * as storage from "./storage.ts";

/** Texts of files by their paths, or why they cannot be read. */
export type Files = Map<string, Result.Result<string, string>>;

export interface Configuration {
  readonly env: Env;
  /** The files that its variables name, as they were read. */
  readonly files: Files;
  readonly settings: Settings;
}

/** `own` are the variables of the process; those of `ENV_FILES` come over them. */
export const readConfiguration = (
  own: Env,
  files: Files = new Map(),
  last?: Configuration,
): Read<Configuration> =>
  Result.flatMap(envFiles.readEnvFiles(own, readingOnce(files)), (given) =>
    configurationFrom({ ...own, ...given }, files, last),
  );

/**
 * Refuses what only a restart can change from `last`. The callers, the organizations and the store
 * stay the same objects if none of their settings changed.
 */
export function configurationFrom(
  env: Env,
  files: Files,
  last?: Configuration,
): Read<Configuration> {
  const read = readAll(env, readingOnce(files));
  if (last === undefined) return Result.map(read, (settings) => ({ env, files, settings }));
  const changed = new Set(changedVariables(last, { env, files }));
  const isSame = (settings: ReadonlyArray<Setting<unknown>>) =>
    settings.every(({ variable }) => !changed.has(variable));
  const isDevSwitched = isDev(env) !== isDev(last.env);
  const fixed = [...settingsInUse(last.env), ...settingsInUse(env)].filter(
    ({ variable }) =>
      changed.has(variable) && (!RELOADED.has(variable) || (variable === "AUTH" && isDevSwitched)),
  );
  const faults = [...new Map(fixed.map((setting) => [setting.variable, setting])).values()].map(
    (setting) => fault(setting, "cannot change while the service runs; restart to change it"),
  );
  return Result.map(allOf({ settings: read }, faults), ({ settings }) => {
    const { callers, organizations: table } = last.settings.identity;
    return {
      env,
      files,
      settings: {
        ...settings,
        storage: isSame(storage.settings) ? last.settings.storage : settings.storage,
        identity: {
          callers: isSame(identity.settings) ? callers : settings.identity.callers,
          organizations: isSame(Object.values(organizations.settings))
            ? table
            : settings.identity.organizations,
        },
      },
    };
  });
}

const readingOnce =
  (files: Files): ReadFile =>
  (path) => {
    const known = files.get(path) ?? readSmallFile(path);
    files.set(path, known);
    return known;
  };

const isDev = (env: Env) => (env["AUTH"] || "dev") === "dev";

/** The variables that differ, or whose files do. */
export function changedVariables(
  last: Omit<Configuration, "settings">,
  next: Omit<Configuration, "settings">,
): ReadonlyArray<string> {
  const textOf = ({ env, files }: typeof last, name: string) =>
    Result.getOrUndefined(files.get(env[name] ?? "") ?? Result.fail(""));
  const names = new Set(settings.map(({ variable }) => variable));
  // The variables in its files are compared one by one.
  names.delete(envFiles.settings.files.variable);
  return [...names].filter(
    (name) =>
      (last.env[name] || undefined) !== (next.env[name] || undefined) ||
      textOf(last, name) !== textOf(next, name),
  );
}

/** All others need a restart: sockets, the store's client, Redis, the log and the audit are made of them. */
export const RELOADED: ReadonlySet<string> = new Set(
  [
    ...identity.settings,
    ...[limits.settings, policies.settings, keySettings, credentialSettings].flatMap((group) =>
      Object.values<Setting<unknown>>(group),
    ),
    tokens.settings.keys,
    tokens.settings.denied,
    http.settings.corsOrigins,
    http.settings.trustedProxies,
    http.settings.shutdownGrace,
    http.settings.shutdownTimeout,
  ].map(({ variable }) => variable),
);

/** The secrets that nobody configured, made once for the life of the service and all its workers. */
export const withSecrets = Effect.fnUntraced(function* (configuration: Configuration) {
  const { identity, tokens } = configuration.settings;
  const secrets: Record<string, string> = {};
  if (identity.callers.auth === "dev") {
    const { user, service } = identity.callers.tokens;
    if (user.isGenerated) secrets["DEV_TOKEN"] = Redacted.value(user.value);
    if (service.isGenerated) secrets["DEV_SERVICE_TOKEN"] = Redacted.value(service.value);
  }
  let { keys } = tokens;
  if (keys === undefined) {
    const secret = yield* keyInFolder(tokens.directory);
    secrets["RECEIPT_KEYS"] = `own:${Buffer.from(secret).toString("base64")}`;
    keys = [{ id: "own", secret: Buffer.from(secret) }];
  }
  const env = { ...configuration.env, ...secrets };
  const settings = { ...configuration.settings, tokens: { ...tokens, keys } };
  return { secrets, configuration: { ...configuration, env, settings } };
});
