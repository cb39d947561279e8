import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

// However a run ends (passed, interrupted, killed), its processes end with it: this one waits until
// the run lets go of its standard input, and ends all that bear the mark of the run. Linux alone
// shows the environment of a process; elsewhere this does nothing.

/** Marks what this process starts from now on, and starts what ends it. */
export function endWithThisProcess(): void {
  const id = crypto.randomUUID();
  // It bears no mark of its own, and is in no group that a terminal interrupts.
  const env = { ...process.env, TEST_RUN_ID: "" };
  const ender = spawn(process.execPath, [import.meta.filename, id], {
    detached: true,
    env,
    stdio: ["pipe", "ignore", "ignore"],
  });
  ender.unref();
  process.env["TEST_RUN_ID"] = id;
}

function endAll(id: string): void {
  for (const pid of pids().filter((each) => environmentOf(each).includes(`TEST_RUN_ID=${id}`))) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
  try {
    const filter = ["ps", "--all", "--quiet", "--filter", `label=valetkey-test=${id}`];
    const containers = execFileSync("docker", filter, { encoding: "utf8" }).split("\n");
    const left = containers.filter((each) => each !== "");
    if (left.length > 0) execFileSync("docker", ["rm", "--force", "--volumes", ...left]);
  } catch {
    // No Docker engine runs, so that no container does.
  }
}

function pids(): ReadonlyArray<string> {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function environmentOf(pid: string): ReadonlyArray<string> {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return [];
  }
}

if (process.argv[1] === import.meta.filename) {
  const [, , id = ""] = process.argv;
  process.stdin.resume().once("close", () => endAll(id));
}
