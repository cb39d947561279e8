import type { ExecFileOptions } from "node:child_process";
import { runCommand } from "./run-command.ts";

/**
 * Has npm install in a folder, and once more where that fails or takes ten minutes: of a registry
 * that falls silent, npm by itself bears no answer that stops, and one that does not begin for half
 * an hour.
 */
export async function installFromNpm(
  args: ReadonlyArray<string>,
  { env = process.env, ...options }: ExecFileOptions,
): Promise<void> {
  const attempt = () =>
    runCommand(["npm", ...args, "--prefer-offline", "--no-audit", "--no-fund"], {
      ...options,
      env: { ...env, npm_config_fetch_timeout: "60000", npm_config_loglevel: "http" },
      timeout: 600_000,
      killSignal: "SIGKILL",
    });
  try {
    await attempt();
  } catch (cause) {
    console.error(`npm is asked once more: ${cause}`);
    await attempt();
  }
}
