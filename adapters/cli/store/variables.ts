import { readSmallFile } from "../../settings/json-file.ts";
import type { SettingName } from "../../settings/source.ts";
import { DOCUMENT, type Env } from "../../settings/source.ts";
import { memberAt } from "../../values/decode.ts";
import * as Result from "effect/Result";
import { adapter, type StoreName } from "../../storage/settings.ts";
import { STORES, settings } from "../../storage/stores/stores.ts";

/** Returns the environment in which these members of the document are those of the one store. */
export function variablesOf(members: Readonly<Record<string, unknown>>, env: Env): Env {
  const without = Object.fromEntries(settings.map(({ variable }) => [variable, undefined]));
  const own: ReadonlyArray<SettingName> = Object.values(
    STORES[members["adapter"] as StoreName].settings,
  );
  const given = own.flatMap((setting) => {
    const value = members[DOCUMENT.name(setting)];
    return value === undefined ? [] : [[setting.variable, textOf(value, env)] as const];
  });
  return {
    ...env,
    ...without,
    GOOGLE_APPLICATION_CREDENTIALS: env["GOOGLE_APPLICATION_CREDENTIALS"],
    ...Object.fromEntries(given),
    [adapter.variable]: String(members["adapter"]),
  };
}

function textOf(value: unknown, env: Env): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  const [file, variable] = ["file", "variable"].map((name) => memberAt(value, [name]));
  if (typeof file === "string") {
    return Result.getOrElse(readSmallFile(file), () => "").replace(/\r?\n$/, "");
  }
  if (typeof variable === "string") return env[variable] ?? "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
