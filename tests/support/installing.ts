import type { ExecFileOptions } from "node:child_process";
import { runCommand } from "./run-command.ts";

/**
 * Has a command install, and once more where that fails or takes ten minutes: of a registry that falls
 * silent, npm and Maven wait for half an hour, and npm bears no answer that stops.
 */
export async function installing<A>(attempt: (limits: ExecFileOptions) => Promise<A>): Promise<A> {
  const limits = { timeout: 600_000, killSignal: "SIGKILL" } as const;
  try {
    return await attempt(limits);
  } catch (cause) {
    console.error(`It is installed once more: ${cause}`);
    return attempt(limits);
  }
}

/** Has npm install in a folder, which tells what it has fetched where that fails. */
export const installFromNpm = (
  args: ReadonlyArray<string>,
  { env = process.env, ...options }: ExecFileOptions,
) =>
  installing((limits) =>
    runCommand(["npm", ...args, "--prefer-offline", "--no-audit", "--no-fund"], {
      ...options,
      ...limits,
      env: { ...env, npm_config_fetch_timeout: "60000", npm_config_loglevel: "http" },
    }),
  );
