// What comes from outside, an answer or a memory, is decoded before it is used.

/** Gives a value as it is used; throws if it cannot be. */
export type Decode<A> = (value: unknown) => A;

/** Most characters of a text: the numbers of all parts in a refusal are nearly as many. */
const LONGEST_TEXT = 2 ** 16;

/** Most items of a list: an upload has no more parts. */
export const MOST_ITEMS = 10_000;

/** Calls what may throw. */
export function attempt<A>(work: () => A): A | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** Throws a `TypeError` unless something can be used. */
export function check(isUsable: unknown, message?: string): void {
  if (!isUsable) throw new TypeError(message);
}

/** A value as it is, if it passes. */
export function valid<A>(passes: (value: A) => unknown): Decode<A> {
  return (value) => {
    check(passes(value as A));
    return value as A;
  };
}

/** Text on one line, which can be shown. */
export const text = valid<string>(
  (value) => typeof value === "string" && value.length <= LONGEST_TEXT && !/\p{Cc}/u.test(value),
);

/** An ETag as the service takes it. */
export const ETAG = /^"?[!#-~]{1,255}"?$/;
export const etag = valid<string>((value) => ETAG.test(text(value)));

export const number = valid<number>((value) => Number.isFinite(value) && value >= 0);
export const boolean = valid<boolean>((value) => typeof value === "boolean");

/** An address to fetch or to link to: no script, and no file of this machine. */
export const url = valid<string>((value) => /^https?:/.test(new URL(text(value)).protocol));

type Texts = Readonly<Record<string, string>>;
export const texts = valid<Texts>((value) => list(text)(Object.values(value)));
/** Headers that a request can have. */
export const headers = valid<Texts>((value) => new Headers(texts(value)));

export const optional = <A>(decode: Decode<A>): Decode<A | undefined> => {
  return (value) => (value === undefined ? undefined : decode(value));
};

const array = valid<ReadonlyArray<unknown>>(
  (value) => Array.isArray(value) && value.length <= MOST_ITEMS,
);
export const list = <A>(item: Decode<A>): Decode<ReadonlyArray<A>> => {
  return (value) => array(value).map(item);
};
/** A list that begins with these items, in this order. */
export const tuple = <A>(items: ReadonlyArray<Decode<A>>): Decode<ReadonlyArray<A>> => {
  return (value) => items.map((item, index) => item(array(value)[index]));
};

/**
 * The members that are used, by names in camel case; a memory has them so, and the API in snake
 * case. Throws the path of the first that cannot be used.
 */
export function object<S extends Readonly<Record<string, Decode<unknown>>>>(shape: S) {
  const decode = (value: Readonly<Record<string, unknown>>) =>
    Object.entries(shape).map(([name, decode]) => {
      const member = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      try {
        return [name, decode(value[member] ?? value[name])];
      } catch (cause) {
        throw typeof cause === "string" ? `${member}.${cause}` : member;
      }
    });
  return (value: unknown): { readonly [Name in keyof S]: ReturnType<S[Name]> } =>
    Object.fromEntries(decode(value as never)) as never;
}
