import { type Attack, good, granted, type Outcome, presign, refused } from "./attack.ts";

const noSize = refused(400, "INVALID_SIZE");
const noJson = refused(400, "INVALID_REQUEST");
const tooLarge = refused(413, "FILE_TOO_LARGE");

/** Sizes as text, since no JSON library would write all of them. */
const TABLE: ReadonlyArray<readonly [input: string, size: string, outcome: Outcome]> = [
  ["zero", "0", noSize],
  ["a zero with a sign", "-0", noSize],
  ["minus one", "-1", noSize],
  ["the smallest number", "-1.7976931348623157e308", noSize],
  ["one and a half bytes", "1.5", noSize],
  ["a fraction so small that it becomes 0", "1e-400", noSize],
  ["a number so large that it becomes infinite", "1e309", noSize],
  ["2^53, to which 2^53 + 1 is rounded", "9007199254740992", noSize],
  ["2^53 + 1, which is read as 2^53", "9007199254740993", noSize],
  ["2^63", "9223372036854775808", noSize],
  ["15,000 digits", "9".repeat(15_000), noSize],
  ["the largest whole number", "9007199254740991", tooLarge],
  ["a byte more than is allowed", "10485761", tooLarge],
  ["2^32 + 5, which would wrap to 5", "4294967301", tooLarge],
  ["digits in quotes", '"5"', noSize],
  ["a word", '"large"', noSize],
  ["true", "true", noSize],
  ["null", "null", noSize],
  ["a list with one number", "[5]", noSize],
  ["an object with a valueOf", '{"valueOf":5}', noSize],
  ["NaN", "NaN", noJson],
  ["infinity by its name", "Infinity", noJson],
  ["hexadecimal", "0x5", noJson],
  ["octal", "05", noJson],
  ["a plus in front", "+5", noJson],
  ["digits with a separator", "1_000", noJson],
  ["5 as 0.5e1", "0.5e1", granted()],
];

export const numbers: ReadonlyArray<Attack> = TABLE.map(([input, size, outcome]) => ({
  input: `a size (${input})`,
  to: "dev",
  request: ({ dev }) => presign(dev, JSON.stringify(good).replace(":5", `:${size}`)),
  outcome,
}));
