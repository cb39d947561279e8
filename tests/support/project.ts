import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CHILD_ENV } from "./child-env.ts";
import { COMMANDS } from "./command-path.ts";
import { makeFolder } from "./make-folder.ts";
import { need } from "./need.ts";
import { BESIDE, installPackage, MANIFEST } from "./install-package.ts";
import { linkInstalled, linkPackages } from "./kept-packages.ts";
import { packed } from "./packed.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** A project of somebody else, who has installed the packed package. */
export interface Project {
  readonly folder: string;
  /** Runs a command there to its end, whatever that is; tells it to stop once it says `until`. */
  readonly run: (
    command: ReadonlyArray<string>,
    options?: { readonly env?: Readonly<Record<string, string>>; readonly until?: string },
  ) => Promise<Ended>;
  /** Writes a file there. */
  readonly write: (name: string, text: string) => void;
  /** Adds a package that is installed here. */
  readonly link: (name: string, from?: string) => void;
}

/** The tsconfig.json of one that is strict. */
export const STRICT_PROJECT = JSON.stringify({
  compilerOptions: {
    target: "ES2024",
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    types: ["node"],
  },
});

/** What a command has written and answered. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Makes a project that has nothing yet. */
export function emptyProject(): Project {
  const folder = makeFolder();
  writeFileSync(join(folder, "package.json"), MANIFEST);
  return projectIn(folder);
}

/** Makes an empty project, and installs the packed package there as `npm` does it for everyone. */
export async function installProject(): Promise<Project> {
  const folder = makeFolder();
  await installPackage(folder, await packed());
  return projectIn(folder);
}

/** Makes the same with `others` of the registry too, which are installed once. */
export async function projectWith(others: ReadonlyArray<string>): Promise<Project> {
  const project = emptyProject();
  const tarball = await packed();
  await linkPackages(project.folder, [...BESIDE, ...others].join(" "), () =>
    installPackage(project.folder, tarball, [...BESIDE, ...others]),
  );
  return project;
}

/**
 * Makes a project that is as `installProject()` leaves it: the package is a copy of one that npm
 * has installed once in this run, and what it needs is linked.
 */
export async function makeProject(): Promise<Project> {
  const installed = (await need("installed")) ?? "";
  const project = emptyProject();
  linkInstalled(installed, join(project.folder, "node_modules"), join(installed, "valetkey"));
  return project;
}

function projectIn(folder: string): Project {
  return {
    folder,
    write: (name, text) => writeFileSync(join(folder, name), text),
    link: (name, from = "") => {
      const path = join(folder, "node_modules", name);
      if (existsSync(path)) return;
      mkdirSync(dirname(path), { recursive: true });
      symlinkSync(join(ROOT, from, "node_modules", name), path);
    },
    run: (command, options) => run(folder, command, options),
  };
}

async function run(
  cwd: string,
  [command = "", ...args]: ReadonlyArray<string>,
  { env = {}, until }: Parameters<Project["run"]>[1] & {} = {},
): Promise<Ended> {
  const child = spawn(command, args, {
    cwd,
    env: {
      ...CHILD_ENV,
      PATH: [...COMMANDS, CHILD_ENV.PATH].join(":"),
      NODE_COMPILE_CACHE: join(cwd, "node_modules/.compiled"),
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
    // One that does not end must not outlive the test that expected otherwise.
    timeout: 300_000,
    killSignal: "SIGKILL",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      if (until !== undefined && output.includes(until)) child.kill("SIGTERM");
    });
  }
  await once(child, "close");
  if (child.signalCode === "SIGKILL") output += `\n${command} did not end within 300 seconds`;
  return { code: child.exitCode, output };
}
