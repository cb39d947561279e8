import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { parseArgs } from "node:util";
import { onOneLine } from "../../values/printable.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { decoder, MISSING } from "../../values/decode.ts";
import { HttpOrigin } from "../../settings/codecs.ts";

/** An option of a command, or its argument; a repeatable one takes the rest. */
export interface Option {
  /** The placeholder of the value in the help. An option without it is a switch. */
  readonly value?: string;
  /** Schema of one value; boolean for a switch. */
  readonly schema?: Schema.Codec<unknown, unknown>;
  /** Completes the sentence "--name must be …". */
  readonly shape: string;
  readonly note?: string;
  readonly isArgument?: true;
  readonly isRequired?: true;
  readonly isRepeatable?: true;
  /** The environment variable to read if the option is left out. */
  readonly variable?: string;
}

type Options = Readonly<Record<string, Option>>;

export const option = <const A, const More extends Partial<Option> = object>(
  value: string,
  schema: Schema.Codec<A, unknown>,
  shape: string,
  more?: More,
) => ({ value, schema, shape, ...(more as More) });

export const flag = (note: string): Option => ({ shape: "without a value", note });

export const JSON_OPTION = { json: flag("prints JSON, for programs") };

export const ORIGIN_OPTION = {
  origin: option(
    "ORIGIN",
    HttpOrigin,
    "the origin of a page that uploads, such as https://app.example.com",
    { note: "CORS_ORIGINS if left out; may be repeated", isRepeatable: true },
  ),
};

type Input<O extends Options> = {
  readonly [K in keyof O as O[K] extends { isRequired: true } ? K : never]: Given<O[K]>;
} & {
  readonly [K in keyof O as O[K] extends { isRequired: true } ? never : K]?: Given<O[K]>;
};
type Given<O extends Option> = O extends { isRepeatable: true }
  ? readonly [Value<O>, ...ReadonlyArray<Value<O>>]
  : Value<O>;
type Value<O extends Option> = O extends { schema: Schema.Codec<infer A, unknown> } ? A : boolean;

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly help: string;
  readonly run: (args: ReadonlyArray<string>) => Promise<Output | void>;
}

/** The output of a command: a result to standard output, a message to standard error. */
export interface Output {
  readonly result?: string;
  readonly message?: string | undefined;
  /** The exit code, if it is not 0 although the command did its work. */
  readonly code?: number | undefined;
}

/** Makes a command that decodes its arguments; a `CommandFailure` names every mistake in them. */
export function command<const O extends Options>({
  name,
  summary,
  options,
  run,
}: {
  /** The words after `valetkey`. */
  readonly name: string;
  readonly summary: string;
  readonly options: O;
  readonly run: (input: Input<O>) => Promise<Output | void>;
}): Command {
  const all = Object.entries<Option>(options);
  const decode = decoder(
    Schema.Struct(Object.fromEntries(all.map(([key, option]) => [key, fieldFor(option)]))),
  );
  const rows = all.map(([option, { isArgument, value = "", shape, note }]) => [
    isArgument ? `  ${value}` : `  --${option} ${value}`,
    note === undefined ? shape : `${shape}; ${note}`,
  ]);
  const argument = all.flatMap(([, { isArgument, value = "" }]) => (isArgument ? value : []));
  const help = `Usage: ${["valetkey", name, ...argument].join(" ")} [options]

${summary}.

${columns([...rows, ["  --help", "show this"]])}`;
  return {
    name,
    summary,
    help,
    run: async (args) => {
      const { input, mistakes } = parse(options, args);
      const decoded = decode(input);
      if (Result.isSuccess(decoded) && mistakes.size === 0) return run(decoded.success as Input<O>);
      for (const { pointer, reason } of Result.isFailure(decoded) ? decoded.failure : []) {
        const [, option = ""] = pointer.split("/");
        const { isArgument, value, variable, shape } = options[option] as Option;
        const unset = variable === undefined ? "" : `, and ${variable} is not set`;
        const problem = reason === MISSING ? `is missing${unset}; it must be` : "must be";
        mistakes.add(`${isArgument ? value : `--${option}`} ${problem} ${shape}.`);
      }
      const message = `${[...mistakes].join("\n")}\n\n${help}`;
      throw new CommandFailure({ code: EXIT.usage, message });
    },
  };
}

function fieldFor({ schema = Schema.Boolean, isRepeatable, isRequired }: Option) {
  const all = isRepeatable ? Schema.NonEmptyArray(schema) : schema;
  return isRequired ? all : Schema.optionalKey(all);
}

/** Reads the options. Node's own errors would name one mistake at a time. */
function parse(options: Options, args: ReadonlyArray<string>) {
  const types: Record<string, { type: "string" | "boolean"; multiple: boolean }> = {};
  for (const [name, { value, isArgument, isRepeatable = false }] of Object.entries(options)) {
    if (!isArgument) types[name] = { type: value ? "string" : "boolean", multiple: isRepeatable };
  }
  // Otherwise an option would be taken for the value of the one before it.
  const isValued = (arg: string) => arg.startsWith("--") && types[arg.slice(2)]?.type === "string";
  // What follows -- are arguments, whatever they look like.
  const end = [...args, "--"].indexOf("--");
  const whole = args
    .slice(0, end)
    .map((arg, index) => (isValued(arg) && args[index + 1]?.startsWith("-") ? `${arg}=` : arg));
  const all = [...whole, ...args.slice(end)];
  const { values, positionals } = parseArgs({ args: all, options: types, strict: false });
  const input: Record<string, unknown> = {};
  for (const [name, { variable = "", isArgument, isRepeatable }] of Object.entries(options)) {
    const rest = () => (positionals.length > 0 ? positionals.splice(0) : undefined);
    const argument = () => (isRepeatable ? rest() : positionals.shift());
    const given = isArgument ? argument() : values[name];
    const value = given ?? (process.env[variable] || undefined);
    if (value !== undefined) input[name] = value;
  }
  const unknownNames = Object.keys(values).filter((name) => !Object.hasOwn(types, name));
  const mistakes = new Set(
    unknownNames.map((name) => `There is no option ${name.length > 1 ? "--" : "-"}${name}.`),
  );
  for (const [name, { isRepeatable }] of Object.entries(options)) {
    const given = whole.filter((arg) => arg.split("=", 1)[0] === `--${name}`);
    // A command that removes must not do half of its task.
    if (given.length > 1 && !isRepeatable) mistakes.add(`--${name} may be given only once.`);
  }
  // They can be secrets, so they are not repeated.
  if (positionals.length > 0) mistakes.add("There are too many arguments.");
  return { input, mistakes };
}

export const asJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Formats rows in columns, each as wide as its widest cell. */
export function columns(texts: ReadonlyArray<ReadonlyArray<string>>): string {
  const rows = texts.map((row) => row.map(onOneLine));
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const cells = (row: ReadonlyArray<string>) =>
    row.map((cell, at) => cell.padEnd(widths?.[at] ?? 0));
  return rows.map((row) => `${cells(row).join("  ").trimEnd()}\n`).join("");
}
