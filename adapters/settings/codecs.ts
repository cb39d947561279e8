import * as Schema from "effect/Schema";
import * as SchemaTransformation from "effect/SchemaTransformation";

/** `on` or `off`. */
export const OnOff = Schema.Literals(["on", "off"]).pipe(
  Schema.decodeTo(
    Schema.Boolean,
    SchemaTransformation.transform({
      decode: (text): boolean => text === "on",
      encode: (value): "on" | "off" => (value ? "on" : "off"),
    }),
  ),
);

/** Text that is never shown; a line end that came with it out of a file would spoil it. */
export const Secret = Schema.RedactedFromValue(
  Schema.NonEmptyString.check(Schema.makeFilter<string>((text) => text.trim() === text)),
);

/** Values separated by commas, with white space around them. */
export const CommaSeparated = <S extends Schema.ConstraintCodec<string, string>>(item: S) =>
  Schema.String.pipe(
    Schema.decodeTo(
      Schema.NonEmptyArray(item),
      SchemaTransformation.transform({
        decode: (text): readonly [string, ...Array<string>] => {
          const [first = "", ...others] = text.split(",").map((part) => part.trim());
          return [first, ...others];
        },
        encode: (items) => items.join(","),
      }),
    ),
  );

/** An `http` or `https` URL that carries neither credentials nor query nor fragment. */
export const HttpUrl = Schema.URLFromString.check(
  Schema.makeFilter<URL>(
    (url) =>
      /^https?:$/.test(url.protocol) &&
      url.username === "" &&
      url.password === "" &&
      url.search === "" &&
      url.hash === "",
  ),
);

/** The same, without a path. */
export const HttpOrigin = HttpUrl.check(Schema.makeFilter<URL>((url) => url.pathname === "/"));
