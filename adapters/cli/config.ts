import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import { readEnvFiles } from "../settings/env-files.ts";
import type { Setting } from "../settings/setting.ts";
import { type Env, variables } from "../settings/source.ts";
import { decodeAwsSigner, readCredentials } from "../storage/credentials/credentials-file.ts";
import { keySettings } from "../storage/credentials/key-settings.ts";
import { asJson, columns, command, JSON_OPTION } from "./command/command.ts";
import { findWarnings, readAll, settings, settingsInUse } from "../service/settings.ts";
import { orFail } from "./command/configuration.ts";
import { CANNOT_START } from "./serve.ts";

export const config = command({
  name: "config",
  summary: "Show the configuration in force and where each value comes from, without secrets",
  options: JSON_OPTION,
  run: async ({ json = false }) => {
    const configured = orFail(readAll(process.env), CANNOT_START, process.env);
    const rows = configRows(process.env);
    const { http, identity, policies, storage } = configured;
    const summary = {
      address: http.publicUrl.origin,
      store: storage.description,
      callers: identity.callers.auth,
      policies: [...policies.keys()].join(","),
    };
    const warnings = findWarnings(process.env, configured);
    if (json) return { result: asJson({ ...summary, warnings, settings: rows }) };
    const about = Object.entries(summary).map(([name, value]) => [name, String(value)]);
    const table = rows.map(({ variable, value, from }) => [
      variable,
      value === null ? "-" : `${value}`,
      from,
    ]);
    return {
      result: `${columns(about)}\n${columns([["VARIABLE", "VALUE", "FROM"], ...table])}`,
      message: warnings.map((text) => `Warning: ${text}.`).join("\n") || undefined,
    };
  },
});

interface Row {
  readonly variable: string;
  /** As the variable or the default has it, `(hidden)` for a secret; null if there is none. */
  readonly value: string | null;
  /** `variable`, `default`, a file, or why the variable does not count. */
  readonly from: string;
}

/** A row for each setting in use, and for each variable that is set although it is not in use. */
export function configRows(env: Env): ReadonlyArray<Row> {
  const inUse = settingsInUse(env);
  const used = new Set(inUse.map(({ variable }) => variable));
  const unused = settings.filter(({ variable }) => env[variable] && !used.has(variable));
  const fromFile = keyInFile(env);
  const inFiles = Result.getOrUndefined(readEnvFiles(env));
  const rows = [...inUse, ...unused].map((setting): Row => {
    const { variable } = setting;
    const text = env[variable];
    const given = inFiles?.get(variable);
    const origin = given === undefined ? "variable" : `file ${given.path}`;
    const from = used.has(variable) ? origin : `${origin}, not used`;
    if (text) return { variable, value: shown(setting, text), from };
    return fromFile.get(variable) ?? { variable, value: describeDefault(setting), from: "default" };
  });
  return [...new Map(rows.map((row) => [row.variable, row])).values()];
}

const shown = ({ decode }: Setting<unknown>, text: string): string => {
  const decoded = decode(text);
  return Result.isSuccess(decoded) && !Redacted.isRedacted(decoded.success) ? text : "(hidden)";
};

function describeDefault({ otherwise, fallback }: Setting<unknown>): string | null {
  const value = fallback?.value;
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "string") return value;
  return otherwise?.replaceAll("`", "") ?? (value === undefined ? null : String(value));
}

/** The key of `STORAGE_CREDENTIALS_FILE`, if the file is one of an access key. */
function keyInFile(env: Env): ReadonlyMap<string, Row> {
  const path = variables(env).valueOf(keySettings.credentialsFile);
  if (typeof path !== "string") return new Map();
  const read = readCredentials(path, decodeAwsSigner);
  if (Result.isFailure(read)) return new Map();
  const row = ({ variable }: Setting<unknown>, value: string) =>
    [variable, { variable, value, from: `file ${path}` }] as const;
  const { accessKey } = read.success.keys;
  return new Map([row(keySettings.accessKey, accessKey), row(keySettings.secretKey, "(hidden)")]);
}
