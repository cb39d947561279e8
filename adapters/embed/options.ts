import * as Result from "effect/Result";
import { closest } from "fastest-levenshtein";
import { type Env, type Fault, fault, type Read, type Setting } from "../settings/setting.ts";

/** Options by their names, each with the variable whose rules it keeps. */
export type OptionSettings = Readonly<Record<string, Setting<unknown>>>;

/**
 * Options as the variables that they stand for, so that both ways to configure are held to the
 * same rules, and every fault that can be found in them before that.
 */
export function envOf(
  options: object,
  settings: OptionSettings,
  /** The names of options that are not settings. */
  further: ReadonlyArray<string> = [],
): { readonly env: Env; readonly faults: ReadonlyArray<Fault> } {
  const names = [...Object.keys(settings), ...further];
  const env: Record<string, string> = {};
  const faults: Array<Fault> = [];
  for (const [name, value] of Object.entries(options ?? {})) {
    const of = Object.hasOwn(settings, name) ? settings[name] : undefined;
    if (value === undefined) continue;
    if (of === undefined) {
      faults.push({
        name,
        problem: `is not known here; is ${meant(name, names)} meant? The options are ${names.join(", ")}`,
        example: "",
      });
      continue;
    }
    env[of.name] = textOf(value);
    // An empty variable counts as unset; an empty option is a variable that somebody forgot.
    if (env[of.name] === "") faults.push(fault(of, "must not be empty"));
  }
  return { env, faults };
}

/** The option that is meant by a name, which may be that of the stores' own clients. */
function meant(name: string, names: ReadonlyArray<string>): string {
  const own = OF_CLIENTS.get(name);
  return own !== undefined && names.includes(own) ? own : closest(name, names);
}

const OF_CLIENTS = new Map([
  ["accessKeyId", "accessKey"],
  ["secretAccessKey", "secretKey"],
  ["Bucket", "bucket"],
  ["bucketName", "bucket"],
  ["endPoint", "endpoint"],
  ["forcePathStyle", "pathStyle"],
  ["keyFilename", "credentialsFile"],
]);

/** What was read; throws a `TypeError` that tells of every fault by the name of its option. */
export function orThrow<A>(
  read: Read<A>,
  {
    what,
    settings,
    faults = [],
  }: {
    /** What cannot be made. */
    readonly what: string;
    readonly settings: OptionSettings;
    readonly faults?: ReadonlyArray<Fault>;
  },
): A {
  if (Result.isSuccess(read) && faults.length === 0) return read.success;
  const found = new Set(faults.map(({ name }) => name));
  const all = [
    ...faults,
    ...(Result.isFailure(read) ? read.failure.filter(({ name }) => !found.has(name)) : []),
  ];
  throw new TypeError(
    `${what} cannot be made, its options are not right:\n${all
      .map((fault) => `  ${inOptions(fault, settings)}\n`)
      .join("")}`,
  );
}

/** A fault in the words of options: these have other names than their variables, and are lists. */
function inOptions({ name, problem, example }: Fault, settings: OptionSettings): string {
  const renamed = speakingOptions(settings);
  const shown = example === "" ? "" : `, for example ${renamed(example)}`;
  return `${renamed(name)} ${renamed(problem).replace(", separated by commas", ", as a list")}${shown}`;
}

/** Puts the names of options in place of their variables', in what is told to whoever embeds us. */
export function speakingOptions(settings: OptionSettings): (text: string) => string {
  const names = new Map(Object.entries(settings).map(([option, { name }]) => [name, option]));
  return (text) =>
    text.replaceAll(VARIABLE, (whole, name: string, isOn: string | undefined) => {
      const option = names.get(name);
      if (option === undefined) return whole;
      return isOn === undefined ? option : `${option}: true`;
    });
}

const VARIABLE = /\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(=on)?\b/g;

function textOf(value: unknown): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  if (value instanceof URL) return value.href;
  if (Array.isArray(value)) return value.join(",");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
