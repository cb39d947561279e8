import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import type { ReadFile } from "../json/json-file.ts";
import { List } from "./codecs.ts";
import { fault, optional, type Read, readSettings } from "./setting.ts";
import { type Env, variables } from "./source.ts";

export const settings = {
  files: optional({
    variable: "ENV_FILES",
    meaning:
      "Where variables are read from too, before the environment, and again at each [reload](reload.md): files of lines `NAME=value`, and folders with a file for each variable.",
    otherwise: "none",
    codec: List(Schema.NonEmptyString),
    shape: ({ list }) => `the paths of files and folders, ${list}`,
    example: "/etc/valetkey/valetkey.env,/run/secrets/valetkey",
  }),
};

/** Reads the variables in the files; of two for one variable, the later counts. */
export const readEnvFiles = (env: Env, readFile: ReadFile): Read<Env> =>
  Result.map(readOrigins(env, readFile), (files) => Object.assign({}, ...files.values()));

/** The same by the path of each file. */
export const readOrigins = (env: Env, readFile: ReadFile): Read<ReadonlyMap<string, Env>> =>
  Result.flatMap(readSettings(settings, variables(env)), ({ files = [] }) =>
    Result.mapBoth(Result.all(files.flatMap(variableFiles).map((file) => read(file, readFile))), {
      onSuccess: (files) => new Map(files),
      onFailure: (problem) => [fault(settings.files, `names ${problem}`)],
    }),
  );

interface VariableFile {
  readonly path: string;
  /** The variable whose value is the whole file. */
  readonly name?: string;
}

const read = ({ path, name }: VariableFile, readFile: ReadFile) =>
  Result.mapBoth(readFile(path), {
    onSuccess: (text): readonly [string, Env] => [
      path,
      // Editors and `echo` end it with a line end.
      name === undefined ? parseEnv(text) : { [name]: text.replace(/\r?\n$/, "") },
    ],
    onFailure: (problem) => `${path}, which ${problem}`,
  });

/** The files of variables in a folder, or the path itself if it is none. */
function variableFiles(path: string): ReadonlyArray<VariableFile> {
  try {
    const names = readdirSync(path).filter((name) => /^[A-Z][A-Z0-9_]*$/.test(name));
    return names.map((name) => ({ name, path: join(path, name) }));
  } catch {
    return [{ path }];
  }
}
