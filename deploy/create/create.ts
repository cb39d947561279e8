#!/usr/bin/env node
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cpSync, existsSync, globSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, delimiter, join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { setTimeout } from "node:timers/promises";
import { parseArgs, parseEnv } from "node:util";

// `npm create valetkey my-app`: copies an example, writes its settings, and starts it. It is packed
// as one file without types, and imports nothing but Node.

const own = (name: string) => join(import.meta.dirname, name);
const { clients, policies } = JSON.parse(readFileSync(own("choices.json"), "utf8"));

const text = { type: "string" } as const;
const { values: given, positionals } = parseArgs({
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
if (given.help) {
  console.log(readFileSync(own("README.md"), "utf8"));
  process.exit();
}
const isAsking = process.stdin.isTTY && !given.yes;
const terminal = isAsking ? createInterface(process.stdin, process.stdout) : undefined;

const folder = resolve(await answer("FOLDER", positionals[0], "my-app"));
if (existsSync(folder) && readdirSync(folder).length > 0) fail(`${folder} is not empty.`);
const frameworks = readdirSync(own("starters"));
const framework = await answer("--framework", given.framework, "hono", frameworks);
const store = await answer("--store", given.store, "embedded", Object.keys(clients));
const policy = await answer("--policy", given.policy, "images", Object.keys(policies));
const { allowedTypes, maxSize } = { ...policies[policy] };
const size = given["max-size"] ?? maxSize;
if (!/^\d+ (?:[kMGT]?|[KMGT]i)B$/.test(size)) fail(`--max-size "${size}" is not as "1 GiB".`);
terminal?.close();

cpSync(own(`starters/${framework}`), folder, { recursive: true });
edit("package.json", writeManifest);
const types = allowedTypes.map((type: string) => `"${type}"`).join(", ");
const usual = 'policy: { maxSize: "5 MiB", allowedTypes: ["image/png", "image/jpeg"] }';
const written = `policy: { maxSize: "${size}", allowedTypes: [${types}] }`;
for (const name of globSync("{,app/,src/**/}*.ts", { cwd: folder })) {
  edit(name, (code) => code.replace(usual, written));
}
// The README asks for the upload of a picture.
const sample = types.includes("image/") ? "$&" : '"a.pdf","content_type":"application/pdf"';
edit("README.md", (text) => text.replace(/"a\.png","content_type":"image\/png"/, sample));
const settings = withOwnValues(readFileSync(own(`stores/${store}.env`), "utf8"));
const key = `key-1:${randomBytes(32).toString("base64")}`;
writeFileSync(
  join(folder, ".env"),
  `PORT=3000\n# Seals receipts and links. All processes need the same.\nRECEIPT_KEYS=${key}\n\n${settings}`,
  { mode: 0o600 },
);
// npm would not pack a .gitignore.
cpSync(own("ignored.txt"), join(folder, ".gitignore"));
console.log(`${folder} is there, for ${framework}. Its settings are in .env.`);

const agent = process.env["npm_config_user_agent"] ?? "";
const [manager = "npm"] = /^(?:pnpm|yarn|bun)\b/.exec(agent) ?? [];
const { scripts } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const missing = Object.entries(parseEnv(settings)).flatMap(([name, value]) => (value ? [] : name));
if (given.install) await run(manager, "install");
if (given.install && given.start && missing.length === 0) {
  if (scripts.build) await run(manager, "run", "build");
  await start();
} else {
  const first = missing.length > 0 ? `Fill in ${missing.join(", ")} in .env. Then ` : "";
  console.log(
    `${first}README.md says how it is started; ${manager} run doctor looks at the store.`,
  );
}

/** Starts the application, and the doctor beside it; without a terminal it then stops. */
async function start(): Promise<void> {
  const { PORT = "3000" } = process.env;
  const address = `http://127.0.0.1:${PORT}`;
  const isAnswering = async () => (await fetch(address).catch(() => undefined)) !== undefined;
  if (await isAnswering()) fail(`${address} is in use: start it with another PORT.`);
  const [command, ...args] = scripts.start.split(" ");
  const server = spawnIn(command, args);
  process.once("exit", () => server.kill());
  while (!(await isAnswering())) {
    if (server.exitCode !== null) fail("The application did not start.");
    await setTimeout(100);
  }
  const [code] = await once(spawnIn(manager, ["run", "doctor"]), "close");
  console.log(`\nSign in as ann at ${address}: README.md says how.`);
  if (isAsking) console.log("Ctrl-C stops the application.");
  else process.exit(code);
}

/** Runs a command in the folder to its end. */
async function run(command: string, ...args: ReadonlyArray<string>): Promise<void> {
  const [code] = await once(spawnIn(command, args), "close");
  if (code !== 0) fail(`"${[command, ...args].join(" ")}" failed in ${folder}.`);
}

function spawnIn(command: string, args: ReadonlyArray<string>) {
  const { env, platform } = process;
  const PATH = join(folder, "node_modules/.bin") + delimiter + env["PATH"];
  // On Windows, package managers are scripts for its shell.
  const shell = platform === "win32";
  return spawn(command, args, { cwd: folder, env: { ...env, PATH }, stdio: "inherit", shell });
}

function edit(name: string, change: (text: string) => string): void {
  const path = join(folder, name);
  writeFileSync(path, change(readFileSync(path, "utf8")));
}

/** With the name of the folder, and of all stores the clients of this one. */
function writeManifest(text: string): string {
  const manifest = JSON.parse(text);
  const { dependencies } = manifest;
  const versions = JSON.parse(readFileSync(own("versions.json"), "utf8"));
  manifest.name =
    basename(folder)
      .toLowerCase()
      .match(/[a-z0-9]+/g)
      ?.join("-") ?? "my-app";
  delete dependencies.minio;
  for (const name of ["valetkey", ...clients[store]]) dependencies[name] = versions[name];
  if (given.valetkey) dependencies.valetkey = given.valetkey;
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** With what the environment of this command has already. */
function withOwnValues(text: string): string {
  return text.replaceAll(/^#?(STORAGE_\w+)=$/gm, (line, name: string) => {
    const value = process.env[name];
    return value ? `${name}=${/[#\s]/.test(value) ? `'${value}'` : value}` : line;
  });
}

/** The answer of an option or a person, or a failure that names what can be answered. */
async function answer(
  name: string,
  option: string | undefined,
  usual: string,
  known: ReadonlyArray<string> = [],
): Promise<string> {
  const choices = known.length > 0 ? ` (${known.join(", ")})` : "";
  if (option === undefined && !isAsking && !given.yes)
    fail(`${name}${choices} is missing; see --help.`);
  const text = option ?? ((await terminal?.question(`${name}${choices} [${usual}] `)) || usual);
  if (choices && !known.includes(text)) fail(`${name} "${text}" is not one of${choices}.`);
  return text;
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
