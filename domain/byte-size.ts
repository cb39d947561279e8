import * as Schema from "effect/Schema";
import * as SchemaGetter from "effect/SchemaGetter";

/** A size in bytes: a whole number from 1 to 2^53 - 1, so that no arithmetic on it loses a byte. */
export const ByteSize = Schema.Number.check(
  Schema.makeFilter<number>(
    (value) => {
      if (Number.isSafeInteger(value) && value > 0) return undefined;
      return value === 0
        ? "Cannot parse size: the file is empty, and a file must have at least 1 byte"
        : "Cannot parse size: it is not a whole number of bytes from 1 to 9007199254740991";
    },
    {
      identifier: "Size",
      description: "Bytes.",
      examples: [5],
      toJsonSchema: () => ({ type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    },
  ),
).pipe(Schema.brand("ByteSize"));
export type ByteSize = typeof ByteSize.Type;

const BINARY = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
const DECIMAL = { kB: 10 ** 3, MB: 10 ** 6, GB: 10 ** 9, TB: 10 ** 12 };
const UNITS = { ...BINARY, ...DECIMAL };
const isUnit = (text: string): text is keyof typeof UNITS => Object.hasOwn(UNITS, text);

/** A number of bytes, or a text such as `"200 MiB"` (209,715,200) or `"200 MB"` (200,000,000). */
export type WrittenSize =
  | number
  | `${number} ${"B" | "KiB" | "MiB" | "GiB" | "TiB" | "kB" | "MB" | "GB" | "TB"}`;

const WRITTEN = /^(\d+)(?:\.(\d+))? ?([A-Za-z]+)$/;

export const SizeText = Schema.Union([Schema.Number, Schema.String]).pipe(
  Schema.decodeTo(ByteSize, {
    decode: SchemaGetter.transform((written) => {
      if (typeof written === "number") return written;
      const [, whole, decimals = "", unit = ""] = WRITTEN.exec(written) ?? [];
      if (!isUnit(unit)) return Number.NaN;
      // Not multiplied first: 16.1 * 1000 is no whole number in floating point.
      return (Number(`${whole}${decimals}`) * UNITS[unit]) / 10 ** decimals.length;
    }),
    encode: SchemaGetter.passthrough({ strict: false }),
  }),
) as Schema.Codec<ByteSize, WrittenSize>;

/** Writes a size for a person: `10 MiB (10485760 bytes)`, or `10 MB (10000000 bytes)`. */
export function sizeInWords(bytes: number): string {
  const exactly = `${bytes} byte${bytes === 1 ? "" : "s"}`;
  if (bytes < UNITS.MiB) return exactly;
  const units = bytes % UNITS.MB === 0 && bytes % UNITS.MiB !== 0 ? DECIMAL : BINARY;
  const [unit, size] =
    Object.entries(units).findLast(([, size]) => size <= bytes) ?? (["MiB", UNITS.MiB] as const);
  return `${Number((bytes / size).toFixed(2))} ${unit} (${exactly})`;
}

export const mebibytes = (count: number): ByteSize => ByteSize.make(count * 1024 * 1024);
