import * as Schema from "effect/Schema";

/**
 * The file's name as a person gave it: 1 to 255 bytes of UTF-8 without control characters and
 * without characters that reverse the writing direction (`gnp.exe` shown as `exe.png`). It is shown
 * to people and never becomes part of a path.
 */
export const FileName = Schema.String.check(
  Schema.makeFilter<string>(findProblem, {
    identifier: "FileName",
    description:
      "The file's name: up to 255 bytes of well-formed UTF-8, without control characters and without characters that reverse the writing direction. It never becomes part of a path.",
    examples: ["a.png"],
    // JSON Schema counts characters, and some are longer than one byte.
    toJsonSchema: () => [{ minLength: 1, maxLength: MAX_BYTES, pattern: PRINTABLE_PATTERN }, true],
  }),
).pipe(Schema.brand("FileName"));
export type FileName = typeof FileName.Type;

/**
 * Returns the extension without its dot, in lower case: up to 10 letters and digits after the last
 * dot. A name that is only an extension (`.htaccess`) has none.
 */
export function extensionIn(filename: FileName): string | undefined {
  return /[^./\\]\.([0-9A-Za-z]{1,10})$/.exec(filename)?.[1]?.toLowerCase();
}

const MAX_BYTES = 255;
// C0, DEL, C1, line and paragraph separators, then the embeddings, overrides and isolates of the
// Unicode Bidirectional Algorithm (UAX #9, section 2).
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** For a class of characters in a pattern. */
export const UNPRINTABLE_CLASS = UNPRINTABLE.source.slice(1, -1);
export const PRINTABLE_PATTERN = `^[^${UNPRINTABLE_CLASS}]*$`;
/** Returns true for well-formed text on one line that is shown as it is written. */
export const isPrintable = (text: string): boolean =>
  text.isWellFormed() && !UNPRINTABLE.test(text);

function findProblem(value: string): string | undefined {
  if (value.length === 0) return "Cannot parse file name: it is empty";
  if (value.length > MAX_BYTES) return TOO_LONG;
  if (!isPrintable(value)) {
    return "Cannot parse file name: it has a control character, one that reverses the writing direction, or half of one";
  }
  // A unit of UTF-16 has at most three bytes in UTF-8.
  return value.length * 3 > MAX_BYTES && utf8Length(value) > MAX_BYTES ? TOO_LONG : undefined;
}

const TOO_LONG = `Cannot parse file name: it is longer than ${MAX_BYTES} bytes of UTF-8`;

/** Returns the length of well-formed text in UTF-8, in bytes. */
export const utf8Length = (text: string) => encodeURIComponent(text).replaceAll(/%../g, "_").length;
