import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { findChromium } from "./chromium.ts";
import { startFakeGcs } from "./fake-gcs.ts";
import { startMinio } from "./minio.ts";
import { findNode22 } from "./node-22.ts";
import { findRedis } from "./redis.ts";
import { findSchemathesis } from "./schemathesis.ts";

/** What the whole run has found or started. */
declare module "vitest" {
  interface ProvidedContext {
    /** A real MinIO, where one can be had. */
    minio: MinioServer | undefined;
    /** Where a fake-gcs-server answers, where one can be had. */
    fakeGcs: string | undefined;
    /** The path of a Chromium, where there is one. */
    chromium: string | undefined;
    /** The path of a Node 22, where there is one. */
    node22: string | undefined;
    /** The path of a redis-server, where there is one. */
    redis: string | undefined;
    /** The path of Schemathesis, where there is one. */
    schemathesis: string | undefined;
    /** Whether a process may be given mounts of its own. */
    mayMount: boolean;
    /** A folder in which the package is packed where a test needs it. */
    packages: string;
  }
}

/** Where MinIO answers, and the key that may do everything there. */
export interface MinioServer {
  /** With a port, under an address and not a name. */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Under which its buckets are hosts, where they are. */
  readonly domain: string | undefined;
}

let stop = async (): Promise<void> => undefined;
let summary = "";
let packages: string | undefined;

/** Starts what the tests need, says what was found, and refuses to run in CI without it. */
export async function setup(project: TestProject): Promise<void> {
  const minio = await startMinio();
  const gcs = await startFakeGcs();
  stop = async () => {
    await minio.stop();
    await gcs.stop();
  };
  const chromium = findChromium();
  const node22 = findNode22();
  const redis = findRedis();
  const schemathesis = findSchemathesis();
  const mayMount = spawnSync("unshare", ["--map-root-user", "--mount", "true"]).status === 0;
  const found = [
    { name: "MinIO", has: minio.server !== undefined, from: minio.source },
    { name: "fake-gcs-server", has: gcs.endpoint !== undefined, from: gcs.source },
    { name: "Chromium", has: chromium !== undefined, from: chromium ?? "apt-get install chromium" },
    { name: "Node 22", has: node22.path !== undefined, from: node22.source },
    { name: "Redis", has: redis.path !== undefined, from: redis.source },
    { name: "Mounts", has: mayMount, from: "Linux, where a process may make namespaces" },
    { name: "Schemathesis", has: schemathesis.path !== undefined, from: schemathesis.source },
  ];
  summary = found
    .map(
      ({ name, has, from }) =>
        `${name}: ${has ? "" : "none, its tests are SKIPPED; to have it: "}${from}`,
    )
    .join("\n");
  console.log(summary);
  if (process.env["CI"] && found.some(({ has }) => !has)) {
    await stop();
    throw new Error("In CI everything is tested, and something is missing: see the lines above");
  }
  project.provide("minio", minio.server);
  project.provide("fakeGcs", gcs.endpoint);
  project.provide("chromium", chromium);
  project.provide("node22", node22.path);
  project.provide("redis", redis.path);
  project.provide("schemathesis", schemathesis.path);
  project.provide("mayMount", mayMount);
  packages = mkdtempSync(join(tmpdir(), "valetkey-packages-"));
  project.provide("packages", packages);
}

/** Stops what `setup` started, and says again what was tested against, where it is not missed. */
export async function teardown(): Promise<void> {
  await stop();
  if (packages !== undefined) rmSync(packages, { recursive: true, force: true });
  console.log(summary);
}
