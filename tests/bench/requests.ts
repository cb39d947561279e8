import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import { commandPath } from "../support/command-path.ts";
import { DENO_PERMISSIONS, denoCommand } from "../support/deno-permissions.ts";
import { freePort } from "../support/free-port.ts";
import { type Command, RUNTIMES, startProcess } from "../support/service-process.ts";
import { CACHE } from "../support/cached.ts";
import { installTools } from "../support/tools.ts";
import { until } from "../support/until.ts";
import { cpuOf, memoryOf } from "./cpu.ts";
import { BARE, BATCH, BY_HAND, GO, SERVICE } from "./goals.ts";
import { presignRequest, sendLoad } from "./load.ts";
import type { Choice, Comparison, Contender } from "./rounds.ts";

const CONNECTIONS = 32;
const FOLDER = new URL(".", import.meta.url).pathname;

/** As an operator would set it who wants speed, with the store that most others can sign for. */
const SETTINGS = {
  STORAGE_ADAPTER: "minio",
  STORAGE_ENDPOINT: "http://127.0.0.1:9000",
  STORAGE_ACCESS_KEY: "access-key",
  STORAGE_SECRET_KEY: "secret-key",
  LOG_LEVEL: "warn",
  AUDIT: "off",
} as const;

/** A server in a process of its own. */
interface Server {
  readonly port: number;
  readonly pid: number;
  /** The next request, whole. */
  readonly request: () => string;
  /** How many uploads each request asks for; 1 if undefined. */
  readonly uploads?: number;
  readonly stop: () => Promise<unknown>;
}

/** Starts a server; gives why not where something is not installed. */
type Start = () => Promise<Server | string>;

const SERVERS: Readonly<Record<string, Start>> = {
  [BARE]: script("echo.ts"),
  [BY_HAND]: script("by-hand.ts"),
  [SERVICE]: () => service({}),
  [BATCH]: batch,
  "the service, a log line at info": () => service({ LOG_LEVEL: "info" }),
  "the service on Bun": () => onRuntime(() => [commandPath("bun"), "deploy/bun.ts"]),
  "the service on Deno": () =>
    onRuntime((directory) => {
      const [, ...args] = denoCommand(DENO_PERMISSIONS.minio)(directory);
      return [commandPath("deno"), ...args];
    }),
  [GO]: async () => {
    const built = await buildGo();
    return built === undefined ? "Go is not installed" : listening([built]);
  },
  "Hono with the AWS client": script("hono-aws.ts"),
};

/** CPU of one presign request, or of one upload of a batch, each server in a process of its own. */
export async function requests({ isWanted, milliseconds }: Choice): Promise<Comparison> {
  const title = `POST …/presign over ${CONNECTIONS} connections`;
  const missing: Array<string> = [];
  const contenders: Array<Contender> = [];
  const running: Array<Server> = [];
  const close = () => Promise.all(running.map(({ stop }) => stop()));
  try {
    for (const [name, start] of Object.entries(SERVERS)) {
      if (!isWanted(name)) continue;
      const server = await start();
      if (typeof server === "string") {
        missing.push(`${name}: ${server}`);
        continue;
      }
      running.push(server);
      contenders.push(contenderOf(name, server, milliseconds));
    }
  } catch (cause) {
    await close();
    throw cause;
  }
  return { title, contenders, references: [BARE, SERVICE], missing, close };
}

export function contenderOf(name: string, server: Server, milliseconds: number): Contender {
  return {
    name,
    run: () => costOfRequest(server, milliseconds),
    notes: () => ({ "MiB at most": (memoryOf(server.pid).peak / 1024 ** 2).toFixed(0) }),
  };
}

/** Microseconds of CPU that a server needs for one upload, once it has used so many milliseconds. */
async function costOfRequest(
  { port, pid, request, uploads = 1 }: Omit<Server, "stop">,
  milliseconds: number,
): Promise<number> {
  const before = cpuOf(pid);
  const end = before + milliseconds * 1000;
  let isOver = false;
  // Reading it costs something too.
  const isEnough = (sent: number) => (isOver ||= sent % 100 === 0 && cpuOf(pid) >= end);
  const answered = await sendLoad({ port, connections: CONNECTIONS, request, isEnough });
  return (cpuOf(pid) - before) / (answered * uploads);
}

/** The service as `npm start` serves it, and requests to it; `requestOf` makes the nth of others. */
export async function service(
  env: Readonly<Record<string, string>>,
  {
    command = RUNTIMES.node,
    requestOf = (token) => always(presignRequest({ token })),
  }: {
    readonly command?: Command;
    readonly requestOf?: (token: string) => (n: number) => string;
  } = {},
): Promise<Server> {
  const { address, pid, token, stop } = await startProcess({ ...SETTINGS, ...env }, command);
  const nth = requestOf(token);
  let sent = 0;
  return { port: Number(new URL(address).port), pid, request: () => nth(sent++), stop };
}

/** The service, asked for a hundred uploads at once. */
async function batch(): Promise<Server> {
  const uploads = 100;
  const file = { filename: "a.png", content_type: "image/png", size: 123_456 };
  const path = "/api/v1/orgs/acme/files/batch";
  const body = JSON.stringify({ files: Array.from({ length: uploads }, () => file) });
  const requestOf = (token: string) => always(presignRequest({ token, path, body }));
  return { ...(await service({}, { requestOf })), uploads };
}

const always =
  <A>(value: A) =>
  () =>
    value;

async function onRuntime(command: Command): Promise<Server> {
  await installTools("runtimes");
  return service({}, { command });
}

function script(name: string): Start {
  return async () => {
    await installTools("bench");
    return listening([process.execPath, join(FOLDER, name)]);
  };
}

/** Starts a program that listens on the port that is its last argument. */
export async function listening([command = "", ...args]: ReadonlyArray<string>): Promise<Server> {
  const port = await freePort();
  const { PATH = "", HOME = "" } = process.env;
  const child: ChildProcess = spawn(command, [...args, String(port)], {
    stdio: "inherit",
    env: { PATH, HOME },
  });
  const address = `http://127.0.0.1:${port}`;
  const program = [command, ...args].join(" ");
  await until(
    `the start of ${program}`,
    async () => child.exitCode !== null || (await fetch(address)).status,
  );
  if (child.exitCode !== null) throw new Error(`${program} ended at its start`);
  return {
    port,
    pid: child.pid ?? 0,
    request: always(presignRequest({ token: "x" })),
    stop: async () => {
      child.kill();
      await once(child, "exit");
    },
  };
}

/** Builds the Go program into the user's cache; undefined where Go is not. */
async function buildGo(): Promise<string | undefined> {
  const built = join(CACHE, "bench-go");
  const build = promisify(execFile)("go", ["build", "-o", built, "."], {
    cwd: join(FOLDER, "go"),
  });
  return build.then(
    () => built,
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return undefined;
      throw cause;
    },
  );
}
