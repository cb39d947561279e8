import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import * as SchemaGetter from "effect/SchemaGetter";

export const decodeOnly = <A, B>(decode: (input: A) => B) => ({
  decode: SchemaGetter.transform(decode),
  encode: SchemaGetter.forbiddenEncoding,
});

export const Parsed = <A>(parse: (text: string) => A | undefined) =>
  Schema.String.pipe(
    Schema.decodeTo(
      Schema.declare((value): value is A => value !== undefined),
      decodeOnly((text: string) => parse(text) as A),
    ),
  );

export const Pair = <A, B>(
  separator: string,
  ...values: readonly [Schema.ConstraintCodec<A, string>, Schema.ConstraintCodec<B, string>]
) => {
  const decode = Schema.decodeUnknownOption(Schema.Tuple(values));
  return Parsed((text) => Option.getOrUndefined(decode(text.split(separator))));
};

export const OnOff = Schema.Literals([true, false, "on", "off"]).pipe(
  Schema.decodeTo(
    Schema.Boolean,
    decodeOnly((value) => value === true || value === "on"),
  ),
);

export const WholeNumber = (range: { readonly minimum: number; readonly maximum: number }) =>
  Schema.Union([Schema.Finite, Schema.FiniteFromString]).check(
    Schema.isInt(),
    Schema.isBetween(range),
  );

export const PORT = {
  codec: WholeNumber({ minimum: 1, maximum: 65_535 }),
  shape: "a port from 1 to 65535",
};

/**
 * Returns true if a secret was typed rather than generated: it repeats itself, or has few different
 * characters. Of texts of 16 random hexadecimal digits, one in 10^8 is taken for that.
 */
export function isGuessable(secret: Uint8Array | string): boolean {
  const bytes = Buffer.from(secret as string);
  const periods = Array.from({ length: bytes.length >> 1 }, (_, at) => at + 1);
  const repeats = periods.some((one) => bytes.subarray(one).equals(bytes.subarray(0, -one)));
  return repeats || new Set(bytes).size < Math.min(10, bytes.length / 4);
}

/** Added to the required shape of a secret. */
export const GUESSABLE = "it repeats itself, or has few different characters";
export const UNGUESSABLE = Schema.makeFilter<Uint8Array | string>((secret) =>
  isGuessable(secret) ? GUESSABLE : undefined,
);

/** A secret, without white space around it, such as the line end of a file. */
export const Secret = Schema.RedactedFromValue(
  Schema.NonEmptyString.check(Schema.makeFilter<string>((text) => text.trim() === text)),
);

/** A list, or text with items separated by commas. */
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

/** An HTTP URL without credentials, query and fragment. */
export const HttpUrl = Schema.Union([Schema.URL, Schema.URLFromString]).check(
  Schema.makeFilter<URL>(
    ({ protocol, username, password, search, hash }) =>
      /^https?:$/.test(protocol) && username + password + search + hash === "",
  ),
);

export const HttpOrigin = HttpUrl.check(Schema.makeFilter<URL>((url) => url.pathname === "/"));

/** An HTTPS URL, or `http` for this machine, since its answers are trusted. */
export const HttpsUrl = Schema.URLFromString.check(
  Schema.makeFilter<URL>(
    ({ protocol, hostname, username, password, hash }) =>
      username + password + hash === "" &&
      (protocol === "https:" ||
        (protocol === "http:" && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname))),
  ),
);
