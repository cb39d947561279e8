import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
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

export async function run(args: ReadonlyArray<string>, env: Env) {
  const child = start(args, env);
  const [stdout, stderr] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  return { code: child.exitCode, stdout, stderr };
}
