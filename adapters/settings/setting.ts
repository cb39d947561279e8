import * as Record from "effect/Record";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { closest, distance } from "fastest-levenshtein";
import { OnOff } from "./codecs.ts";
import { type Named, say, type Source, type Text, type Words } from "./source.ts";

/** One setting: how it is read from a variable or an option, and how it is explained. */
export interface Setting<out A> extends Named {
  /** Its purpose, in sentences. */
  readonly meaning: string;
  /** The effect of leaving it out, in Markdown; the default value if undefined. */
  readonly otherwise?: string | undefined;
  /** Completes the sentence "NAME must be …". */
  readonly shape: Text;
  /** A value that would be accepted, as it is written. */
  readonly example: Text;
  /** Guesses the value that was meant by `text`. */
  readonly nearest?: ((text: string) => string | undefined) | undefined;
  /** Takes the text of a variable, or the value of an option. */
  readonly decode: (input: unknown) => Result.Result<A, unknown>;
  /** The value where it is not set; it has to be set if undefined. */
  readonly fallback?: { readonly value: A } | undefined;
}

/** A setting that is missing or wrong. */
export interface Fault {
  readonly setting: Named;
  /** Completes the sentence that begins with the setting's name. */
  readonly problem: Text;
  /** A value that would be accepted, as it is written. */
  readonly example: Text;
}

/** A setting with the schema that decodes it. */
interface Unread<A> extends Omit<Setting<unknown>, "decode" | "fallback"> {
  readonly codec: Schema.ConstraintCodec<A, unknown>;
}

/** A setting that must be set, to what `codec` decodes. */
export const setting = <A>({ codec, ...explained }: Unread<A>): Setting<A> => ({
  ...explained,
  decode: Schema.decodeUnknownResult(codec),
});

/** The value of a setting: one of `values`; `synonyms` are suggested their value. */
export const oneOf = <const A extends string>(
  values: readonly [A, ...Array<A>],
  synonyms: { readonly [Value in NoInfer<A>]?: ReadonlyArray<string> } = {},
) => ({
  codec: Schema.Literals(values),
  shape: `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`,
  nearest: (text: string): string | undefined => {
    const word = text.toLowerCase();
    const meant = values.find((value) => synonyms[value]?.includes(word));
    // Further away it is another word, and the values are listed anyway.
    const value = closest(word, values);
    return meant ?? (distance(word, value) * 2 < value.length ? value : undefined);
  },
});

/** The value of a setting: on or off, with the effect of each. */
export const onOff = (on: string, off?: string) => ({
  codec: OnOff,
  shape: (words: Words): string =>
    `${words.on} (${on}) or ${words.off}${off === undefined ? "" : ` (${off})`}`,
  example: ({ on }: Words): string => on,
});

/** A setting with a value for when it is not set. */
export const withDefault = <A, const B>(
  value: B,
  described: Setting<A> | Unread<A>,
): Setting<A | B> => ({
  ...("codec" in described ? setting(described) : described),
  fallback: { value },
});

/** A setting that may be left out. */
export const optional = <A>(described: Setting<A> | Unread<A>): Setting<A | undefined> =>
  withDefault(undefined, described);

/** Makes the fault of a setting. */
export const fault = (
  setting: Setting<unknown>,
  problem: Text,
  example = setting.example,
): Fault => ({ setting, problem, example });

/** A fault as a sentence that names settings in these words. */
export const sentenceOf = ({ setting, problem }: Fault, words: Words): string =>
  `${words.name(setting)} ${say(problem, words)}`;

/** The fault of a setting that another one requires. */
export const missingBeside = (setting: Setting<unknown>, other: Setting<unknown>): Fault =>
  fault(setting, ({ name }) => `must be set where ${name(other)} is`);

/** The fault of a setting that another one excludes. */
export const excludedBy = (setting: Setting<unknown>, other: Setting<unknown>): Fault =>
  fault(setting, ({ name }) => `must not be set beside ${name(other)}`);

/** Settings by the member that their value is given to. */
export type Settings = Readonly<Record<string, Setting<unknown>>>;

/** The values of settings; those that may be undefined may be left out. */
export type Values<S extends Settings> = Partial<ValuesOf<S>> &
  Pick<ValuesOf<S>, { [M in keyof S]: undefined extends ValuesOf<S>[M] ? never : M }[keyof S]>;
type ValuesOf<S extends Settings> = {
  readonly [Member in keyof S]: S[Member] extends Setting<infer A> ? A : never;
};

/** The values that were read, or every setting at fault. */
export type Read<A> = Result.Result<A, ReadonlyArray<Fault>>;

/**
 * Reads all of `settings` from `source`. `together` finds fault with values that are each
 * well-formed but do not go together; it sees only those that are.
 */
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
  // The host probably passed a variable of its own that is not set.
  if (input === "" || (Array.isArray(input) && input.every((item) => item === ""))) {
    return Result.fail(fault(setting, "must not be empty"));
  }
  return Result.mapError(decode(input), () => {
    const text = typeof input === "string" ? input : "";
    const meant = nearest?.(text);
    const hint = aroundIt(text) ?? (meant === undefined ? "" : `; did you mean ${meant}?`);
    return fault(setting, (words) => `must be ${say(shape, words)}${hint}`);
  });
}

/** Finds quotes and white space, which a pasted value often has around it. */
function aroundIt(text: string): string | undefined {
  if (text.trim() !== text) return "; there is white space or a line end around it";
  return /^"[^]*"$|^'[^]*'$/.test(text) ? "; there are quotes around it, which count" : undefined;
}

/** The values of all parts, or every fault of any, with `further` ones. */
export function allOf<A extends Readonly<Record<string, unknown>>>(
  parts: { readonly [Part in keyof A]: Read<A[Part]> },
  further: ReadonlyArray<Fault> = [],
): Read<A> {
  const [values, failures] = Record.separate(parts);
  return orFaults(values as A, [...further, ...Object.values(failures).flat()]);
}

const orFaults = <A>(values: A, faults: ReadonlyArray<Fault>): Read<A> =>
  faults.length > 0 ? Result.fail(faults) : Result.succeed(values);
