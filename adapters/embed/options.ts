import * as Result from "effect/Result";
import { closest } from "fastest-levenshtein";
import { type Fault, type Read, sentenceFor, type Settings } from "../settings/setting.ts";
import { type Env, options, OPTIONS, say, type Source, VARIABLES } from "../settings/source.ts";

/**
 * Reads the settings of an adapter from options, and from `env` with the variables of a cloud's own
 * tools. Throws a `TypeError` that says `what` cannot be made and names every wrong option.
 */
export function readOptions<A>(
  what: string,
  given: object,
  adapter: {
    readonly settings: Settings;
    readonly read: (source: Source) => Read<A>;
    readonly env?: Env;
  },
): A {
  const faults = unknownOptions(given, optionNames(adapter.settings));
  return orThrow(what, adapter.read(options(given, adapter.env)), faults);
}

export const optionNames = (settings: Settings): ReadonlyArray<string> =>
  Object.values(settings).flatMap(({ option }) => option ?? []);

export const optionFault = (name: string, problem: string, example = ""): Fault => ({
  setting: { variable: name, option: name },
  problem,
  example,
});

/** A fault for each option that is not one of `known`, whose names begin with `prefix`. */
export const unknownOptions = (
  given: object | undefined,
  known: ReadonlyArray<string>,
  prefix = "",
): ReadonlyArray<Fault> =>
  Object.entries(given ?? {})
    .map(([name, value]) => ({ name: `${prefix}${name}`, value }))
    .filter(({ name, value }) => value !== undefined && !known.includes(name))
    .map(({ name }) => {
      const meant =
        known.find((option) => option === CLIENT_OPTIONS.get(name)) ?? closest(name, known);
      const problem = `is not an option; did you mean ${meant}? The options are ${known.join(", ")}`;
      return optionFault(name, problem);
    });

/** Options of the stores' own clients that are spelled nearer to another one here. */
const CLIENT_OPTIONS = new Map([
  ["secretAccessKey", "secretKey"],
  ["keyFilename", "credentialsFile"],
]);

/** Returns what was read; throws a `TypeError` with all faults, also the `further` ones. */
export function orThrow<A>(
  what: string,
  read: Read<A>,
  further: ReadonlyArray<Fault> = [],
  words = OPTIONS,
): A {
  if (Result.isSuccess(read) && further.length === 0) return read.success;
  const faults = [...further, ...(Result.isFailure(read) ? read.failure : [])];
  const lines = faults.map((fault) => {
    const example = say(fault.example, words);
    return `  ${sentenceFor(fault, words)}${example && `, for example ${example}`}\n`;
  });
  const wrong = words === VARIABLES ? "variables" : "options";
  throw new TypeError(`${what} cannot be made: invalid ${wrong}\n${lines.join("")}`);
}
