import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { freePort } from "./free-port.ts";
import type { MinioServer } from "./setup.ts";
import { until } from "./until.ts";

/** A MinIO for the tests, or none, with a sentence on where it is from or how to get it. */
export interface StartedMinio {
  readonly server: MinioServer | undefined;
  readonly source: string;
  readonly stop: () => Promise<void>;
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

/**
 * Takes the first that is there: the server at `TEST_MINIO_ENDPOINT`, a Docker engine, a binary
 * on the path or in Go's folder, Go to build one with (unless `TEST_BUILD=off`).
 */
export async function startMinio(): Promise<StartedMinio> {
  const given = process.env["TEST_MINIO_ENDPOINT"];
  if (given) return running(given);
  const mayBuild = process.env["TEST_BUILD"] !== "off";
  if (hasDocker()) {
    if (mayBuild) build();
    if (existsSync(join(IMAGE_FOLDER, "minio"))) return inContainer();
  }
  const binary = findBinary() ?? (mayBuild && isOnPath("go") ? build() : undefined);
  if (binary !== undefined) return asProcess(binary);
  return {
    server: undefined,
    source: "install Docker or Go, or name a server with TEST_MINIO_ENDPOINT",
    stop: async () => undefined,
  };
}

function running(endpoint: string): StartedMinio {
  const { TEST_MINIO_ACCESS_KEY = "minioadmin", TEST_MINIO_SECRET_KEY = "minioadmin" } =
    process.env;
  return {
    server: {
      endpoint,
      accessKey: TEST_MINIO_ACCESS_KEY,
      secretKey: TEST_MINIO_SECRET_KEY,
      domain: undefined,
    },
    source: `the server at ${endpoint}`,
    stop: async () => undefined,
  };
}

async function inContainer(): Promise<StartedMinio> {
  // This file stops what it starts, and the library's own sweeper is a further image to pull.
  process.env["TESTCONTAINERS_RYUK_DISABLED"] ??= "true";
  const { GenericContainer, Wait } = await import("testcontainers");
  const image = await GenericContainer.fromDockerfile(IMAGE_FOLDER).build("valetkey-minio:test", {
    deleteOnExit: false,
  });
  const container = await image
    .withEnvironment(ENVIRONMENT)
    .withExposedPorts(9000)
    .withWaitStrategy(Wait.forHttp("/minio/health/live", 9000))
    .start();
  return {
    server: { endpoint: `http://127.0.0.1:${container.getMappedPort(9000)}`, ...KEYS },
    source: "a container of our own image",
    stop: async () => void (await container.stop()),
  };
}

async function asProcess(binary: string): Promise<StartedMinio> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "valetkey-minio-"));
  const child = spawn(binary, ["server", folder, "--quiet", "--address", `127.0.0.1:${port}`], {
    env: { ...process.env, ...ENVIRONMENT },
    stdio: "ignore",
  });
  const endpoint = `http://127.0.0.1:${port}`;
  await until("MinIO's start", async () =>
    (await fetch(`${endpoint}/minio/health/live`)).ok ? true : undefined,
  );
  return {
    server: { endpoint, ...KEYS },
    source: `the binary ${binary}`,
    stop: async () => {
      child.kill();
      await once(child, "exit");
      rmSync(folder, { recursive: true });
    },
  };
}

/**
 * Builds the binary once into the user's cache, and gives its path; the script says how long it
 * takes, or why it cannot.
 */
function build(): string | undefined {
  const { status, stdout } = spawnSync("sh", [BUILD, "--server-only"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return status === 0 ? stdout.trim() : undefined;
}

function hasDocker(): boolean {
  try {
    execFileSync("docker", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const FOLDERS = [
  ...(process.env["PATH"] ?? "").split(delimiter),
  join(process.env["GOPATH"] ?? join(homedir(), "go"), "bin"),
];

const findBinary = () =>
  FOLDERS.map((folder) => join(folder, "minio")).find((path) => existsSync(path));

const isOnPath = (name: string) => FOLDERS.some((folder) => existsSync(join(folder, name)));
