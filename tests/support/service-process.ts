import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atTestEnd } from "./at-test-end.ts";
import { bundled } from "./bundled.ts";
import { commandPath } from "./command-path.ts";
import { CHILD_ENV } from "./child-env.ts";
import { DENO_PERMISSIONS, denoCommand } from "./deno-permissions.ts";
import { freePort } from "./free-port.ts";
import { need } from "./need.ts";
import { until } from "./until.ts";

/** The service in a process of its own, started as a person would. */
export interface ServiceProcess {
  readonly address: string;
  readonly token: string;
  readonly serviceToken: string;
  /** Where the embedded store keeps its objects. */
  readonly directory: string;
  /** All that it has written to standard output and standard error so far. */
  readonly output: () => string;
  readonly pid: number;
  /** Sends it a signal. */
  readonly signal: (name: NodeJS.Signals) => void;
  /** Its exit code, once it has ended. */
  readonly ended: Promise<number | null>;
  /** Tells it to stop, and gives its exit code. */
  readonly stop: () => Promise<number | null>;
}

const ROOT = new URL("../..", import.meta.url).pathname;

/** What starts an entry point, for the folder of the embedded store; a name is of a dependency. */
export type Command = (directory: string) => ReadonlyArray<string> | Promise<ReadonlyArray<string>>;

/** Commands that start an entry point from its source with the embedded store, by runtime. */
export const RUNTIMES = {
  node: () => ["node", "deploy/node.ts"],
  deno: denoCommand(DENO_PERMISSIONS.local),
  bun: () => ["bun", "deploy/bun.ts"],
} as const satisfies Readonly<Record<string, Command>>;

/**
 * Starts the service with `env` beside the defaults, bundled on Node, and waits until it answers, or
 * ends. At the end of a test it is killed if it still runs.
 */
export async function startProcess(
  env: Readonly<Record<string, string>> = {},
  runtime?: keyof typeof RUNTIMES | Command,
): Promise<ServiceProcess> {
  const directory = mkdtempSync(join(tmpdir(), "valetkey-process-"));
  // One that takes the place of another has its port and token.
  const port = env["PORT"] || String(await freePort());
  const token = env["DEV_TOKEN"] || crypto.randomUUID();
  const serviceToken = crypto.randomUUID();
  const command = await commandFor(runtime, directory);
  const { child, output } = launch(command, {
    PORT: port,
    DEV_TOKEN: token,
    DEV_SERVICE_TOKEN: serviceToken,
    STORAGE_LOCAL_DIR: directory,
    // Nobody asks these whether they are ready, so that nobody need be waited for.
    SHUTDOWN_GRACE: "0 seconds",
    ...env,
  });
  const address = `http://127.0.0.1:${port}`;
  const ended = once(child, "exit").then(() => child.exitCode);
  atTestEnd(async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(directory, { recursive: true, force: true });
  });
  let isOver = false;
  // Then all that it has said was read, too.
  const closed = once(child, "close").then(() => (isOver = true));
  await until(
    "the service's start",
    async () => isOver || (await fetch(`${address}/healthz`)).ok,
  ).catch((cause: unknown) => {
    child.kill("SIGKILL");
    throw cause;
  });
  if (isOver) {
    rmSync(directory, { recursive: true, force: true });
    throw new Error(`the service ended at its start: ${output()}`);
  }
  return {
    address,
    token,
    serviceToken,
    directory,
    output,
    pid: child.pid ?? 0,
    signal: (name) => void child.kill(name),
    ended,
    stop: async () => {
      child.kill("SIGTERM");
      await closed;
      rmSync(directory, { recursive: true, force: true });
      // Whatever a test was about: nothing that it used may be in the log.
      const secrets = [token, serviceToken, ...secretsOf(env)];
      const leaked = secrets.find((secret) => output().includes(secret)) ?? SEALED.exec(output());
      if (leaked !== undefined && leaked !== null && env["LOG_FORMAT"] !== "pretty") {
        throw new Error(`a secret is in the log: ${output()}`);
      }
      return child.exitCode;
    },
  };
}

/** Waits until a service has its store and its bucket: on a busy machine not at its first look. */
export const untilReady = ({ address, output }: Pick<ServiceProcess, "address" | "output">) =>
  until("a service that is ready", async () => {
    const { status } = await (await fetch(`${address}/readyz`)).json();
    return status === "ready";
  }).catch((cause: unknown) => {
    throw new Error(output(), { cause });
  });

async function commandFor(
  runtime: keyof typeof RUNTIMES | Command | undefined,
  directory: string,
): Promise<ReadonlyArray<string>> {
  if (runtime === undefined || runtime === "node") return ["node", await bundled("node")];
  const command = await (typeof runtime === "string" ? RUNTIMES[runtime] : runtime)(directory);
  if (["deno", "bun"].includes(command[0] ?? "")) await need("runtimes");
  return command;
}

/** Signatures of URLs, receipts and links. */
const SEALED = /X-(?:Amz|Goog)-Signature=|v1\.[a-z0-9-]+\.[\w-]{20,}\.[\w-]{43}|vk_[0-9a-f]{16}_/;

/** What is configured and nobody else may know; what is shorter could be in a log by chance. */
const secretsOf = (env: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  Object.entries(env).flatMap(([name, value]) =>
    /(?:TOKEN|SECRETS|SECRET_KEY|CLIENT_SECRET|RECEIPT_KEYS|CREDENTIALS|IMAGES_KEY|IMAGES_SALT)$/.test(
      name,
    ) && value.length >= 16
      ? value.split(",")
      : [],
  );

/** Runs an entry point to its end, such as the bundled service that refuses its configuration. */
export async function runToEnd(
  env: Readonly<Record<string, string>>,
  command?: ReadonlyArray<string>,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const { child, output } = launch(command ?? ["node", await bundled("node")], env);
  // One that starts after all must not outlive the test that expected otherwise.
  const overdue = setTimeout(() => child.kill("SIGKILL"), 300 * SECOND);
  atTestEnd(() => child.kill("SIGKILL"));
  await once(child, "close");
  clearTimeout(overdue);
  return { code: child.exitCode, output: output() };
}

const SECOND = 1000;

function launch(
  [command = "", ...args]: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
): { readonly child: ChildProcess; readonly output: () => string } {
  const child = spawn(commandPath(command), args, {
    cwd: ROOT,
    env: { ...CHILD_ENV, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  }
  return { child, output: () => text };
}
