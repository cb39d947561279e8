import * as Schema from "effect/Schema";
import * as SchemaTransformation from "effect/SchemaTransformation";
import { ByteSize } from "../../domain/byte-size.ts";

// What settings decode: the text of a variable, or the value that an option has in its place.

/** `on` or `off`, or a boolean. */
export const OnOff = Schema.Union([Schema.Boolean, Schema.Literals(["on", "off"])]).pipe(
  Schema.decodeTo(
    Schema.Boolean,
    SchemaTransformation.transform({
      decode: (value): boolean => value === true || value === "on",
      encode: (value): boolean | "on" | "off" => value,
    }),
  ),
);

/** A whole number. */
export const WholeNumber = (range: { readonly minimum: number; readonly maximum: number }) =>
  Schema.Union([Schema.Finite, Schema.FiniteFromString]).check(
    Schema.isInt(),
    Schema.isBetween(range),
  );

/** Text that is never shown; a line end that came with it out of a file would spoil it. */
export const Secret = Schema.RedactedFromValue(
  Schema.NonEmptyString.check(Schema.makeFilter<string>((text) => text.trim() === text)),
);

/** A list, or values separated by commas, with white space around them. */
export const List = <S extends Schema.ConstraintCodec<string, string>>(item: S) =>
  Schema.Union([Schema.String, Schema.Array(Schema.String)]).pipe(
    Schema.decodeTo(
      Schema.NonEmptyArray(item),
      SchemaTransformation.transform({
        decode: (value): readonly [string, ...Array<string>] => {
          const items = typeof value === "string" ? value.split(",") : value;
          const [first = "", ...others] = items.map((item) => item.trim());
          return [first, ...others];
        },
        encode: (items): string | ReadonlyArray<string> => items,
      }),
    ),
  );

const AnyUrl = Schema.Union([Schema.URL, Schema.URLFromString]);

/** An `http` or `https` URL that carries neither credentials nor query nor fragment. */
export const HttpUrl = AnyUrl.check(
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

const UNITS: ReadonlyMap<string, number> = new Map([
  ["B", 1],
  ["KiB", 2 ** 10],
  ["MiB", 2 ** 20],
  ["GiB", 2 ** 30],
  ["TiB", 2 ** 40],
]);

/** Bytes, as a number or as text with a unit. */
export const Size = Schema.Union([Schema.Number, Schema.String]).pipe(
  Schema.decodeTo(
    ByteSize,
    SchemaTransformation.transform({
      decode: (value) => {
        if (typeof value === "number") return value;
        const [, count, unit = ""] = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/.exec(value) ?? [];
        return Number(count) * (UNITS.get(unit) ?? Number.NaN);
      },
      encode: (bytes): number | string => bytes,
    }),
  ),
);

/**
 * An `https` URL, or an `http` one of this machine, since what it answers is believed; it may have
 * a query.
 */
export const HttpsUrl = Schema.URLFromString.check(
  Schema.makeFilter<URL>(
    ({ protocol, hostname, username, password, hash }) =>
      username + password + hash === "" &&
      (protocol === "https:" ||
        (protocol === "http:" && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname))),
  ),
);
