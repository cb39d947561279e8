import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { atTestEnd } from "../support/at-test-end.ts";
import { bundled } from "../support/bundled.ts";
import { CHILD_ENV } from "../support/child-env.ts";
import { freePort } from "../support/free-port.ts";

const cli = await bundled("cli");

async function start(...args: ReadonlyArray<string>) {
  const env = {
    ...CHILD_ENV,
    STORAGE_ADAPTER: "minio",
    STORAGE_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
    STORAGE_ACCESS_KEY: "an-access-key",
    STORAGE_SECRET_KEY: "a-secret-key",
  };
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  atTestEnd(() => child.kill("SIGKILL"));
  return child;
}

// As `valetkey doctor | head` does, which may be gone before the first line.
it.for([
  ["--help", 0],
  ["config", 0],
  ["doctor", 1],
] as const)(
  "valetkey %s does its work although its reader has gone, and says nothing of that",
  async ([command, code]) => {
    const child = await start(cli, command);
    child.stdout.destroy();
    const ended = once(child, "exit");
    expect(await text(child.stderr)).toBe("");
    expect(await ended).toEqual([code, null]);
  },
);

it("a command ends once it has said its last word, whatever it has left open", async () => {
  const leaveOpen = "data:text/javascript,setInterval(() => undefined, 1e6)";
  const child = await start("--import", leaveOpen, cli, "--version");
  expect(await once(child, "exit")).toEqual([0, null]);
});

it.skipIf(!existsSync("/dev/full"))(
  "a command ends although standard error is a disk that is full",
  async () => {
    const full = openSync("/dev/full", "w");
    const child = spawn(process.execPath, [cli, "nope"], { stdio: ["ignore", "ignore", full] });
    closeSync(full);
    atTestEnd(() => child.kill("SIGKILL"));
    expect(await once(child, "exit")).toEqual([1, null]);
  },
);
