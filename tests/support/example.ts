import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseEnv } from "node:util";
import { FRAMEWORKS } from "./build-create.ts";
import { CHILD_ENV } from "./child-env.ts";
import { freePort } from "./free-port.ts";
import { installFromNpm } from "./installing.ts";
import { linkPackages } from "./kept-packages.ts";
import { createStarter, packed } from "./packed.ts";
import { runCommand } from "./run-command.ts";
import { until } from "./until.ts";

/** A folder of deploy/examples, as `npm create valetkey` or a copy has it, made to run as its README says. */
export interface Example {
  readonly folder: string;
  /** Runs a command there to its end, and gives what it has written; rejects where it fails. */
  readonly run: (
    command: ReadonlyArray<string>,
    env?: Readonly<Record<string, string | undefined>>,
  ) => Promise<{ readonly stdout: string }>;
  /** Starts it on the port of its `.env`, and waits until it answers. */
  readonly start: (env?: Readonly<Record<string, string>>) => Promise<StartedExample>;
  readonly remove: () => void;
}

export interface StartedExample {
  readonly address: string;
  /** All that it has written so far. */
  readonly output: () => string;
  /** Tells it to stop, and waits until all of it has ended. */
  readonly stop: () => Promise<void>;
}

const ROOT = new URL("../..", import.meta.url).pathname;
const ENV = {
  ...CHILD_ENV,
  PATH: `${join(ROOT, "node_modules/.bin")}:${CHILD_ENV.PATH}`,
  NEXT_TELEMETRY_DISABLED: "1",
};

/**
 * Installs an example, with the packed package in place of the published one, and builds it. An
 * application is made by `npm create valetkey`, for a store that `env` configures.
 */
export async function installExample(
  name: string,
  { store = "embedded", env = {} }: StarterStore = {},
): Promise<Example> {
  const folder = mkdtempSync(join(tmpdir(), `valetkey-${name}-`));
  if (FRAMEWORKS.includes(name)) {
    const chosen = ["--framework", name, "--store", store, "--policy", "anything"];
    const PORT = String(await freePort());
    await createStarter(folder, [...chosen, "--no-install"], { ...CHILD_ENV, PORT, ...env });
  } else {
    cpSync(join(ROOT, "deploy/examples", name), folder, {
      recursive: true,
      filter: (path) => !NOT_SOURCES.has(basename(path)),
    });
  }
  const run: Example["run"] = (command, env = {}) =>
    runCommand(command, { cwd: folder, env: { ...ENV, ...env } });

  const path = join(folder, "package.json");
  // The same for each run, whose package is at another path.
  const manifest = withPackage(readFileSync(path, "utf8"), "");
  writeFileSync(path, withPackage(manifest, `file:${await packed()}`));
  const [install, ...others] = commandsOf(readFileSync(join(folder, "README.md"), "utf8"));
  if (install !== "npm install") throw new Error(`${name}: its README does not begin with that`);
  // With all that npm is told by this machine's environment, such as whose certificates it trusts.
  const { NODE_ENV: _, ...own } = process.env;
  const installAnew = () => installFromNpm(["install"], { cwd: folder, env: { ...own, ...ENV } });
  if (others.includes("npm run build")) {
    await installAnew();
    await run(["npm", "run", "build"]);
  } else {
    await linkPackages(folder, manifest, installAnew);
  }
  return {
    folder,
    run,
    start: (env = {}) => {
      if (!others.includes("npm start")) throw new Error(`${name}: its README starts nothing`);
      return startExample(folder, env);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const withPackage = (manifest: string, specifier: string) =>
  manifest.replace(/("valetkey": )"[^"]*"/, `$1"${specifier}"`);

interface StarterStore {
  readonly store?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const NOT_SOURCES = new Set([
  "node_modules",
  "package-lock.json",
  "build",
  "dist",
  ".next",
  ".svelte-kit",
  ".valetkey",
]);

/** The commands that a README has people type. */
const commandsOf = (readme: string): ReadonlyArray<string> =>
  [...readme.matchAll(/^ {4}(npm .+)$/gm)].map(([, command = ""]) => command);

/** Starts the example in a folder on the port of its `.env`, or a free one, and waits until it answers. */
export async function startExample(
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<StartedExample> {
  const settings = join(folder, ".env");
  const isStarter = existsSync(settings);
  const own = isStarter
    ? parseEnv(readFileSync(settings, "utf8"))
    : { PORT: `${await freePort()}` };
  const child = spawn("npm", ["start"], {
    cwd: folder,
    env: { ...ENV, ...(isStarter ? {} : own), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // Its own group: npm does not pass on what it is told.
    detached: true,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  }
  const closed = once(child, "close");
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const kill = (signal: NodeJS.Signals) => process.kill(-(child.pid ?? 0), signal);
  const address = `http://127.0.0.1:${own["PORT"]}`;
  await Promise.race([
    until("the example's start", async () => (await fetch(address)).status > 0),
    // Whoever waits for one that has ended waits for all of the time.
    closed.then(() => Promise.reject(new Error(`it ended: ${text}`))),
  ]).catch((cause: unknown) => {
    if (isRunning()) kill("SIGKILL");
    throw cause;
  });
  return {
    address,
    output: () => text,
    stop: async () => {
      if (!isRunning()) return;
      // One that does not end must not outlive the test that expected otherwise.
      const overdue = setTimeout(() => kill("SIGKILL"), 20_000);
      // The last that could write has ended when this closes.
      kill("SIGTERM");
      await closed;
      clearTimeout(overdue);
    },
  };
}
