import * as Schema from "effect/Schema";

export const ChecksumAlgorithm = Schema.Literals(["sha256", "crc32c", "md5"]).annotate({
  identifier: "ChecksumAlgorithm",
});
export type ChecksumAlgorithm = typeof ChecksumAlgorithm.Type;

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const DIGESTS = {
  sha256: { bytes: 32, form: new RegExp(pattern(32)) },
  crc32c: { bytes: 4, form: new RegExp(pattern(4)) },
  md5: { bytes: 16, form: new RegExp(pattern(16)) },
};

/** The checksum of a file, in padded base64 (RFC 4648, section 4) with one accepted spelling. */
export const Checksum = Schema.Struct({
  algorithm: ChecksumAlgorithm,
  value: Schema.String,
}).check(
  Schema.makeFilter(
    ({ algorithm, value }) =>
      DIGESTS[algorithm].form.test(value)
        ? undefined
        : `Cannot parse checksum: it is not ${DIGESTS[algorithm].bytes} bytes in base64`,
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
            value: { pattern: DIGESTS[algorithm].form.source },
          },
        })),
      }),
    },
  ),
);
export type Checksum = typeof Checksum.Type;

function pattern(bytes: number): string {
  const padding = (3 - (bytes % 3)) % 3;
  const digits = Math.ceil((bytes * 4) / 3);
  const last = [...ALPHABET].filter((_, index) => index % 4 ** padding === 0).join("");
  return `^[A-Za-z0-9+/]{${digits - 1}}[${last}]${"=".repeat(padding)}$`;
}
