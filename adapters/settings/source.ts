import { memberAt } from "../values/decode.ts";

/** An empty value counts as unset. */
export type Env = Readonly<Record<string, string | undefined>>;

export interface SettingName {
  readonly variable: string;
  /** The option of the package, such as `limits.onFailure`. */
  readonly option?: string | undefined;
}

export interface Vocabulary {
  readonly name: (setting: SettingName) => string;
  /** `STORAGE_CREATE_BUCKET=on`, or `createBucket: true`. */
  readonly assign: (setting: SettingName, value: string | boolean) => string;
  readonly on: string;
  readonly off: string;
  /** The form of a list, to follow its items. */
  readonly list: string;
}

export type Text = string | ((words: Vocabulary) => string);

export const say = (text: Text, words: Vocabulary): string =>
  typeof text === "string" ? text : text(words);

export const VARIABLES: Vocabulary = {
  name: ({ variable }) => variable,
  assign: ({ variable }, value) =>
    `${variable}=${typeof value === "string" ? value : value ? "on" : "off"}`,
  on: "on",
  off: "off",
  list: "separated by commas",
};

const optionName = ({ option, variable }: SettingName) => option ?? variable;

/** A setting without an option is called by its variable. */
export const OPTIONS: Vocabulary = {
  name: optionName,
  assign: (setting, value) => `${optionName(setting)}: ${JSON.stringify(value)}`,
  on: "true",
  off: "false",
  list: "as a list",
};

export interface Source {
  readonly valueOf: (setting: SettingName) => unknown;
  readonly env: Env;
  readonly words: Vocabulary;
}

export const variables = (env: Env): Source => ({
  valueOf: ({ variable }) => env[variable] || undefined,
  env,
  words: VARIABLES,
});

/** `env` has the variables of a cloud's own tools, which are read too. */
export const options = (given: object, env: Env = {}): Source => ({
  // A dot in the name of an option stands before a member of another.
  valueOf: ({ variable, option = "" }) =>
    memberAt(given, option.split(".")) ?? (env[variable] || undefined),
  env,
  words: OPTIONS,
});
