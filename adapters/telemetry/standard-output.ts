/**
 * Writes a line to standard output, together with the others of the same turn of the event loop: a
 * system call for each would cost more than to make it.
 */
export function writeLine(line: string): void {
  if (waiting === "") setImmediate(flush);
  waiting += `${line}\n`;
}

let waiting = "";
function flush(): void {
  const lines = waiting;
  waiting = "";
  if (lines !== "") process.stdout.write(lines);
}
process.on("exit", flush);
