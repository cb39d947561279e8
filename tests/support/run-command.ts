import { execFile, type ExecFileOptions } from "node:child_process";
import { promisify } from "node:util";

/** Runs a command to its end; rejects with how it ended, and all that it has written. */
export const runCommand = (
  [command = "", ...args]: ReadonlyArray<string>,
  options: ExecFileOptions = {},
): Promise<{ readonly stdout: string }> =>
  promisify(execFile)(command, args, { ...options, encoding: "utf8", maxBuffer: 2 ** 26 }).catch(
    (cause) => {
      const { signal, code, message, stdout = "", stderr = "" } = cause;
      const exit = typeof code === "number" ? `exit code ${code}` : message;
      const written = `${stdout}${stderr}`;
      throw new Error(`${command} ${args.join(" ")}: ${signal ?? exit}\n${written}`, { cause });
    },
  );
