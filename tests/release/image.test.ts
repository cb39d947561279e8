import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, cpSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { createBucket } from "../google/store.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { isFullRun } from "../support/full-run.ts";
import { readLock, used } from "../support/lock.ts";
import { makeFolder } from "../support/make-folder.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess, untilReady } from "../support/service-process.ts";
import { SERVED, threeLines } from "../support/three-lines.ts";

// The bundle that the image runs, made as deploy/Dockerfile makes it, where nothing is installed.

const ROOT = new URL("../..", import.meta.url).pathname;
const minio = await need("minio");
const fakeGcs = await need("fakeGcs");

const folder = makeFolder();
const bundle = join(folder, "bundle");
const read = (name: string) => readFileSync(join(bundle, name), "utf8");
beforeAll(() => {
  const sources = join(folder, "sources");
  for (const name of [
    "domain",
    "application",
    "adapters",
    "deploy",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "tsconfig.build.json",
  ]) {
    cpSync(join(ROOT, name), join(sources, name), {
      recursive: true,
      filter: (path) =>
        !path.startsWith(join(ROOT, "deploy/")) || /\.c?ts$|launch\.cjs$/.test(path),
    });
  }
  symlinkSync(join(ROOT, "node_modules"), join(sources, "node_modules"));
  execFileSync("npm", ["run", "bundle"], { cwd: sources, stdio: ["ignore", "ignore", "inherit"] });
  cpSync(join(sources, "bundle"), bundle, { recursive: true });
  cpSync(join(sources, "package.json"), join(folder, "package.json"));
  rmSync(sources, { recursive: true });
});

async function start(env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
  const service = await startProcess(env, () => ["node", join(bundle, "node.js")]);
  atTestEnd(service.stop);
  return service;
}

it("the image has every peer and all that it needs, at the locked versions, and no tool", () => {
  const locked = readLock(ROOT);
  const permitted = new Set(
    [...used(locked)].map((path) => `${nameOf(path)} ${locked.get(path)?.version}`),
  );
  const bundled = licences().map(([title = ""]) => title.replace(/: .*/, ""));
  expect(bundled.filter((title) => !permitted.has(title))).toEqual([]);
  const names = new Set(bundled.map((title) => title.replace(/ .*/, "")));
  const { dependencies, peerDependencies } = locked.get("") ?? {};
  const missing = Object.keys({ ...dependencies, ...peerDependencies }).filter(
    (name) => !names.has(name),
  );
  // Two are of pages.
  expect(missing).toEqual(["@uppy/core", "react", "vitest"]);
});

const nameOf = (path: string) => path.replace(/.*node_modules\//, "");

it("the licence of all that is bundled goes with it", () => {
  const all = licences();
  for (const [title] of all) expect(title).toMatch(/^\S+ \d\S+: \S/);
  // Some packages name their licence only.
  const bare = all.filter(([, ...texts]) => texts.length === 0).map(([title]) => title);
  expect(bare.length).toBeLessThan(all.length / 10);
  expect(read("LICENSES.txt")).toContain("Copyright (c) 2021 - present, Yusuke Wada");
});

it("the bill of materials in the image lists every package of its bundle", () => {
  const { components } = JSON.parse(read("bom.cdx.json")) as {
    readonly components: ReadonlyArray<{ readonly name: string; readonly version: string }>;
  };
  const listed = components.map(({ name, version }) => `${name} ${version}`);
  // A package can be there twice at one version.
  const bundled = new Set(licences().map(([title = ""]) => title.replace(/: .*/, "")));
  expect(listed.sort()).toEqual([...bundled].sort());
});

/** Name, version and licence of each package in the bundle, and then the text, in paragraphs. */
const licences = () =>
  read("LICENSES.txt")
    .split(`\n\n${"-".repeat(80)}\n\n`)
    .map((entry) => entry.split("\n\n"));

it("the service starts from one file, which has no client library", () => {
  const started = new Set(["node.js"]);
  for (const name of started) {
    for (const [, file = ""] of read(name).matchAll(/^import [^"]*"\.\/([^"]+)";$/gm))
      started.add(file);
  }
  expect([...started].map((name) => name.replace(/-.{8}\.js$/, ""))).toEqual([
    "node.js",
    "start",
    // Some lines for packages that are CommonJS.
    "rolldown-runtime",
  ]);
  expect(clientsIn(readdirSync(bundle).filter((name) => name.endsWith(".js")))).toEqual(CLIENTS);
  expect(clientsIn(started)).toEqual([]);
});

it("the image has the command valetkey", () => {
  // As deploy/Dockerfile does it.
  chmodSync(join(bundle, "cli.js"), 0o755);
  symlinkSync(join(bundle, "cli.js"), join(folder, "valetkey"));
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const said = execFileSync(join(folder, "valetkey"), ["--version"], { encoding: "utf8" });
  expect(said).toBe(`${version}\n`);
});

/** What the code of each client library has, and no other. */
const CLIENTS = [
  "S3ServiceException",
  "StorageExceptionMessages",
  "RedisSentinelClient",
  "OAuth2Client",
  "JWSSignatureVerificationFailed",
  "AnonymousRequestError",
];

const clientsIn = (files: Iterable<string>) => {
  const text = [...files].map(read).join("\n");
  return CLIENTS.filter((name) => text.includes(name));
};

const S3 = {
  ...minioEnv(minio),
};
/** Other tests start such a bundle too; the one that asks for most files is tried here always. */
const STORES: ReadonlyArray<Readonly<Record<string, string>>> = [
  ...(isFullRun
    ? [
        { STORAGE_ADAPTER: "local" },
        { ...S3, STORAGE_ADAPTER: "minio" },
        { ...S3, STORAGE_ADAPTER: "aws" },
      ]
    : []),
  { ...S3, STORAGE_ADAPTER: "aws", STORAGE_SIGNER: "sdk" },
];

it("the bundle reads the key of a service account, and asks Google's client", async ({ skip }) => {
  skip(fakeGcs === undefined);
  const bucket = `image-${crypto.randomUUID()}`;
  await createBucket(fakeGcs ?? "", bucket);
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const service = await start({
    STORAGE_ADAPTER: "gcs",
    STORAGE_BUCKET: bucket,
    STORAGE_ENDPOINT: fakeGcs ?? "",
    STORAGE_GCS_CREDENTIALS: JSON.stringify({
      type: "service_account",
      client_email: "signer@project.iam.gserviceaccount.com",
      private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
    }),
  });
  await untilReady(service);
});

it.for(STORES)("the bundle serves uploads with %j", async (env, { skip }) => {
  if (env["STORAGE_ADAPTER"] !== "local") skip(minio === undefined);
  const service = await start(env);
  await untilReady(service);
  expect(await threeLines(service.address, service.token)).toEqual(SERVED);
});
