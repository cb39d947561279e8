import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { freePort } from "./free-port.ts";
import type { Found } from "./setup.ts";
import { until } from "./until.ts";

const NAME = "fake-gcs-server";
const VERSION = "v1.56.1";
const CACHE = join(
  process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"),
  "valetkey",
  `${NAME}-${VERSION}`,
);

/**
 * Takes the first that is there: the binary that `TEST_FAKE_GCS` names, one in the user's cache,
 * one on the path or in Go's folder, Go to build one with (unless `TEST_BUILD=off`). It checks no
 * signature and keeps everything in memory.
 */
export async function startFakeGcs(): Promise<Found<string>> {
  const mayBuild = process.env["TEST_BUILD"] !== "off" && isOnPath("go");
  const binary =
    process.env["TEST_FAKE_GCS"] || findBinary() || (mayBuild ? await build() : undefined);
  if (binary !== undefined) return asProcess(binary);
  return {
    value: undefined,
    source: `install Go, or name a binary of ${NAME} with TEST_FAKE_GCS`,
  };
}

async function asProcess(binary: string): Promise<Found<string>> {
  const host = "127.0.0.1";
  const port = await freePort();
  const flags = {
    backend: "memory",
    scheme: "http",
    host,
    port,
    // Requests of the XML API are only known by this name.
    "public-host": `${host}:${port}`,
    "log-level": "error",
  };
  const child = spawn(
    binary,
    Object.entries(flags).map(([name, value]) => `-${name}=${value}`),
    { stdio: "ignore" },
  );
  await once(child, "spawn");
  const exited = once(child, "exit");
  const stop = async () => {
    child.kill();
    await exited;
  };
  const endpoint = `http://${host}:${port}`;
  try {
    await until(`${NAME}'s start`, async () =>
      (await fetch(`${endpoint}/_internal/healthcheck`)).ok ? true : undefined,
    );
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { value: endpoint, source: `the binary ${binary}`, stop };
}

/** Builds the binary once into the user's cache, and gives its path. */
async function build(): Promise<string | undefined> {
  console.error(`Building ${NAME} with Go, once, into ${CACHE} (about a minute)...`);
  const child = spawn("go", ["install", `github.com/fsouza/${NAME}@${VERSION}`], {
    env: { ...process.env, GOBIN: CACHE, CGO_ENABLED: "0" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  await once(child, "close");
  if (child.exitCode === 0) return join(CACHE, NAME);
  console.error(said);
  return undefined;
}

const ON_PATH = (process.env["PATH"] ?? "").split(delimiter);
const GO_BIN = join(process.env["GOPATH"] ?? join(homedir(), "go"), "bin");

const findBinary = () =>
  [CACHE, ...ON_PATH, GO_BIN].map((folder) => join(folder, NAME)).find((path) => existsSync(path));

const isOnPath = (name: string) => ON_PATH.some((folder) => existsSync(join(folder, name)));
