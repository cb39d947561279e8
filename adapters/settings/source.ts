import { memberAt } from "../json/decode.ts";

// The places where settings are written, and their names there.

/** The process's environment variables, or a test's. An empty value counts as unset. */
export type Env = Readonly<Record<string, string | undefined>>;

/** The two names of a setting. */
export interface Named {
  /** The environment variable. */
  readonly variable: string;
  /** The option of the package, such as `limits.onFailure`; undefined where it has none. */
  readonly option?: string | undefined;
}

/** The words for settings in the place where a person has written them. */
export interface Words {
  readonly name: (setting: Named) => string;
  /** Writes a setting with a value: `STORAGE_CREATE_BUCKET=on`, or `createBucket: true`. */
  readonly assign: (setting: Named, value: string | boolean) => string;
  readonly on: string;
  readonly off: string;
  /** The form of a list, to follow its items. */
  readonly list: string;
}

/** Text that may name settings, as its reader calls them. */
export type Text = string | ((words: Words) => string);

/** The text, with settings named in these words. */
export const say = (text: Text, words: Words): string =>
  typeof text === "string" ? text : text(words);

/** For operators, who set environment variables. */
export const VARIABLES: Words = {
  name: ({ variable }) => variable,
  assign: ({ variable }, value) =>
    `${variable}=${typeof value === "string" ? value : value ? "on" : "off"}`,
  on: "on",
  off: "off",
  list: "separated by commas",
};

const optionName = ({ option, variable }: Named) => option ?? variable;

/** For embedders, who pass options; a setting without an option is called by its variable. */
export const OPTIONS: Words = {
  name: optionName,
  assign: (setting, value) => `${optionName(setting)}: ${JSON.stringify(value)}`,
  on: "true",
  off: "false",
  list: "as a list",
};

/** The source of settings. */
export interface Source {
  /** The value that is written for a setting; undefined where nothing is. */
  readonly valueOf: (setting: Named) => unknown;
  /** The environment, as far as it counts. */
  readonly env: Env;
  readonly words: Words;
}

/** Settings as environment variables. */
export const variables = (env: Env): Source => ({
  valueOf: ({ variable }) => env[variable] || undefined,
  env,
  words: VARIABLES,
});

/** Settings as options; `env` has the variables of a cloud's own tools, which are read too. */
export const options = (given: object, env: Env = {}): Source => ({
  // A dot in the name of an option stands before a member of another.
  valueOf: ({ variable, option = "" }) =>
    memberAt(given, option.split(".")) ?? (env[variable] || undefined),
  env,
  words: OPTIONS,
});
