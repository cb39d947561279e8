import * as Result from "effect/Result";
import { closest } from "fastest-levenshtein";
import { type Fault, type Read, sentenceOf, type Settings } from "../settings/setting.ts";
import { type Env, options, OPTIONS, say, type Source } from "../settings/source.ts";

/**
 * The settings that a host has given as options, or that `env` has in the variables of a cloud's
 * own tools; throws a `TypeError` that names every option that is wrong.
 */
export function readOptions<A>(
  /** What cannot be made, such as `minio()`. */
  what: string,
  given: object,
  {
    settings,
    read,
    env,
  }: {
    readonly settings: Settings;
    readonly read: (source: Source) => Read<A>;
    readonly env?: Env;
  },
): A {
  const faults = unknownOptions(given, optionsOf(settings));
  return orThrow(what, read(options(given, env)), faults);
}

/** The names of the options that settings have. */
export const optionsOf = (settings: Settings): ReadonlyArray<string> =>
  Object.values(settings).flatMap(({ option }) => option ?? []);

/** A fault of an option that is no setting. */
export const optionFault = (name: string, problem: string, example = ""): Fault => ({
  setting: { variable: name, option: name },
  problem,
  example,
});

/** Finds fault with options that are none of `known`; `prefix` is what their names begin with. */
export const unknownOptions = (
  given: object | undefined,
  known: ReadonlyArray<string>,
  prefix = "",
): ReadonlyArray<Fault> =>
  Object.entries(given ?? {})
    .map(([name, value]) => ({ name: `${prefix}${name}`, value }))
    .filter(({ name, value }) => value !== undefined && !known.includes(name))
    .map(({ name }) =>
      optionFault(
        name,
        `is not an option; did you mean ${meant(name, known)}? The options are ${known.join(", ")}`,
      ),
    );

/** The option that is meant by a name, which may be that of the stores' own clients. */
function meant(name: string, known: ReadonlyArray<string>): string {
  const own = OF_CLIENTS.get(name);
  return own !== undefined && known.includes(own) ? own : closest(name, known);
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

/** What was read; throws a `TypeError` that names every option at fault. */
export function orThrow<A>(what: string, read: Read<A>, further: ReadonlyArray<Fault> = []): A {
  if (Result.isSuccess(read) && further.length === 0) return read.success;
  const told = new Set(further.map(({ setting }) => OPTIONS.name(setting)));
  const found = Result.isFailure(read) ? read.failure : [];
  const lines = [
    ...further,
    ...found.filter(({ setting }) => !told.has(OPTIONS.name(setting))),
  ].map((fault) => {
    const example = say(fault.example, OPTIONS);
    return `  ${sentenceOf(fault, OPTIONS)}${example === "" ? "" : `, for example ${example}`}\n`;
  });
  throw new TypeError(`${what} cannot be made: invalid options\n${lines.join("")}`);
}
