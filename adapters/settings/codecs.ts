import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import * as SchemaGetter from "effect/SchemaGetter";

// The values of settings, from the text of a variable or the value of an option in its place.

/** A transformation of what is read and never written. */
export const decodeOnly = <A, B>(decode: (input: A) => B) => ({
  decode: SchemaGetter.transform(decode),
  encode: SchemaGetter.forbiddenEncoding,
});

/** Text that `parse` turns into a value; it returns undefined for other text. */
export const Parsed = <A>(parse: (text: string) => A | undefined) =>
  Schema.String.pipe(
    Schema.decodeTo(
      Schema.declare((value): value is A => value !== undefined),
      decodeOnly((text: string) => parse(text) as A),
    ),
  );

/** Two values with `separator` between them. */
export const Pair = <A, B>(
  separator: string,
  ...values: readonly [Schema.ConstraintCodec<A, string>, Schema.ConstraintCodec<B, string>]
) => {
  const decode = Schema.decodeUnknownOption(Schema.Tuple(values));
  return Parsed((text) => Option.getOrUndefined(decode(text.split(separator))));
};

/** `on` or `off`, or a boolean. */
export const OnOff = Schema.Literals([true, false, "on", "off"]).pipe(
  Schema.decodeTo(
    Schema.Boolean,
    decodeOnly((value) => value === true || value === "on"),
  ),
);

/** A whole number. */
export const WholeNumber = (range: { readonly minimum: number; readonly maximum: number }) =>
  Schema.Union([Schema.Finite, Schema.FiniteFromString]).check(
    Schema.isInt(),
    Schema.isBetween(range),
  );

/** A secret without white space around it, such as the line end of a file it came from. */
export const Secret = Schema.RedactedFromValue(
  Schema.NonEmptyString.check(Schema.makeFilter<string>((text) => text.trim() === text)),
);

/** A list, or values separated by commas, with white space around them. */
export const List = <A>(item: Schema.ConstraintCodec<A, string>) =>
  Schema.Union([Schema.String, Schema.Array(Schema.String)]).pipe(
    Schema.decodeTo(
      Schema.NonEmptyArray(item),
      decodeOnly((value): readonly [string, ...Array<string>] => {
        const items = typeof value === "string" ? value.split(",") : value;
        const [first = "", ...others] = items.map((item) => item.trim());
        return [first, ...others];
      }),
    ),
  );

/** An `http` or `https` URL that carries neither credentials nor query nor fragment. */
export const HttpUrl = Schema.Union([Schema.URL, Schema.URLFromString]).check(
  Schema.makeFilter<URL>(
    ({ protocol, username, password, search, hash }) =>
      /^https?:$/.test(protocol) && username + password + search + hash === "",
  ),
);

/** The same, without a path. */
export const HttpOrigin = HttpUrl.check(Schema.makeFilter<URL>((url) => url.pathname === "/"));

/** An `https` URL, or an `http` URL of this machine, since its answers are trusted. */
export const HttpsUrl = Schema.URLFromString.check(
  Schema.makeFilter<URL>(
    ({ protocol, hostname, username, password, hash }) =>
      username + password + hash === "" &&
      (protocol === "https:" ||
        (protocol === "http:" && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname))),
  ),
);
