import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseEnv, promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { storageFromEnvironment } from "../../adapters/embed/environment.ts";
import { createValetkey, type PolicyOptions } from "../../adapters/embed/index.ts";
import choices from "../../deploy/create/choices.json" with { type: "json" };
import { FRAMEWORKS } from "../support/build-create.ts";
import { CHILD_ENV } from "../support/child-env.ts";
import { freePort } from "../support/free-port.ts";
import { isFullRun } from "../support/full-run.ts";
import { need } from "../support/need.ts";
import { createStarter, packed } from "../support/packed.ts";

// The command of `npm create valetkey`; what it makes is run by the other files here.

const stores = Object.keys(choices.clients);
const policies = Object.keys(choices.policies);
const { tarball = "", folder: create = "" } = (await need("createPackage")) ?? {};

const work = mkdtempSync(join(tmpdir(), "valetkey-create-"));
afterAll(() => rmSync(work, { recursive: true }));
const read = (folder: string, name: string) => readFileSync(resolve(work, folder, name), "utf8");

/** Runs the command without a terminal. */
const run = (args: ReadonlyArray<string>) =>
  promisify(execFile)(process.execPath, [join(create, "create.js"), ...args, "--no-install"], {
    cwd: work,
    env: CHILD_ENV,
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
  expect(stdout).toContain(`Sign in as ann at http://127.0.0.1:${env.PORT}`);
  await expect(fetch(`http://127.0.0.1:${env.PORT}`)).rejects.toThrow();
  expect(JSON.parse(read("new-app", "package.json")).name).toBe("new-app");
});

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
    'maxSize: "20 MiB", allowedTypes: ["application/pdf"',
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
])("%j is refused, and nothing is made", async (options, says) => {
  const { code, said } = await run(["app", "--yes", ...options]);
  expect([code, said]).toEqual([1, expect.stringMatching(says)]);
  expect(existsSync(join(work, "app"))).toBe(false);
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
  const written = `  policy: { maxSize: "3 GiB", allowedTypes: [${types}] },\n`;
  expect(code.join("").split(written)).toHaveLength(2);
});

/** What a person would have filled in. */
const FILLED = {
  STORAGE_ENDPOINT: "https://example.blob.core.windows.net",
  STORAGE_ACCESS_KEY: "example",
  STORAGE_SECRET_KEY: Buffer.alloc(64, "secret").toString("base64"),
  STORAGE_BUCKET: "pictures",
  STORAGE_REGION: "eu-central-1",
  STORAGE_PROVIDER: "wasabi",
  STORAGE_ACCOUNT_ID: "0123456789abcdef0123456789abcdef",
};

describe.each(isFullRun ? FRAMEWORKS : ["hono"])("for %s", (framework) => {
  const all = stores.flatMap((store) => policies.map((policy) => [store, policy] as const));
  it.each(all)("the settings for %s and %s are accepted", async (store, policy) => {
    const name = `${framework}-${store}-${policy}`;
    const options = ["--framework", framework, "--store", store, "--policy", policy];
    await make(name, options, FILLED);
    const { dependencies } = JSON.parse(read(name, "package.json"));
    const clients = new Set(Object.values(choices.clients).flat());
    expect(Object.keys(dependencies).filter((name) => clients.has(name))).toEqual(
      choices.clients[store as keyof typeof choices.clients],
    );
    const [, asked = ""] = /"content_type":"([^"]+)"/.exec(read(name, "README.md")) ?? [];
    expect(asked).toBe(policy === "documents" ? "application/pdf" : "image/png");
    const { RECEIPT_KEYS = "", ...env } = parseEnv(read(name, ".env"));
    const chosen = choices.policies[policy as keyof typeof choices.policies];
    const valetkey = createValetkey({
      storage: storageFromEnvironment(env),
      receiptKeys: [RECEIPT_KEYS],
      policy: chosen as PolicyOptions,
      publicUrl: "http://127.0.0.1:3000",
      organizations: (slug) => slug,
    });
    await valetkey.close();
  });
});
