import * as Schema from "effect/Schema";

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

/** `count` MiB (of 1,048,576 bytes) as a size in bytes. */
export const mebibytes = (count: number): ByteSize => ByteSize.make(count * 1024 * 1024);
