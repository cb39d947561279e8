"use strict";

// Runs a program of this repository: `node deploy/launch.cjs deploy/cli.ts doctor`. Its sources need
// Node 22.19. If that is here, the program runs in this very process; otherwise npm first installs a
// newer Node, once. The oldest Node whose npm reads the lock file is 10: this is written for it.

const { spawn, spawnSync } = require("child_process");
const fs = require("fs");
const { delimiter, dirname, join, resolve } = require("path");

const NEWER = "26.10.0";
const program = process.argv.slice(2);
const [major, minor] = process.versions.node.split(".").map(Number);

// The first releases of Node 23 do not read TypeScript.
if (major < 22 || (major === 22 && minor < 19) || !process.features.typescript) {
  const node = newerNode();
  // For what the program starts.
  process.env.PATH = dirname(node) + delimiter + process.env.PATH;
  runBeside(node);
} else if (program[0].startsWith("-")) {
  runBeside(process.execPath);
} else {
  process.argv.splice(1, 2, resolve(program[0]));
  require("module").runMain();
}

/** Runs the program in a process that gets the signals of this one, and ends as that does. */
function runBeside(node) {
  // First, so that no signal ends this process alone.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => child.kill(name));
  const child = spawn(node, [...process.execArgv, ...program], { stdio: "inherit" });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** The path of the newer Node: in the user's cache, or in the checkout if that cannot be written. */
function newerNode() {
  const { arch, env, platform } = process;
  const name = `node${platform === "darwin" && arch === "arm64" ? "-bin" : ""}-${platform}-${arch}`;
  const cache = env.XDG_CACHE_HOME || join(env.HOME || "node_modules", ".cache");
  const folders = [cache, "node_modules/.cache"].map((parent) =>
    resolve(parent, "valetkey", `node-${NEWER}`),
  );
  const folder = folders.find(fs.existsSync) || install(name, folders.find(canBeMade));
  const node = join(folder, "node_modules", name, "bin/node");
  const { status, stderr, error } = spawnSync(node, ["--version"], { encoding: "utf8" });
  if (status === 0) return node;
  if (!/libatomic/.test(stderr)) return stop(`Node ${NEWER} cannot run here (${error || stderr})`);
  const isDebian = fs.existsSync("/usr/bin/apt-get");
  const command = isDebian ? "apt-get install libatomic1" : "dnf install libatomic";
  return stop(`Node ${NEWER} needs libatomic.so.1, which is missing`, `run "${command}", or `);
}

/** Installs the binary alone, so that no script of a package runs, and gives the folder. */
function install(name, folder) {
  console.error(
    `Node ${process.versions.node} is too old. Installing Node ${NEWER} with npm, once, into ${folder} (57 MB to download, 210 MB on disk)...`,
  );
  // It gets its name once it is whole.
  const fresh = `${folder}.${process.pid}`;
  const options = ["--prefix", fresh, "--ignore-scripts", "--no-audit", "--no-fund"];
  const { status } = spawnSync("npm", ["install", ...options, `${name}@${NEWER}`], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status === 0 && !fs.existsSync(folder)) fs.renameSync(fresh, folder);
  else (fs.rmSync || fs.rmdirSync)(fresh, { recursive: true, force: true });
  return status === 0 ? folder : stop(`npm could not install Node ${NEWER}`);
}

function canBeMade(folder) {
  try {
    fs.mkdirSync(dirname(folder), { recursive: true });
    fs.accessSync(dirname(folder), fs.constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function stop(fault, advice = "") {
  console.error(`${fault}: ${advice}install Node 22.19 or later.`);
  process.exit(1);
}
