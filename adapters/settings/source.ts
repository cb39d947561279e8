import { memberAt } from "../values/decode.ts";
import { snakeCase } from "../values/names.ts";

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
  /** Form of a list, as a message adds it. */
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

/** Names settings by option, or by variable if there is none. */
export const OPTIONS: Vocabulary = {
  name: optionName,
  assign: (setting, value) => `${optionName(setting)}: ${JSON.stringify(value)}`,
  on: "true",
  off: "false",
  list: "as a list",
};

/** Names settings as a JSON document does: by option, in snake case. */
export const DOCUMENT: Vocabulary = {
  ...OPTIONS,
  name: (setting) => snakeCase(optionName(setting)),
  assign: (setting, value) => `"${DOCUMENT.name(setting)}": ${JSON.stringify(value)}`,
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

/** Reads options. `env` has the variables of a cloud's tools, which are read too. */
export const options = (values: object, env: Env = {}): Source => ({
  // A dot in an option's name separates a member from its parent.
  valueOf: ({ variable, option = "" }) =>
    memberAt(values, option.split(".")) ?? (env[variable] || undefined),
  env,
  words: OPTIONS,
});

/** Replaces values of settings, by their variables. */
export const withValues = (source: Source, values: Readonly<Record<string, unknown>>): Source => ({
  ...source,
  valueOf: (setting) =>
    Object.hasOwn(values, setting.variable) ? values[setting.variable] : source.valueOf(setting),
});
