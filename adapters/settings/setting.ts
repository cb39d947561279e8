import * as Record from "effect/Record";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { closest, distance } from "fastest-levenshtein";
import { errorMessage } from "../values/thrown.ts";
import { GUESSABLE, OnOff } from "./codecs.ts";
import { type SettingName, say, type Source, type Text, type Vocabulary } from "./source.ts";

export interface Setting<out A> extends SettingName {
  readonly meaning: string;
  /** The effect of leaving it out, in Markdown; the default value if undefined. */
  readonly otherwise?: string | undefined;
  /** Completes the sentence "NAME must be …". */
  readonly shape: Text;
  /** As it is written. */
  readonly example: Text;
  readonly nearest?: ((text: string) => string | undefined) | undefined;
  readonly decode: (input: unknown) => Result.Result<A, unknown>;
  /** The value where it is not set; it has to be set if undefined. */
  readonly fallback?: { readonly value: A } | undefined;
  readonly isSecret: boolean;
}

export interface Fault {
  readonly setting: SettingName;
  /** Completes the sentence that begins with the setting's name. */
  readonly problem: Text;
  readonly example: Text;
}

interface SettingDefinition<A> extends Omit<Setting<unknown>, "decode" | "fallback" | "isSecret"> {
  readonly codec: Schema.ConstraintCodec<A, unknown>;
}

export const setting = <A>({ codec, ...explained }: SettingDefinition<A>): Setting<A> => ({
  ...explained,
  decode: Schema.decodeUnknownResult(codec),
  isSecret: codec.ast.annotations?.["expected"] === "Redacted",
});

/** Such as `a, b or c`. */
export const anyOf = (values: ReadonlyArray<string>): string =>
  `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;

/** Makes a setting with these values; a value of `synonyms` is suggested for its name. */
export const oneOf = <const A extends string>(
  values: readonly [A, ...Array<A>],
  synonyms: { readonly [Value in NoInfer<A>]?: ReadonlyArray<string> } = {},
) => ({
  codec: Schema.Literals(values),
  shape: anyOf(values),
  nearest: (text: string): string | undefined => {
    const word = text.toLowerCase();
    const meant = values.find((value) => synonyms[value]?.includes(word));
    // A word further away is no typing error, and the values are listed anyway.
    const value = closest(word, values);
    return meant ?? (distance(word, value) * 2 < value.length ? value : undefined);
  },
});

export const onOff = (on: string, off?: string) => ({
  codec: OnOff,
  shape: (words: Vocabulary): string =>
    `${words.on} (${on}) or ${words.off}${off === undefined ? "" : ` (${off})`}`,
  example: ({ on }: Vocabulary): string => on,
});

export const withDefault = <A, const B>(
  value: B,
  described: Setting<A> | SettingDefinition<A>,
): Setting<A | B> => ({
  ...("codec" in described ? setting(described) : described),
  fallback: { value },
});

export const optional = <A>(described: Setting<A> | SettingDefinition<A>): Setting<A | undefined> =>
  withDefault(undefined, described);

export const fault = (
  setting: Setting<unknown>,
  problem: Text,
  example = setting.example,
): Fault => ({ setting, problem, example });

/** Makes the fault of an option that is no variable. */
export const optionFault = (option: string, problem: string, example = ""): Fault => ({
  setting: { variable: option, option },
  problem,
  example,
});

export const sentenceFor = ({ setting, problem }: Fault, words: Vocabulary): string =>
  `${words.name(setting)} ${say(problem, words)}`;

export const missingBeside = (setting: Setting<unknown>, other: Setting<unknown>): Fault =>
  fault(setting, ({ name }) => `must be set where ${name(other)} is`);

export const excludedBy = (setting: Setting<unknown>, other: Setting<unknown>): Fault =>
  fault(setting, ({ name }) => `must not be set beside ${name(other)}`);

export type Settings = Readonly<Record<string, Setting<unknown>>>;

export const settingsIn = (...groups: ReadonlyArray<object>): ReadonlyArray<Setting<unknown>> =>
  groups.flatMap((group) => Object.values<Setting<unknown>>({ ...group }));

/** The values of settings; those that may be undefined may be left out. */
export type Values<S extends Settings> = Partial<ValuesOf<S>> &
  Pick<ValuesOf<S>, { [M in keyof S]: undefined extends ValuesOf<S>[M] ? never : M }[keyof S]>;
type ValuesOf<S extends Settings> = {
  readonly [Member in keyof S]: S[Member] extends Setting<infer A> ? A : never;
};

export type Read<A> = Result.Result<A, ReadonlyArray<Fault>>;

/** Reads settings; `together` returns faults of well-formed values that do not fit each other. */
export function readSettings<S extends Settings>(
  settings: S,
  source: Source,
  together: (values: Partial<Values<S>>) => ReadonlyArray<Fault | false> = () => [],
): Read<Values<S>> {
  const [values, malformed] = Record.separate(
    Record.map(settings, (setting) => readOne(setting, source.valueOf(setting))),
  );
  const faults = Object.values(malformed);
  const wrong = new Set(faults.map(({ setting }) => setting.variable));
  const further = together(values as Partial<Values<S>>)
    .filter((fault) => fault !== false)
    .filter(({ setting }) => !wrong.has(setting.variable));
  return orFaults(values as Values<S>, [...faults, ...further]);
}

function readOne(setting: Setting<unknown>, input: unknown): Result.Result<unknown, Fault> {
  const { fallback, decode, nearest, shape } = setting;
  if (input === undefined) {
    return fallback === undefined
      ? Result.fail(fault(setting, (words) => `must be ${say(shape, words)}, and is not set`))
      : Result.succeed(fallback.value);
  }
  // The host probably passed an unset variable.
  if (input === "" || (Array.isArray(input) && input.every((item) => item === ""))) {
    return Result.fail(fault(setting, "must not be empty"));
  }
  return Result.mapError(decode(input), (failure) => {
    const isGuessable = errorMessage(failure).includes(GUESSABLE);
    const text = typeof input === "string" ? input : "";
    const meant = nearest?.(text);
    const cause = aroundIt(text) ?? (isGuessable ? `; ${GUESSABLE}` : undefined);
    const hint = cause ?? (meant === undefined ? "" : `; did you mean ${meant}?`);
    return fault(setting, (words) => `must be ${say(shape, words)}${hint}`);
  });
}

/** Returns the quotes or white space around a pasted value, if any. */
function aroundIt(text: string): string | undefined {
  if (text.trim() !== text) return "; there is white space or a line end around it";
  return /^"[^]*"$|^'[^]*'$/.test(text) ? "; there are quotes around it, which count" : undefined;
}

export function joinReads<A extends Readonly<Record<string, unknown>>>(
  parts: { readonly [Part in keyof A]: Read<A[Part]> },
  further: ReadonlyArray<Fault> = [],
): Read<A> {
  const [values, failures] = Record.separate(parts);
  return orFaults(values as A, [...further, ...Object.values(failures).flat()]);
}

const orFaults = <A>(values: A, faults: ReadonlyArray<Fault>): Read<A> =>
  faults.length > 0 ? Result.fail(faults) : Result.succeed(values);
