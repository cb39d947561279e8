import fc from "fast-check";

const nasty = fc.constantFrom(
  ..." +%'\"~!*()&=;,:@$?#[]{}|\\^`<>/.-_aZ0é漢😀",
  "..",
  "//",
  "%2F",
  "\t",
);

/** Text of what signers encode in different ways. */
export const nastyText = fc
  .array(nasty, { minLength: 1, maxLength: 12 })
  .map((parts) => parts.join(""));
