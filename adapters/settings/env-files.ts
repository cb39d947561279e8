import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { readSmallFile } from "./json-file.ts";
import { List } from "./codecs.ts";
import { fault, optional, type Read, readSettings } from "./setting.ts";
import { type Env, variables } from "./source.ts";

export const settings = {
  files: optional({
    variable: "ENV_FILES",
    meaning:
      "Where variables are read from too, before the environment: files of lines `NAME=value` (quote a value with `#` or a space around it), and folders with a file for each variable.",
    codec: List(Schema.NonEmptyString),
    shape: ({ list }) => `the paths of files and folders, ${list}`,
    example: "/etc/valetkey/valetkey.env,/run/secrets/valetkey",
  }),
};

/** The variables in files, by name; the last of several for one variable counts. */
type Variables = ReadonlyMap<string, { readonly value: string | undefined; readonly path: string }>;

export const readEnvFiles = (env: Env): Read<Variables> =>
  Result.flatMap(readSettings(settings, variables(env)), ({ files = [] }) => {
    const variables = new Map<string, { value: string | undefined; path: string }>();
    for (const [path, name] of files.flatMap(variableFiles)) {
      const text = readSmallFile(path);
      if (Result.isFailure(text)) {
        return Result.fail([fault(settings.files, `names ${path}, which ${text.failure}`)]);
      }
      // Editors and `echo` end a file with a line end.
      const entries = name
        ? { [name]: text.success.replace(/\r?\n$/, "") }
        : parseEnv(text.success);
      for (const [name, value] of Object.entries(entries)) variables.set(name, { value, path });
    }
    return Result.succeed(variables);
  });

/** Returns the files in a folder with the variable of each, or the path itself if it is a file. */
function variableFiles(path: string): ReadonlyArray<readonly [path: string, name?: string]> {
  try {
    const names = readdirSync(path).filter((name) => /^[A-Z][A-Z0-9_]*$/.test(name));
    return names.map((name) => [join(path, name), name]);
  } catch {
    return [[path]];
  }
}
