import * as Schema from "effect/Schema";
import { isPrintable, UNPRINTABLE_CLASS, utf8Length } from "./file-name.ts";

const MAX_BYTES = 1024;
const MAX_LEVELS = 32;
/** A name that is neither `.` nor `..`. */
const NAME = String.raw`(?!\.{1,2}(?:/|$))[^/\\${UNPRINTABLE_CLASS}]+`;
const PATTERN = `^(?![A-Za-z]:)${NAME}(?:/${NAME}){0,${MAX_LEVELS - 1}}$`;

/**
 * A file's place inside the folder that a person dropped, such as `holidays/2026/a.png`: names
 * between slashes, up to 1,024 bytes of UTF-8. It is shown to people, and is never part of a key or
 * of a path on a disk of ours, so names that only Windows reserves (`con`) are allowed. It need not
 * end with the file's name, which a person may have changed.
 */
export const FilePath = Schema.String.check(
  Schema.makeFilter<string>(findProblem, {
    identifier: "FilePath",
    description: `The file's place inside the folder that was dropped: up to ${MAX_LEVELS} names between slashes, ${MAX_BYTES} bytes of UTF-8, without \`.\`, \`..\`, backslashes and control characters. It never becomes part of a path.`,
    examples: ["holidays/2026/a.png"],
    // JSON Schema counts characters, and some are longer than one byte.
    toJsonSchema: () => ({ maxLength: MAX_BYTES, pattern: PATTERN }),
  }),
).pipe(Schema.brand("FilePath"));
export type FilePath = typeof FilePath.Type;

function findProblem(value: string): string | undefined {
  // A unit of UTF-16 has at least one byte in UTF-8.
  if (value.length > MAX_BYTES) return TOO_LONG;
  if (!isPrintable(value)) {
    return "it has a control character, one that reverses the writing direction, or half of one";
  }
  if (value.includes("\\")) return "it has a backslash: write / between names";
  if (value.startsWith("/") || /^[A-Za-z]:/.test(value)) {
    return "it begins with a slash or a drive: send it from the folder that was dropped";
  }
  const names = value.split("/");
  if (names.some((name) => /^\.{0,2}$/.test(name)))
    return "it has . or .. or an empty name between slashes";
  if (names.length > MAX_LEVELS) return `it has more than ${MAX_LEVELS} names`;
  return utf8Length(value) > MAX_BYTES ? TOO_LONG : undefined;
}

const TOO_LONG = `it is longer than ${MAX_BYTES} bytes of UTF-8`;
