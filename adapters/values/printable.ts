/**
 * Characters that act on a terminal or reorder what it shows: controls, and format characters other
 * than the two that join letters.
 */
const ACTING = /(?![\n\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Escapes, as JSON does, what a terminal would act on: what is JSON stays the same JSON. */
export const printable = (text: string): string =>
  text.replace(ACTING, (found) => found.split("").map(escape).join(""));

/** Escapes also the end of a line, so that no text from outside can be taken for a line of ours. */
export const onOneLine = (text: string): string => printable(text).replaceAll("\n", "\\n");

const escape = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
