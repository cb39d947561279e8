/**
 * Characters that act on a terminal or reorder what it shows: controls, format characters other than
 * the two that join letters, and the block of tags, also those that Unicode has not assigned.
 */
const ACTING = /(?![\n\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u{e0000}-\u{e007f}]/gu;

/** Escapes, as JSON does, characters that act on a terminal; JSON stays equal JSON. */
export const printable = (text: string): string =>
  text.replace(ACTING, (acting) => acting.split("").map(escape).join(""));

/** Also escapes line ends, so that text from outside cannot look like another line. */
export const onOneLine = (text: string): string => printable(text).replaceAll("\n", "\\n");

const escape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
