import { styleText } from "node:util";
import { printable } from "../values/printable.ts";

// Everything that a command writes goes through here.

/** Writes to standard output; with a colour only on a terminal, and not where NO_COLOR is set. */
export const print = (text: string, colour?: Parameters<typeof styleText>[0]): void => {
  const safe = printable(text);
  process.stdout.write(colour === undefined ? safe : styleText(colour, safe));
};

export const tell = (text: string): void => void process.stderr.write(printable(text));

/** Writes a line over the one before on a terminal, and a line of its own elsewhere; "" ends it. */
export function showProgress(text: string, stream: NodeJS.WriteStream = process.stderr): void {
  const line = printable(text);
  if (stream.isTTY) stream.write(`\r\u001b[K${line.slice(0, stream.columns - 1)}`);
  else if (line !== "") stream.write(`${line}\n`);
}
