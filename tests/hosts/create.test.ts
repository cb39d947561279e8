import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import fc from "fast-check";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { parseEnv, promisify } from "node:util";
import { runInNewContext } from "node:vm";
import { loadEnv } from "vite";
import { describe, expect, it } from "vitest";
import { storageFromEnvironment } from "../../adapters/embed/environment.ts";
import { createValetkey, type PolicyOptions } from "../../adapters/embed/index.ts";
import choices from "../../deploy/create/choices.json" with { type: "json" };
import { FRAMEWORKS } from "../support/build-create.ts";
import { CHILD_ENV } from "../support/child-env.ts";
import { freePort } from "../support/free-port.ts";
import { isFullRun } from "../support/full-run.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { createStarter, packed } from "../support/packed.ts";
import { projectWith } from "../support/project.ts";

// The command of `npm create valetkey`; what it makes is run by the other files here.

const stores = Object.keys(choices.clients);
const policies = Object.keys(choices.policies);
const { tarball = "", folder: create = "" } = (await need("createPackage")) ?? {};

const work = makeFolder();
const read = (folder: string, name: string) => readFileSync(resolve(work, folder, name), "utf8");

/** Runs the command without a terminal. */
const run = (
  args: ReadonlyArray<string>,
  { node = process.execPath, command = create, env = {}, options = ["--no-install"] } = {},
) =>
  promisify(execFile)(node, [join(command, "create.js"), ...args, ...options], {
    cwd: work,
    env: { ...CHILD_ENV, ...env },
  }).then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    ({ code, stderr }) => ({ code, said: String(stderr) }),
  );

const make = (folder: string, options: ReadonlyArray<string>, env = {}) =>
  createStarter(join(work, folder), [...options, "--no-install"], { ...CHILD_ENV, ...env });

it("the command installs, starts and examines an application in an empty folder, and then stops it", async () => {
  // With all that npm is told by this machine's environment, such as whose certificates it trusts.
  const env = { ...process.env, PORT: String(await freePort()), npm_config_prefer_offline: "true" };
  const command = ["exec", "--yes", `--package=${tarball}`, "--", "create-valetkey"];
  const options = ["new-app", "--yes", "--valetkey", await packed()];
  const { stdout } = await promisify(execFile)("npm", [...command, ...options], { cwd: work, env });
  expect(stdout).toMatch(/[1-9] passed, 0 failed/);
  expect(stdout).toMatch(
    new RegExp(`"npm start" in .*new-app starts.*Open\\n\\n +${addressOf(env)}\\n\\n$`),
  );
  await expect(fetch(addressOf(env))).rejects.toThrow();
  expect(JSON.parse(read("new-app", "package.json")).name).toBe("new-app");
});

const addressOf = ({ PORT }: { readonly PORT: string }) => `http://127.0.0.1:${PORT}`;

it("a person is asked for what no option says", async () => {
  const args = [process.execPath, join(create, "create.js"), "asked", "--no-install"];
  // `script` gives the command a terminal.
  const child = spawn("script", ["-qec", args.join(" "), "/dev/null"], {
    cwd: work,
    env: CHILD_ENV,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = [
    ["--framework (", "fastify"],
    ["--store (", ""],
    ["--policy (", "documents"],
  ];
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk;
    if (!said.includes(answers[0]?.[0] ?? "nothing more is asked")) return;
    child.stdin.write(`${answers.shift()?.[1]}\n`);
  });
  const [code] = await once(child, "close");
  expect([code, said]).toEqual([0, expect.stringContaining("--store (embedded, minio, ")]);
  expect(JSON.parse(read("asked", "package.json")).dependencies).toHaveProperty("fastify");
  expect(read("asked", ".env")).toContain("STORAGE_ADAPTER=local");
  expect(read("asked", "server.ts")).toContain(
    'maxSize: "20 MiB",\n    allowedTypes: ["application/pdf"',
  );
});

it("without a terminal, the command says what is missing, and makes nothing", async () => {
  const { code, said } = await run(["app", "--framework", "hono"]);
  expect([code, said]).toEqual([1, expect.stringMatching(/^--store \(embedded, .* is missing/)]);
  expect(existsSync(join(work, "app"))).toBe(false);
});

it.each([
  [["--framework", "rails"], /^--framework "rails" is not one of \(astro, /],
  [["--store", "constructor"], /^--store "constructor" is not one of/],
  [["--policy", "constructor"], /^--policy "constructor" is not one of/],
  [["--max-size", '1 GiB" }, x: { y: "'], /is not as "1 GiB"/],
  [["--max-size", "0 B"], /is not as "1 GiB"/],
  [["--max-size", "6 TiB"], /is not as "1 GiB"/],
  [["another"], /^Name one folder, and not app and another\.$/m],
  [["--stor", "minio"], /^Unknown option '--stor'/],
])("%j is refused, and nothing is made", async (options, says) => {
  const { code, said } = await run(["app", "--yes", ...options]);
  expect([code, said]).toEqual([1, expect.stringMatching(says)]);
  expect(existsSync(join(work, "app"))).toBe(false);
});

it.each(["1 B", "9999 MiB", "999 GiB", "5 TiB"])("%s is a size that starts", async (size) => {
  await make(`of-${size}`, ["--yes", "--max-size", size]);
  const [, maxSize] = /maxSize: "([^"]+)"/.exec(read(`of-${size}`, "server.ts")) ?? [];
  const policy = { ...choices.policies.images, maxSize } as PolicyOptions;
  const storage = storageFromEnvironment({ STORAGE_ADAPTER: "local" });
  const publicUrl = "http://127.0.0.1:3000";
  await createValetkey({ storage, publicUrl, policy, organizations: (slug) => slug }).close();
});

it("a name that cannot be a new folder is refused in a sentence, and left as it is", async () => {
  writeFileSync(join(work, "file"), "mine");
  symlinkSync("nowhere", join(work, "dangling"));
  symlinkSync("looped", join(work, "looped"));
  for (const [name, says] of [
    ["file", "file is not empty, or not a folder. Name another one."],
    ["dangling", "dangling is not empty, or not a folder. Name another one."],
    ["looped", "looped is not empty, or not a folder. Name another one."],
    ["file/app", "ENOTDIR: not a directory, lstat "],
    ["n".repeat(300), "ENAMETOOLONG: name too long, lstat "],
    ["/proc/app", "ENOENT: no such file or directory, mkdir '/proc/app'"],
  ] as const) {
    const { code, said } = await run([name, "--yes"]);
    expect([code, said.trim().split("\n")]).toEqual([1, [expect.stringContaining(says)]]);
  }
  expect(read(".", "file")).toBe("mine");
  expect(existsSync(join(work, "nowhere"))).toBe(false);
});

it.each([
  ["Ä 'Ö'", "my-app"],
  ["deep/er/UPPER.case", "upper-case"],
  ["linked", "linked"],
])("the folder %s becomes an application whose package is %s", async (name, packageName) => {
  if (name === "linked") {
    mkdirSync(join(work, "behind"));
    symlinkSync("behind", join(work, name));
  }
  expect(await run([name, "--yes"])).toMatchObject({ code: 0 });
  expect(JSON.parse(read(name, "package.json")).name).toBe(packageName);
  expect(read(name, "server.ts")).toContain("createValetkey(");
});

it("an older Node is told which one is needed", async ({ skip }) => {
  const node = await need("node20");
  if (node === undefined) return skip();
  const { code, said } = await run(["old", "--yes"], { node });
  expect([code, said]).toEqual([
    1,
    expect.stringMatching(/^This is Node v20\.\S+\. Install Node 22\.19 or later, and run/),
  ]);
});

it("README and .env have the port of the environment, and the store that was chosen", async () => {
  await make("ported", ["--yes", "--store", "minio"], {
    PORT: "4110",
    STORAGE_CREATE_BUCKET: "off",
  });
  expect(parseEnv(read("ported", ".env"))).toMatchObject({
    PORT: "4110",
    STORAGE_CREATE_BUCKET: "off",
  });
  const readme = read("ported", "README.md");
  expect(readme).toContain("http://127.0.0.1:4110/login");
  expect(readme).not.toMatch(/:3000|\.valetkey\b/);
  await make("usual", ["--yes"]);
  expect(read("usual", "README.md")).toMatch(/:3000\/login.*folder `\.valetkey`/s);
});

it.each([
  [{ PORT: "http" }, 'PORT is "http", and not a number such as 3000.'],
  [{ STORAGE_ADAPTER: "minio" }, 'STORAGE_ADAPTER is "minio" here, which would count before'],
])("the environment %j is refused, and nothing is made", async (env, says) => {
  const { code, said } = await run(["app", "--yes"], { env });
  expect([code, said]).toEqual([1, expect.stringContaining(says)]);
  expect(existsSync(join(work, "app"))).toBe(false);
});

it("the path of a package is one of the folder where the command runs", async () => {
  writeFileSync(join(work, "own.tgz"), "");
  await run(["pathed", "--yes", "--valetkey", "own.tgz"]);
  const { dependencies } = JSON.parse(read("pathed", "package.json"));
  expect(dependencies.valetkey).toBe(join(work, "own.tgz"));
});

it.each([
  ["server.ts", "maxSize", 'maxSize: "5 MiB",'],
  ["README.md", "127.0.0.1:3000", "http://127.0.0.1:3000"],
  ["README.md", '"a.png"', '"a.png","content_type"'],
  ["README.md", "folder `.valetkey`", "in the folder `.valetkey`"],
])("a starter whose %s has no %s any more is refused loudly", async (file, text, says) => {
  const command = mkdtempSync(join(work, "changed-"));
  cpSync(create, command, { recursive: true });
  const path = join(command, "starters/hono", file);
  writeFileSync(path, readFileSync(path, "utf8").replaceAll(text, "another text"));
  const { code, said } = await run([`of-${command.slice(-6)}`, "--yes"], { command });
  expect([code, said]).toEqual([1, expect.stringContaining(says)]);
});

it.each([
  ["exit 7", "failed in FOLDER: it ended with exit code 7."],
  ["kill -9 $$", "failed in FOLDER: it ended with SIGKILL."],
  // Nothing is installed, so that it cannot start.
  ["exit 0", "The application did not start: it ended with exit code 1."],
])("where npm does %j, the command says so", async (script, says) => {
  const name = `by-${script.replaceAll(/\W/g, "")}`;
  mkdirSync(join(work, "bin"), { recursive: true });
  writeFileSync(join(work, "bin/npm"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const env = { PATH: `${join(work, "bin")}:${CHILD_ENV.PATH}`, PORT: String(await freePort()) };
  const { code, said } = await run([name, "--yes"], { env, options: [] });
  expect([code, said]).toEqual([
    1,
    expect.stringContaining(says.replace("FOLDER", join(work, name))),
  ]);
});

/** A value as each of those reads it that read a `.env`, if they agree. */
async function readersOfEnv() {
  const { folder } = await projectWith(["@next/env@16.4.6", "dotenv@17.2.3"]);
  const load = createRequire(join(folder, "package.json"));
  return (text: string): ReadonlyArray<Readonly<Record<string, string | undefined>>> => {
    writeFileSync(join(folder, ".env"), text);
    const { parsedEnv } = load("@next/env").loadEnvConfig(folder, false, console, true);
    load("@next/env").resetEnv();
    return [parseEnv(text), load("dotenv").parse(text), parsedEnv, loadEnv("", folder, "")];
  };
}

it("each secret is read from .env as it was given, or refused where no way of writing it is", async () => {
  const readers = await readersOfEnv();
  const isRead = (text: string, secrets: object) =>
    readers(text).every((read) =>
      Object.entries(secrets).every(([name, value]) => read[name] === value),
    );
  const names = ["STORAGE_ENDPOINT", "STORAGE_BUCKET", "STORAGE_ACCESS_KEY", "STORAGE_SECRET_KEY"];
  const letters = [..."'\"`$#\\ \n\r\tnB{=1é"];
  const secret = fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 8 });
  let [count, refused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.tuple(secret, secret, secret, secret), async (values) => {
      const env = Object.fromEntries(names.map((name, at) => [name, values[at] ?? ""]));
      const folder = `secret-${count++}`;
      const { code, said } = await run([folder, "--yes", "--store", "s3"], { env });
      if (code === 0) {
        expect(isRead(read(folder, ".env"), env)).toBe(true);
        return;
      }
      refused++;
      const [name = ""] = /^STORAGE_\w+(?= has characters)/.exec(said) ?? [];
      // It is expanded, normalized, escapes what follows, or has all kinds of quotes.
      expect(env[name]).toMatch(/\\\$|\$[\w{]|\r|\\$|(?=.*')(?=.*`)(?=.*(?:"|\\n))/s);
    }),
    { numRuns: isFullRun ? 300 : 40, examples: [[["'", "\\$", "'", "'"]]] },
  );
  expect(refused).toBeLessThan(count);
});

it("a folder with anything in it is refused, and stays as it is", async () => {
  mkdirSync(join(work, "full"));
  writeFileSync(join(work, "full/.env"), "MINE=1");
  const { code, said } = await run(["full", "--yes"]);
  expect([code, said]).toEqual([1, expect.stringContaining("full is not empty")]);
  expect(readdirSync(join(work, "full"))).toEqual([".env"]);
  expect(read("full", ".env")).toBe("MINE=1");
});

it("the settings are for the owner alone, ignored by Git, and their key is another each time", async () => {
  await make("one", ["--yes"]);
  await make("two", ["--yes"]);
  expect(statSync(join(work, "one/.env")).mode & 0o777).toBe(0o600);
  expect(read("one", ".gitignore").split("\n")).toContain(".env");
  const keys = ["one", "two"].map((name) => parseEnv(read(name, ".env"))["RECEIPT_KEYS"] ?? "");
  for (const key of keys)
    expect(Buffer.from(key.slice("key-1:".length), "base64")).toHaveLength(32);
  expect(keys[0]).not.toBe(keys[1]);
});

it("settings of the store that are missing are named and left empty, and nothing stands for them", async () => {
  const said = await make("unfilled", ["--yes", "--store", "r2"], {
    STORAGE_BUCKET: "a #1 bucket",
  });
  expect(said).toContain(
    "Fill in STORAGE_ACCESS_KEY, STORAGE_ACCOUNT_ID, STORAGE_SECRET_KEY in .env",
  );
  const { STORAGE_BUCKET, STORAGE_SECRET_KEY } = parseEnv(read("unfilled", ".env"));
  expect([STORAGE_BUCKET, STORAGE_SECRET_KEY]).toEqual(["a #1 bucket", ""]);
});

it("the page names all that can be chosen", async () => {
  const [page, help] = [read(create, "README.md"), (await run(["--help"])).said];
  expect(help.trim()).toBe(page.trim());
  for (const names of [readdirSync(join(create, "starters")), stores, policies]) {
    expect(page).toContain(`   ${names.join(", ")}`);
  }
  expect(readdirSync(join(create, "starters"))).toEqual(FRAMEWORKS);
  expect(readdirSync(join(create, "stores")).sort()).toEqual(
    stores.map((name) => `${name}.env`).sort(),
  );
});

it.each(FRAMEWORKS)("the code for %s has the policy that was chosen, once", async (framework) => {
  const options = ["--framework", framework, "--store", "embedded", "--policy", "documents"];
  await make(`with-${framework}`, [...options, "--max-size", "3 GiB"]);
  const folder = join(work, `with-${framework}`);
  const code = globSync("**/*.ts", { cwd: folder }).map((file) => read(folder, file));
  const types = choices.policies.documents.allowedTypes.map((type) => `"${type}"`).join(", ");
  const written = `  policy: {\n    maxSize: "3 GiB",\n    allowedTypes: [${types}],\n`;
  expect(code.join("").split(written)).toHaveLength(2);
});

/** What a person would have filled in. */
const FILLED = {
  STORAGE_ENDPOINT: "https://example.blob.core.windows.net",
  STORAGE_ACCESS_KEY: "example",
  STORAGE_SECRET_KEY: Buffer.alloc(64, "secret").toString("base64"),
  STORAGE_BUCKET: "pictures",
  STORAGE_REGION: "eu-central-1",
  STORAGE_ACCOUNT_ID: "0123456789abcdef0123456789abcdef",
};

describe.each(isFullRun ? FRAMEWORKS : ["hono"])("for %s", (framework) => {
  const all = stores.flatMap((store) => policies.map((policy) => [store, policy] as const));
  it.each(all)("the settings for %s and %s are accepted", async (store, policy) => {
    const name = `${framework}-${store}-${policy}`;
    const options = ["--framework", framework, "--store", store, "--policy", policy];
    await make(name, options, { ...FILLED, ...(store === "s3" && { STORAGE_PROVIDER: "wasabi" }) });
    const { dependencies } = JSON.parse(read(name, "package.json"));
    const clients = new Set(Object.values(choices.clients).flat());
    expect(Object.keys(dependencies).filter((name) => clients.has(name))).toEqual(
      choices.clients[store as keyof typeof choices.clients],
    );
    const [, asked = ""] = /"content_type":"([^"]+)"/.exec(read(name, "README.md")) ?? [];
    expect(asked).toBe(policy === "documents" ? "application/pdf" : "image/png");
    const { RECEIPT_KEYS = "", ...env } = parseEnv(read(name, ".env"));
    const code = globSync("**/*.ts", { cwd: join(work, name) }).map((file) => read(name, file));
    const [, written] = /\n {2}policy: (\{\n.*?\n {2}\}),/s.exec(code.join("")) ?? [];
    const valetkey = createValetkey({
      storage: storageFromEnvironment(env),
      receiptKeys: [RECEIPT_KEYS],
      policy: runInNewContext(`(${written})`) as PolicyOptions,
      publicUrl: "http://127.0.0.1:3000",
      organizations: (slug) => slug,
    });
    await valetkey.close();
  });
});
