import * as Config from "effect/Config";
import * as ConfigProvider from "effect/ConfigProvider";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { closest, distance } from "fastest-levenshtein";

/** The process's environment variables, or a test's. An empty value counts as unset. */
export type Env = Readonly<Record<string, string | undefined>>;

/** One environment variable: how it is read, and how it is explained. */
export interface Setting<out A> {
  readonly name: string;
  /** Completes the sentence "NAME must be …". */
  readonly shape: string;
  /** A value that would be accepted. */
  readonly example: string;
  /** What `text` was probably meant to be, where that can be told. */
  readonly nearest?: (text: string) => string | undefined;
  readonly config: Config.Config<A>;
}

/** A variable that is missing or wrong. */
export interface Fault {
  readonly name: string;
  /** Completes the sentence that begins with the name. */
  readonly problem: string;
  /** A value that would be accepted. */
  readonly example: string;
}

/** A variable that must be set, to text that `codec` decodes. */
export function setting<A>(
  name: string,
  {
    codec,
    ...explained
  }: Omit<Setting<A>, "name" | "config"> & {
    readonly codec: Schema.ConstraintCodec<A, unknown>;
  },
): Setting<A> {
  return { name, ...explained, config: Config.schema(codec, name) };
}

/** A variable that must be set, to one of `values`; `meant` has other words for some of them. */
export function choice<const A extends string>(
  name: string,
  values: readonly [A, ...Array<A>],
  {
    meant = {},
    ...explained
  }: {
    readonly shape?: string;
    readonly example: NoInfer<A>;
    readonly meant?: Readonly<Record<string, NoInfer<A>>>;
  },
): Setting<A> {
  const shape = `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;
  return {
    ...setting(name, { shape, ...explained, codec: Schema.Literals(values) }),
    nearest: (text) => {
      const word = text.toLowerCase();
      if (Object.hasOwn(meant, word)) return meant[word];
      // Further away it is another word, and the values are listed anyway.
      const value = closest(word, values);
      return distance(word, value) * 2 < value.length ? value : undefined;
    },
  };
}

/** The same variable, with a value for when it is not set. */
export function withDefault<A, const B>(of: Setting<A>, value: B): Setting<A | B> {
  return { ...of, config: Config.withDefault(of.config, value) };
}

/** The same variable, which may be left out. */
export const optional = <A>(of: Setting<A>): Setting<A | undefined> => withDefault(of, undefined);

/** What is wrong with a variable. */
export function fault(of: Setting<unknown>, problem: string, example = of.example): Fault {
  return { name: of.name, problem, example };
}

/** Settings by the member that their value is given to. */
export type Settings = Readonly<Record<string, Setting<unknown>>>;

/** The values of settings. */
export type Values<S extends Settings> = {
  readonly [Member in keyof S as undefined extends Value<S[Member]> ? never : Member]: Value<
    S[Member]
  >;
} & {
  readonly [Member in keyof S as undefined extends Value<S[Member]> ? Member : never]?: Value<
    S[Member]
  >;
};
type Value<S> = S extends Setting<infer A> ? A : never;

/** What reading gives: the values, or every variable at fault. */
export type Read<A> = Result.Result<A, ReadonlyArray<Fault>>;

/**
 * Reads all of `settings` from `env`. `together` finds fault with values that are each well-formed
 * but do not go together; it sees only those that are.
 */
export function readSettings<S extends Settings>(
  settings: S,
  env: Env,
  together: (values: Partial<Values<S>>) => ReadonlyArray<Fault> = () => [],
): Read<Values<S>> {
  // Looked up by exact name: a provider that splits names at "_" would see FOO_BAR inside FOO.
  const provider = ConfigProvider.make(([name]) => {
    const text = env[String(name)];
    return Effect.succeed(text ? ConfigProvider.makeValue(text) : undefined);
  });
  const values: Record<string, unknown> = {};
  const faults: Array<Fault> = [];
  for (const [member, of] of Object.entries(settings)) {
    const read = Effect.runSync(Effect.result(of.config.parse(provider)));
    if (Result.isSuccess(read)) values[member] = read.success;
    else faults.push(fault(of, `must be ${of.shape}${hint(of, env[of.name])}`));
  }
  const wrong = new Set(faults.map(({ name }) => name));
  faults.push(...together(values as Partial<Values<S>>).filter(({ name }) => !wrong.has(name)));
  return faults.length > 0 ? Result.fail(faults) : Result.succeed(values as Values<S>);
}

type Reads = Readonly<Record<string, Read<unknown>>>;
type Successes<R extends Reads> = {
  readonly [Part in keyof R]: R[Part] extends Read<infer A> ? A : never;
};

/** The values of all parts, or every fault of any, with `further` ones. */
export function allOf<R extends Reads>(
  parts: R,
  further: ReadonlyArray<Fault>,
): Read<Successes<R>> {
  const faults: Array<Fault> = [...further];
  const values: Record<string, unknown> = {};
  for (const [part, read] of Object.entries(parts)) {
    if (Result.isSuccess(read)) values[part] = read.success;
    else faults.push(...read.failure);
  }
  return faults.length > 0 ? Result.fail(faults) : Result.succeed(values as Successes<R>);
}

function hint({ nearest }: Setting<unknown>, text: string | undefined): string {
  if (!text) return ", and is not set";
  const meant = nearest?.(text);
  return meant === undefined ? "" : `; is ${meant} meant?`;
}
