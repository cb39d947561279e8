import { styleText } from "node:util";
import { printable } from "../../values/printable.ts";
import { errorCode, errorMessage } from "../../values/thrown.ts";
import { EXIT } from "./failure.ts";

// All output of commands.

/** Lets a command finish its work when a reader has seen enough, such as `head`. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (cause) => {
      if (errorCode(cause) === "EPIPE") return;
      process.exitCode = EXIT.failure;
      // A failure of standard error cannot be reported.
      if (stream === process.stdout)
        printMessage(`The output cannot be written: ${errorMessage(cause)}.\n`);
    });
  }
}

/** Ends the process when nothing is open, or after some seconds. */
export const endSoon = (): void => void setTimeout(() => process.exit(), END_TIMEOUT).unref();

/** In milliseconds: parts of an interrupted upload may still be removed. */
const END_TIMEOUT = 3000;

/** Writes to standard output; with a colour only on a terminal, and not where NO_COLOR is set. */
export const print = (text: string, colour?: Parameters<typeof styleText>[0]): void => {
  const safe = printable(text);
  process.stdout.write(colour === undefined ? safe : styleText(colour, safe));
};

export const printMessage = (text: string): void => void process.stderr.write(printable(text));

/** Writes a line over the one before on a terminal, and a line of its own elsewhere; "" ends it. */
export function showProgress(text: string, stream: NodeJS.WriteStream = process.stderr): void {
  const line = printable(text);
  if (stream.isTTY) stream.write(`\r\u001b[K${line.slice(0, stream.columns - 1)}`);
  else if (line !== "") stream.write(`${line}\n`);
}
