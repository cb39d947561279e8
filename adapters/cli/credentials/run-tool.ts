import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { errorCode } from "../../values/thrown.ts";
import { CommandFailure } from "../command/failure.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Exit codes as POSIX shells have them (2.8.2, Exit Status for Commands). */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
const SIGNALLED = 128;

/**
 * Runs a command without a shell, passes signals on to it, and gives its exit code. `output` is the
 * descriptor of its standard output.
 */
export async function runTool(
  [command = "", ...args]: ReadonlyArray<string>,
  { env, output }: { readonly env: NodeJS.ProcessEnv; readonly output: 1 | 2 },
): Promise<number> {
  // A terminal gives its own signal to both.
  const pass = (name: NodeJS.Signals) =>
    void ((name === "SIGINT" && process.stdin.isTTY) || child.kill(name));
  // First, since a signal that ended this process alone would leave a tool behind that runs on.
  for (const name of SIGNALS) process.on(name, pass);
  const child = spawn(command, args, { env, stdio: [0, output, 2] });
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return code ?? SIGNALLED + constants.signals[signal ?? "SIGKILL"];
  } catch (cause) {
    const reason = errorCode(cause);
    const message = `${command} cannot be started (${reason}). Check its name and the PATH.`;
    throw new CommandFailure({
      code: reason === "ENOENT" ? NOT_FOUND : NOT_EXECUTABLE,
      message,
    });
  } finally {
    for (const name of SIGNALS) process.off(name, pass);
  }
}
