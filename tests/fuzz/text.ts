// Inputs are bytes; in the corpus they are text, so that a change of one can be read.

/** Writes bytes as text: what is not printable ASCII or a line feed is `\xNN`. */
export const toText = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    if (character === "\\") return "\\\\";
    return byte === 0x0a || (byte >= 0x20 && byte < 0x7f)
      ? character
      : `\\x${byte.toString(16).padStart(2, "0")}`;
  }).join("");

export const fromText = (text: string): Buffer =>
  Buffer.from(
    text.replace(/\\(?:x([0-9a-f]{2})|\\)/g, (_, hex?: string) =>
      hex === undefined ? "\\" : String.fromCharCode(Number.parseInt(hex, 16)),
    ),
    "latin1",
  );
