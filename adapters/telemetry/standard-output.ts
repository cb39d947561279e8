export type StandardStream = "stdout" | "stderr";

/**
 * Writes a line to a standard stream, together with the others of this turn of the event loop: a
 * system call costs more than to make a line.
 */
export function writeLine(line: string, to: StandardStream = "stdout"): void {
  if (waiting[to] === "") setImmediate(flush, to);
  waiting[to] += `${line}\n`;
}

const waiting = { stdout: "", stderr: "" };
function flush(to: StandardStream): void {
  const lines = waiting[to];
  waiting[to] = "";
  if (lines !== "") process[to].write(lines);
}
process.on("exit", () => (flush("stdout"), flush("stderr")));
