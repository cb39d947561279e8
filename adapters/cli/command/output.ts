import { styleText } from "node:util";
import { printable } from "../../values/printable.ts";
import { errorCode, errorMessage } from "../../values/thrown.ts";
import { EXIT } from "./failure.ts";

// Everything that a command writes goes through here.

/** Lets a command finish its work when a reader has seen enough, such as `head`. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (cause) => {
      if (errorCode(cause) === "EPIPE") return;
      process.exitCode = EXIT.failure;
      // Of standard error nobody can be told, and each attempt would fail as well.
      if (stream === process.stdout)
        tell(`The output cannot be written: ${errorMessage(cause)}.\n`);
    });
  }
}

/** Ends the process by itself, or after some seconds whatever is still open then. */
export const endSoon = (): void => void setTimeout(() => process.exit(), END_TIMEOUT).unref();

/** In milliseconds: parts of an upload that was cut may still be removed. */
const END_TIMEOUT = 3000;

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
