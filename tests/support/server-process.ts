import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { atTestEnd } from "./at-test-end.ts";
import { until } from "./until.ts";

/** Starts a server that keeps what it has in `folder`, and that can be hurt. */
export async function startServer(server: {
  readonly path: string;
  readonly args: ReadonlyArray<string>;
  readonly folder: string;
  /** Variables beside those of the tests. */
  readonly env?: Readonly<Record<string, string>>;
  readonly isUp: () => Promise<boolean>;
}) {
  const { path, args, folder, env } = server;
  const launch = async () => {
    const child = spawn(path, args, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: "ignore",
    });
    const exited = once(child, "exit");
    await once(child, "spawn");
    return { child, exited };
  };
  let running = await launch();
  const isUp = () =>
    until(`the start of ${path}`, () => {
      if (running.child.exitCode !== null) throw new Error(`${path} has ended`);
      return server.isUp();
    });
  /** Ends it as a crash does. */
  const kill = async () => {
    running.child.kill("SIGKILL");
    await running.exited;
  };
  const stop = async () => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  };
  atTestEnd(stop);
  try {
    await isUp();
  } catch (cause) {
    await stop();
    throw cause;
  }
  return {
    kill,
    /** Starts it again where it was. */
    restart: async () => {
      running = await launch();
      await isUp();
    },
    /** Lets it hang: connections stay, and nothing is answered. */
    pause: () => void running.child.kill("SIGSTOP"),
    resume: () => void running.child.kill("SIGCONT"),
    /** Ends it, and removes what it has stored. */
    stop,
  };
}
