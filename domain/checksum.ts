import * as Schema from "effect/Schema";

/** The checksum algorithms that a store may verify, with the length of their digests in bytes. */
const BYTES = { sha256: 32, crc32c: 4, md5: 16 } as const;
export type ChecksumAlgorithm = keyof typeof BYTES;

export const ChecksumAlgorithm = Schema.Literals(["sha256", "crc32c", "md5"]).annotate({
  identifier: "ChecksumAlgorithm",
});

/**
 * The checksum of a file: the algorithm, and its digest in padded base64 (RFC 4648, section 4).
 * Each digest has exactly one accepted spelling.
 */
export const Checksum = Schema.Struct({
  algorithm: ChecksumAlgorithm,
  value: Schema.String,
}).check(
  Schema.makeFilter(
    ({ algorithm, value }) =>
      isDigest(value, BYTES[algorithm])
        ? undefined
        : `Cannot parse checksum: it is not ${BYTES[algorithm]} bytes in base64`,
    {
      identifier: "Checksum",
      description:
        "The checksum of the file, in base64 with padding. The store refuses other bytes.",
      examples: [{ algorithm: "crc32c", value: "mnG7TA==" }],
      toJsonSchema: () => ({
        oneOf: ChecksumAlgorithm.literals.map((algorithm) => ({
          required: ["algorithm"],
          properties: {
            algorithm: { const: algorithm },
            value: { pattern: pattern(BYTES[algorithm]) },
          },
        })),
      }),
    },
  ),
);
export type Checksum = typeof Checksum.Type;

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** A regular expression for the base64 of this number of bytes. */
function pattern(bytes: number): string {
  const padding = (3 - (bytes % 3)) % 3;
  const digits = Math.ceil((bytes * 4) / 3);
  const last = [...ALPHABET].filter((_, index) => index % 4 ** padding === 0).join("");
  return `^[A-Za-z0-9+/]{${digits - 1}}[${last}]${"=".repeat(padding)}$`;
}

/** Whether `text` is the base64 of this number of bytes, with all unused bits zero. */
function isDigest(text: string, bytes: number): boolean {
  const padding = (3 - (bytes % 3)) % 3;
  const digits = Math.ceil((bytes * 4) / 3);
  if (text.length !== digits + padding || !text.endsWith("=".repeat(padding))) return false;
  const body = text.slice(0, digits);
  if (!/^[A-Za-z0-9+/]*$/.test(body)) return false;
  return padding === 0 || ALPHABET.indexOf(body.slice(-1)) % 4 ** padding === 0;
}
