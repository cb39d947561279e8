#!/usr/bin/env node
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { setTimeout } from "node:timers/promises";
// Imported as a whole: an older Node, for which there is a message, lacks functions named here.
import * as util from "node:util";

// `npm create valetkey my-app`: copies an example, writes its settings, and starts it. It is packed
// as one file without types, and imports nothing but Node.

// Errors that people can fix have a code: an unknown option, a folder that cannot be made.
process.on("uncaughtException", (cause: NodeJS.ErrnoException) =>
  fail(cause.code ? cause.message : `${cause.stack}`),
);
const packaged = (name: string) => new URL(name, import.meta.url);
const [, node] = JSON.parse(readFileSync(packaged("package.json"), "utf8")).engines.node.split(
  ">=",
);
const { version, env } = process;
if (version.slice(1).localeCompare(node, "en", { numeric: true }) < 0)
  fail(`This is Node ${version}. Install Node ${node} or later, and run the command again.`);
const { clients, policies } = JSON.parse(readFileSync(packaged("choices.json"), "utf8"));

/** What the policy of a starter says of stores that can promise it. */
const INCOMING = `    // Nobody reads a file before it is confirmed and its type is checked.
    arrival: "incoming",
`;

const text = { type: "string" } as const;
const { values: flags, positionals } = util.parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    framework: text,
    store: text,
    policy: text,
    "max-size": text,
    valetkey: text,
    yes: { type: "boolean", short: "y" },
    install: { type: "boolean", default: true },
    start: { type: "boolean", default: true },
    help: { type: "boolean", short: "h" },
  },
});
if (flags.help) {
  console.log(readFileSync(packaged("README.md"), "utf8"));
  process.exit();
}
const { isTTY } = process.stdin;
const isAsking = isTTY && !flags.yes;
const terminal = isAsking ? createInterface(process.stdin, process.stdout) : undefined;

if (positionals.length > 1) fail(`Name one folder, and not ${positionals.join(" and ")}.`);
const folder = resolve(await answer("FOLDER", positionals[0], "my-app"));
if (lstatSync(folder, { throwIfNoEntry: false }) && !isEmptyFolder())
  fail(`${folder} is not empty, or not a folder. Name another one.`);
const frameworks = readdirSync(packaged("starters"));
const framework = await answer("--framework", flags.framework, "hono", frameworks);
const store = await answer("--store", flags.store, "embedded", Object.keys(clients));
const policy = await answer("--policy", flags.policy, "images", Object.keys(policies));
const { allowedTypes, maxSize } = { ...policies[policy] };
const size = flags["max-size"] ?? maxSize;
if (!/^[1-9]\d{0,3} (?:[kM]?|[KM]i)B$|^[1-9]\d{0,2} Gi?B$|^[1-5] Ti?B$/.test(size))
  fail(`--max-size "${size}" is not as "1 GiB", and at most "5 TiB".`);
const port = env["PORT"] || "3000";
if (!/^[1-9]\d{0,4}$/.test(port)) fail(`PORT is "${port}", and not a number such as 3000.`);
const address = `http://127.0.0.1:${port}`;
const settings = withOwnValues(readFileSync(packaged(`stores/${store}.env`), "utf8"));
terminal?.close();

makeFolder(folder);
cpSync(packaged(`starters/${framework}`), realpathSync(folder), { recursive: true });
writeManifest();
const types = allowedTypes.map((type: string) => `"${type}"`).join(", ");
const limits = (size: string, types: string) =>
  `maxSize: "${size}",\n    allowedTypes: [${types}],`;
// It needs a certificate, which only the person can make for these stores.
if (store === "r2" || store === "s3") replace(".ts", INCOMING, "");
replace(".ts", limits("5 MiB", '"image/png", "image/jpeg"'), limits(size, types));
replace("README.md", "http://127.0.0.1:3000", address);
const picture = '"a.png","content_type":"image/png"';
const sample = types.includes("image/") ? picture : '"a.pdf","content_type":"application/pdf"';
replace("README.md", picture, sample);
const kept = "in the folder `.valetkey`, or in the [store]";
replace("README.md", kept, store === "embedded" ? kept : "in the [store]");
const key = `key-1:${randomBytes(32).toString("base64")}`;
writeFileSync(
  join(folder, ".env"),
  `PORT=${port}\n# Anybody may sign in as ann: only where nobody else can reach the application.\nDEV_LOGIN=on\n# Seals receipts and links. All processes need the same.\nRECEIPT_KEYS=${key}\n\n${settings}`,
  { mode: 0o600 },
);
// npm would not pack a .gitignore.
cpSync(packaged("ignored.txt"), join(folder, ".gitignore"));
console.log(`${folder} is there, for ${framework}. Its settings are in .env.`);

const [manager = "npm"] = /^(?:pnpm|yarn|bun)\b/.exec(env["npm_config_user_agent"] ?? "") ?? [];
const { scripts } = JSON.parse(read("package.json"));
const missing = Object.entries(util.parseEnv(settings)).flatMap(([name, value]) =>
  value ? [] : name,
);
if (flags.install) await run(manager, "install");
if (flags.install && flags.start && missing.length === 0) {
  if (scripts.build) await run(manager, "run", "build");
  await start();
} else {
  const first = missing.length > 0 ? `Fill in ${missing.join(", ")} in .env. Then run` : "Run";
  const steps = [
    `cd "${folder}"`,
    ...(flags.install ? [] : [`${manager} install`]),
    ...(scripts.build ? [`${manager} run build`] : []),
    `${manager} run doctor`,
    `${manager} start`,
  ];
  console.log(`${first}\n\n${indented(steps)}\n\nand open\n\n${indented([address])}\n`);
}

/** Makes a folder with its parents; Node's own way never ends in a folder such as /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
}

function indented(lines: ReadonlyArray<string>): string {
  return lines.map((line) => `    ${line}`).join("\n");
}

/** Starts the application, and the doctor beside it; without a terminal it then stops. */
async function start(): Promise<void> {
  const isAnswering = async () => (await fetch(address).catch(() => undefined)) !== undefined;
  if (await isAnswering()) fail(`${address} is in use: start it with another PORT.`);
  const [command, ...args] = scripts.start.split(" ");
  const server = spawnIn(command, args);
  process.once("exit", () => server.kill());
  while (!(await isAnswering())) {
    if (server.exitCode !== null || server.signalCode !== null)
      fail(`The application did not start: it ended with ${endOf(server)}.`);
    await setTimeout(100);
  }
  const [code] = await once(spawnIn(manager, ["run", "doctor"]), "close");
  const how = isTTY ? "Ctrl-C stops" : `"${manager} start" in ${folder} starts`;
  console.log(`\n${how} the application. Open\n\n${indented([address])}\n`);
  if (!isTTY) process.exit(code);
}

/** Runs a command in the folder to its end. */
async function run(command: string, ...args: ReadonlyArray<string>): Promise<void> {
  const child = spawnIn(command, args);
  await once(child, "close");
  if (child.exitCode !== 0)
    fail(`"${[command, ...args].join(" ")}" failed in ${folder}: it ended with ${endOf(child)}.`);
}

function endOf({ exitCode, signalCode }: ChildProcess): string {
  return signalCode ?? `exit code ${exitCode}`;
}

// On Windows, package managers are scripts for its shell.
function spawnIn(command: string, args: ReadonlyArray<string>): ChildProcess {
  return spawn(command, args, {
    cwd: folder,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
}

function isEmptyFolder(): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    return false;
  }
}

/** Replaces a text in files whose names have this ending; fails if none has the text. */
function replace(ending: string, text: string, written: string): void {
  const names = readdirSync(folder, { encoding: "utf8", recursive: true });
  const files = names.filter((name) => name.endsWith(ending) && read(name).includes(text));
  if (files.length === 0) fail(`No file of ${folder} has ${text}: please report this.`);
  for (const name of files) {
    const replaced = read(name).replaceAll(text, () => written);
    writeFileSync(join(folder, name), replaced);
  }
}

function read(name: string): string {
  return readFileSync(join(folder, name), "utf8");
}

/** Writes package.json with the name of the folder, and without the clients of other stores. */
function writeManifest(): void {
  const manifest = JSON.parse(read("package.json"));
  const { dependencies } = manifest;
  const versions = JSON.parse(readFileSync(packaged("versions.json"), "utf8"));
  manifest.name =
    basename(folder)
      .toLowerCase()
      .match(/[a-z0-9]+/g)
      ?.join("-") ?? "my-app";
  delete dependencies.minio;
  for (const name of ["valetkey", ...clients[store]]) dependencies[name] = versions[name];
  // With another store the page sends files to another origin.
  if (store !== "embedded") manifest.scripts.doctor += ` --origin ${address}`;
  // A path is relative to this folder, not to the new one.
  const { valetkey } = flags;
  if (valetkey) dependencies.valetkey = existsSync(valetkey) ? resolve(valetkey) : valetkey;
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Adds the values of this command's environment. */
function withOwnValues(text: string): string {
  return text.replaceAll(/^#?(STORAGE_\w+)=(.*)$/gm, (line, name: string, chosen: string) => {
    const value = env[name];
    if (!value || value === chosen) return line;
    if (chosen && name !== "STORAGE_CREATE_BUCKET")
      fail(
        `${name} is "${value}" here, which would count before the "${chosen}" of .env. Unset it.`,
      );
    return `${name}=${quoted(name, value)}`;
  });
}

/** Quotes a value for Node, Next.js and Vite alike; the last two expand `$` and names. */
function quoted(name: string, value: string): string {
  const isPlain = /^[^\s#'"`]+$/.test(value);
  const isEscaped = /\\[nr]/.test(value);
  const quote = ["'", "`", ...(isEscaped ? [] : ['"'])].find((quote) => !value.includes(quote));
  // These read a backslash before its end in two ways, too.
  if (/\\\$|\$[\w{]|\r/.test(value) || (!isPlain && (!quote || value.endsWith("\\"))))
    fail(
      `${name} has characters that not all read alike in .env, such as "$" before a letter. Use another value, or unset it here and set it where the application runs.`,
    );
  return isPlain ? value : `${quote}${value}${quote}`;
}

/** Returns the answer of an option or a person; fails with the valid answers otherwise. */
async function answer(
  name: string,
  option: string | undefined,
  usual: string,
  known: ReadonlyArray<string> = [],
): Promise<string> {
  const choices = known.length > 0 ? ` (${known.join(", ")})` : "";
  if (option === undefined && !isAsking && !flags.yes)
    fail(`${name}${choices} is missing; see --help.`);
  const text = option ?? ((await terminal?.question(`${name}${choices} [${usual}] `)) || usual);
  if (choices && !known.includes(text)) fail(`${name} "${text}" is not one of${choices}.`);
  return text;
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
