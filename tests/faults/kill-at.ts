import * as files from "node:fs/promises";
import { readFileSync, writeSync } from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";

// Loaded before the service: kills it at one of its operations on files, as `kill -9` does. SIGUSR2
// arms it with the number in the file that KILL_AT names, counted from there, and says how many
// operations there were since the last time. An even number is before an operation, an odd one after
// it.

let done = 0;
let at = Infinity;

process.on("SIGUSR2", () => {
  const counted = done;
  done = 0;
  at = Number(readFileSync(process.env["KILL_AT"] ?? "", "utf8"));
  writeSync(2, `armed for ${at} after ${counted}\n`);
});

type Operation = (this: unknown, ...args: Array<unknown>) => unknown;

const killedAt = (operation: Operation): Operation =>
  async function (...args) {
    const before = 2 * done++;
    if (before === at) process.kill(process.pid, "SIGKILL");
    const result = await operation.apply(this, args);
    if (before + 1 === at) process.kill(process.pid, "SIGKILL");
    return result;
  };

function wrap(owner: Record<string, Operation>, names: ReadonlyArray<string>): void {
  for (const name of names) {
    const operation = owner[name];
    if (operation !== undefined) owner[name] = killedAt(operation);
  }
}

const probe = await files.open("/dev/null");
wrap(Object.getPrototypeOf(probe), ["read", "write", "writeFile", "sync", "stat", "close"]);
await probe.close();
wrap(createRequire(import.meta.url)("node:fs/promises"), [
  "open",
  "link",
  "rename",
  "unlink",
  "mkdir",
  "readdir",
  "readFile",
  "writeFile",
  "lstat",
  "utimes",
  "rm",
]);
syncBuiltinESMExports();
