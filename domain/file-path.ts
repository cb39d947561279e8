import * as Schema from "effect/Schema";
import { UNPRINTABLE_CLASS, utf8Length } from "./file-name.ts";

const MAX_BYTES = 1024;
const MAX_LEVELS = 32;
/** A name that is neither `.` nor `..`. */
const NAME = String.raw`(?!\.{1,2}(?:/|$))[^/\\${UNPRINTABLE_CLASS}]+`;
const PATTERN = new RegExp(`^(?![A-Za-z]:)${NAME}(?:/${NAME}){0,${MAX_LEVELS - 1}}$`);
const FORM = `up to ${MAX_LEVELS} names between slashes, ${MAX_BYTES} bytes of UTF-8 together, without . and .., backslashes, a drive, and characters that control or reverse text`;

/**
 * A file's place inside the folder that a person dropped, such as `holidays/2026/a.png`. It is shown
 * to people, and is never part of a key or of a path on a disk of ours, so names that only Windows
 * reserves (`con`) are allowed. It need not end with the file's name, which may have been changed.
 */
export const FilePath = Schema.String.check(
  Schema.makeFilter<string>(
    (value) =>
      value.length <= MAX_BYTES &&
      value.isWellFormed() &&
      PATTERN.test(value) &&
      utf8Length(value) <= MAX_BYTES
        ? undefined
        : `it is not a path in a folder: ${FORM}`,
    {
      identifier: "FilePath",
      description: `The file's place inside the folder that was dropped: ${FORM}. It never becomes part of a path.`,
      examples: ["holidays/2026/a.png"],
      // JSON Schema counts characters, and some are longer than one byte.
      toJsonSchema: () => ({ maxLength: MAX_BYTES, pattern: PATTERN.source }),
    },
  ),
).pipe(Schema.brand("FilePath"));
export type FilePath = typeof FilePath.Type;
