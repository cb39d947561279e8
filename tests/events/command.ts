import { spawn } from "node:child_process";
import { atTestEnd } from "../support/at-test-end.ts";
import { bundled } from "../support/bundled.ts";
import { CHILD_ENV } from "../support/child-env.ts";

export const ROOT = new URL("../..", import.meta.url).pathname;
const cli = await bundled("cli");
export type Env = Readonly<Record<string, string>>;

export function start(args: ReadonlyArray<string>, env: Env) {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: ROOT,
    env: { ...CHILD_ENV, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  atTestEnd(() => child.kill("SIGKILL"));
  return child;
}
