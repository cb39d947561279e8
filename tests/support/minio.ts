import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasDocker, startContainer } from "./container.ts";
import { freePort } from "./free-port.ts";
import { GO_BIN } from "./go-tool.ts";
import { whereIs } from "./on-path.ts";
import type { Found } from "./setup.ts";
import { until } from "./until.ts";

/** Where MinIO answers, and the key that may do everything there. */
export interface MinioServer {
  /** With a port, under an address and not a name. */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Under which its buckets are hosts, where they are. */
  readonly domain?: string | undefined;
}

const KEYS = {
  accessKey: "valetkey-test",
  secretKey: "valetkey-test-secret",
  domain: "localhost",
};
const ENVIRONMENT = {
  MINIO_ROOT_USER: KEYS.accessKey,
  MINIO_ROOT_PASSWORD: KEYS.secretKey,
  MINIO_API_CORS_ALLOW_ORIGIN: "*",
  // Buckets are hosts too: bucket.localhost.
  MINIO_DOMAIN: "localhost",
};
const BUILD = new URL("../../deploy/minio/build.sh", import.meta.url).pathname;
const IMAGE_FOLDER = new URL("../../deploy/minio", import.meta.url).pathname;
export const MINIO_IMAGE = "valetkey-minio:test";
/** `health/live` is answered before the server has found its disks, and refuses calls until then. */
const READY = "/minio/health/cluster";

/** The region of the second server, and the one origin that it allows. */
export const STRICT = { region: "eu-central-1", origin: "https://app.example" };

/** Starts a second server, which knows its region and allows one origin. */
export const startStrictMinio = () =>
  startMinio(
    { ...ENVIRONMENT, MINIO_REGION: STRICT.region, MINIO_API_CORS_ALLOW_ORIGIN: STRICT.origin },
    "",
  );

/**
 * Takes the first that is there: the server at `TEST_MINIO_ENDPOINT`, a Docker engine, a binary
 * on the path or in Go's folder, Go to build one with (unless `TEST_BUILD=off`).
 */
export async function startMinio(
  environment: Readonly<Record<string, string>> = ENVIRONMENT,
  given = process.env["TEST_MINIO_ENDPOINT"],
): Promise<Found<MinioServer>> {
  if (given) return running(given);
  const mayBuild = process.env["TEST_BUILD"] !== "off";
  if (await hasDocker()) {
    if (mayBuild) await build();
    if (existsSync(join(IMAGE_FOLDER, "minio"))) return inContainer(environment);
  }
  const binary = findBinary() ?? (mayBuild && whereIs("go") ? await build() : undefined);
  if (binary !== undefined) return asProcess(binary, environment);
  return {
    value: undefined,
    source: "install Docker or Go, or name a server with TEST_MINIO_ENDPOINT",
  };
}

/** The program itself, for a server that reaches this machine and is configured by a test. */
export async function findMinio(): Promise<Found<string>> {
  const mayBuild = process.env["TEST_BUILD"] !== "off";
  const value = findBinary() ?? (mayBuild ? await build() : undefined);
  return { value, source: value ?? "install Docker or Go, which builds it" };
}

function running(endpoint: string): Found<MinioServer> {
  const { TEST_MINIO_ACCESS_KEY = "minioadmin", TEST_MINIO_SECRET_KEY = "minioadmin" } =
    process.env;
  return {
    value: { endpoint, accessKey: TEST_MINIO_ACCESS_KEY, secretKey: TEST_MINIO_SECRET_KEY },
    source: `the server at ${endpoint}`,
  };
}

async function inContainer(
  environment: Readonly<Record<string, string>>,
): Promise<Found<MinioServer>> {
  const { address, stop } = await startContainer({
    image: MINIO_IMAGE,
    folder: IMAGE_FOLDER,
    port: 9000,
    path: READY,
    environment,
  });
  const value = { endpoint: `http://${address}`, ...KEYS };
  return { value, source: "a container of our own image", stop };
}

async function asProcess(
  binary: string,
  environment: Readonly<Record<string, string>>,
): Promise<Found<MinioServer>> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "valetkey-minio-"));
  const child = spawn(binary, ["server", folder, "--quiet", "--address", `127.0.0.1:${port}`], {
    env: { ...process.env, ...environment },
    stdio: "ignore",
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const stop = async () => {
    child.kill();
    await once(child, "exit");
    rmSync(folder, { recursive: true });
  };
  try {
    await isUp(endpoint);
    return { value: { endpoint, ...KEYS }, source: `the binary ${binary}`, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

const isUp = (endpoint: string) =>
  until("MinIO's start", async () => (await fetch(`${endpoint}${READY}`)).ok);

/**
 * Builds the binary once into the user's cache, and gives its path; the script says how long it
 * takes, or why it cannot.
 */
async function build(): Promise<string | undefined> {
  const child = spawn("sh", [BUILD, "--server-only"], { stdio: ["ignore", "pipe", "inherit"] });
  let path = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (path += chunk));
  await once(child, "close");
  return child.exitCode === 0 ? path.trim() : undefined;
}

const findBinary = () => whereIs("minio", GO_BIN);

/** Variables for a new bucket of a MinIO, which the service makes; of one that is not there, any. */
export const minioEnv = (server: MinioServer | undefined) => ({
  STORAGE_ADAPTER: "minio",
  STORAGE_BUCKET: `tests-${crypto.randomUUID()}`,
  STORAGE_CREATE_BUCKET: "on",
  STORAGE_ENDPOINT: server?.endpoint ?? "",
  STORAGE_ACCESS_KEY: server?.accessKey ?? "",
  STORAGE_SECRET_KEY: server?.secretKey ?? "",
});
