import * as Predicate from "effect/Predicate";
import * as Schema from "effect/Schema";
import { isPrintable, PRINTABLE_PATTERN, utf8Length } from "./file-name.ts";

const MAX_PAIRS = 16;
const MAX_BYTES = 1024;
const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;

export type Metadata = Readonly<Record<string, string>>;

/** Checks an upload's metadata as a whole: thousands of pairs are counted, but not read. */
export const Metadata = Schema.Unknown.check(
  Schema.makeFilter<unknown>(findFault, {
    identifier: "Metadata",
    description: `Facts of your own, which confirming gives back: up to ${MAX_PAIRS} pairs of text on one line, with ${MAX_BYTES} bytes of names and values together.`,
    examples: [{ album: "holidays" }],
    toJsonSchema: () => ({
      type: "object",
      maxProperties: MAX_PAIRS,
      propertyNames: { pattern: NAME.source },
      additionalProperties: {
        type: "string",
        pattern: PRINTABLE_PATTERN,
      },
    }),
  }),
) as unknown as Schema.Codec<Metadata>;

function findFault(metadata: unknown) {
  if (!Predicate.isObject(metadata)) return "it is not an object";
  const pairs = Object.entries(metadata);
  if (pairs.length > MAX_PAIRS) return `it has more than ${MAX_PAIRS} pairs`;
  for (const [name, value] of pairs) {
    if (!NAME.test(name)) return `it has a name that is not of the form ${NAME.source}`;
    if (typeof value !== "string" || !isPrintable(value)) {
      return {
        path: [name],
        issue: "it is not text on one line, without characters that control or reorder text",
      };
    }
  }
  return utf8Length(pairs.flat().join("")) > MAX_BYTES
    ? `names and values have more than ${MAX_BYTES} bytes together`
    : undefined;
}
