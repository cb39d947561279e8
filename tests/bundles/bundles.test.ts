import { build } from "esbuild";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, expect, it } from "vitest";
import { readLock, used } from "../support/lock.ts";
import { unpacked } from "../support/packed.ts";

// Who bundles an entry point gets the client library of that store, and of no other.

const ROOT = new URL("../..", import.meta.url).pathname;

let folder: string;
beforeAll(async () => {
  // Beside node_modules/valetkey, as a project of somebody has it.
  folder = dirname(dirname(await unpacked()));
});

/** Entry points that are bundled together, and the client libraries that come with them. */
const BUNDLES: ReadonlyArray<
  readonly [entries: ReadonlyArray<string>, clients: ReadonlyArray<string>]
> = [
  [["valetkey"], []],
  [["valetkey", "valetkey/local"], []],
  [["valetkey", "valetkey/minio"], ["minio"]],
  [
    ["valetkey", "valetkey/gcs"],
    ["@google-cloud/storage", "google-auth-library"],
  ],
  [
    ["valetkey", "valetkey/aws"],
    ["@aws-sdk/client-s3", "@aws-sdk/credential-providers", "@aws-sdk/s3-request-presigner"],
  ],
  [["valetkey", "valetkey/redis"], ["@redis/client"]],
  [["valetkey", "valetkey/events"], []],
  [["valetkey", "valetkey/hono", "valetkey/node", "valetkey/effect"], []],
];

/** What every server needs, and no page. */
const OF_SERVERS: ReadonlySet<string> = new Set(["effect", "hono", "@hono/node-server"]);
/** What an option of `createValetkey` loads. */
const OF_OPTIONS = ["@aws-sdk/cloudfront-signer"];

it.each(BUNDLES)("a bundle of %j has of all client libraries %j", async (entries, clients) => {
  const bundled = await packagesIn(entries);
  expect(bundled).toContain("node_modules/effect");
  const lock = readLock(ROOT);
  const own = lock.get("");
  const all = Object.keys(own?.peerDependenciesMeta ?? {}).filter((name) => !OF_SERVERS.has(name));
  const loaded = [...clients, ...OF_OPTIONS];
  expect(all.filter((name) => bundled.has(`node_modules/${name}`)).sort()).toEqual(loaded.sort());
  // Nor anything that the others need.
  const peerDependencies = Object.fromEntries(
    Object.entries(own?.peerDependencies ?? {}).filter(
      ([name]) => !all.includes(name) || loaded.includes(name),
    ),
  );
  const permitted = used(new Map([...lock, ["", { version: "", ...own, peerDependencies }]]));
  const others = [...used(lock)].filter((path) => !permitted.has(path));
  expect(others.filter((path) => bundled.has(path))).toEqual([]);
});

/** What an entry point can do without, and is loaded where it is needed. */
const DISPENSABLE: ReadonlyArray<readonly [entry: string, packages: ReadonlyArray<string>]> = [
  ["valetkey/minio", ["minio", ...OF_OPTIONS]],
  ["valetkey/aws", ["@aws-sdk/credential-providers", "@aws-sdk/s3-request-presigner"]],
];

it.each(DISPENSABLE)("%s is bundled where %j is not installed", async (entry, missing) => {
  const bundled = await packagesIn(["valetkey", entry], missing);
  for (const name of missing) expect(bundled).not.toContain(`node_modules/${name}`);
});

it("no bundle has the page to try the service on, whose files bundlers would look for", async () => {
  for (const [entries] of BUNDLES) {
    const files = await filesIn(entries);
    expect(files.filter((file) => file.includes("dist/adapters/http/app/app.js"))).toHaveLength(1);
    expect(files.filter((file) => file.includes("dist/adapters/http/page"))).toEqual([]);
  }
});

it("only a bundle of valetkey/events has the queue of events", async () => {
  for (const [entries] of BUNDLES) {
    const hasQueue = (await filesIn(entries)).join().includes("adapters/events/");
    expect(hasQueue, entries.join()).toBe(entries.includes("valetkey/events"));
  }
});

it("valetkey/uppy adds less than 2 kB, compressed, to a page that has Uppy and the client", async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(await unpacked(), "dist/adapters/client/uppy/plugin.js")],
    external: ["@uppy/core", "*/client.js"],
    bundle: true,
    format: "esm",
    minify: true,
    write: false,
    metafile: true,
    outdir: "bundle",
  });
  expect(Object.keys(metafile.inputs)).toHaveLength(1);
  expect(gzipSync(outputFiles[0]?.contents ?? "").length).toBeLessThan(2000);
});

/** Where the packages are installed of which a bundle has files, loaded at once or later. */
async function packagesIn(
  entries: ReadonlyArray<string>,
  missing: ReadonlyArray<string> = [],
): Promise<ReadonlySet<string>> {
  const files = await filesIn(entries, missing);
  return new Set(
    files.flatMap((path) => {
      const installed = PACKAGE.exec(path)?.[1];
      return installed === undefined || installed === "node_modules/valetkey" ? [] : [installed];
    }),
  );
}

const made = new Map<ReadonlyArray<string>, Promise<ReadonlyArray<string>>>();

/** The files of which a bundle has something, loaded at once or later; each is made once. */
function filesIn(entries: ReadonlyArray<string>, missing?: ReadonlyArray<string>) {
  const files = made.get(entries) ?? makeBundle(entries, missing);
  made.set(entries, files);
  return files;
}

async function makeBundle(
  entries: ReadonlyArray<string>,
  missing: ReadonlyArray<string> = [],
): Promise<ReadonlyArray<string>> {
  const { metafile } = await build({
    stdin: {
      contents: entries.map((entry, i) => `export * as entry${i} from "${entry}";`).join("\n"),
      resolveDir: folder,
    },
    absWorkingDir: folder,
    nodePaths: [join(ROOT, "node_modules")],
    bundle: true,
    format: "esm",
    platform: "node",
    splitting: true,
    outdir: "bundle",
    write: false,
    metafile: true,
    logLevel: "error",
    alias: Object.fromEntries(missing.map((name) => [name, `${name}-that-is-not-there`])),
  });
  return Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
}

/** From the first `node_modules/` to the name after the last. */
const PACKAGE = /(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//;
