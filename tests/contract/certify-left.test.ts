import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Client } from "minio";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { certifiedStore } from "../../adapters/cli/certify/certified-store.ts";
import { variables } from "../../adapters/settings/source.ts";
import { examine } from "../../adapters/contract/running/examine.ts";
import { PROMISES } from "../../adapters/contract/promises/promises.ts";
import { openStore } from "../../adapters/contract/subject/subject.ts";
import { startStore, STORES, storeEnv } from "../events/stores.ts";
import { valetkey } from "../support/command-line.ts";
import { freePort } from "../support/free-port.ts";
import { makeBucket } from "../support/make-bucket.ts";
import { need } from "../support/need.ts";
import { s3Client } from "../support/s3-store.ts";
import { serve } from "../support/serve.ts";

await import("../support/few-rounds.ts");
// An examination ends by itself, when nothing is kept for ten minutes.
vi.setConfig({ testTimeout: 0 });

// What an examination leaves in a store, and which processes.

const azurite = await need("azurite");

type Env = Readonly<Record<string, string>>;

/** Promises for which the client or the service begins uploads in parts. */
const IN_PARTS = PROMISES.filter(({ needs }) =>
  needs.some((ability) => ability === "multipart" || ability === "copies"),
);

/** Tries them, with all that the store is documented to do. */
async function tryParts(env: Env) {
  const { store } = Result.getOrThrow(certifiedStore(variables(env)));
  const signal = new AbortController().signal;
  const found = await examine({ store, promises: IN_PARTS, onFinding: () => undefined, signal });
  expect(found.ended).toBeUndefined();
  return { store, left: found.left };
}

const minioAt = (port: number): Client => {
  const env = storeEnv("minio", port);
  return s3Client({
    endpoint: env.STORAGE_ENDPOINT,
    accessKey: env.STORAGE_ACCESS_KEY,
    secretKey: env.STORAGE_SECRET_KEY,
  });
};

/** All that a bucket of a server of S3's API has; MinIO names open uploads of no prefix but "". */
async function contentOf(client: Client, bucket = "files") {
  const [objects, uploads]: [Array<string>, Array<string>] = [[], []];
  for await (const { name } of client.listObjects(bucket, "", true)) objects.push(name);
  for await (const { key } of client.listIncompleteUploads(bucket, "", true)) uploads.push(key);
  return { objects, uploads };
}

const EMPTY = { objects: [], uploads: [] };

describe.each(["minio", "seaweedfs", "versitygw"] as const)("on %s", (provider) => {
  it.skipIf(STORES[provider].path === undefined)(
    "no object is left after an examination, and no upload is open",
    async () => {
      const port = await freePort();
      await startStore(provider, port, "");
      const { left } = await tryParts({ ...storeEnv(provider, port), STORAGE_BUCKET: "files" });
      expect(left).toEqual([]);
      expect(await contentOf(minioAt(port))).toEqual(EMPTY);
    },
  );
});

it.skipIf(azurite === undefined)("on Azurite no block is left, also uncommitted", async () => {
  const { account = "", key = "", endpoint = "" } = azurite ?? {};
  const env = {
    STORAGE_ADAPTER: "azure",
    STORAGE_BUCKET: `certify-${crypto.randomUUID()}`,
    STORAGE_ENDPOINT: endpoint,
    STORAGE_ACCESS_KEY: account,
    STORAGE_SECRET_KEY: key,
  };
  await makeBucket(env);
  const { store, left } = await tryParts(env);
  expect(left).toEqual([]);
  const { store: ports, close } = await openStore(store, store.open);
  onTestFinished(close);
  const all = { prefix: "", limit: 1000 };
  expect(await Effect.runPromise(ports.list?.objects(all) ?? Effect.never)).toEqual({ found: [] });
  const open = ports.parts?.listOpen(all) ?? Effect.never;
  expect(await Effect.runPromise(open)).toEqual({ found: [] });
});

/** Runs the command as a process of its own, until its progress has this line. */
function startCertify(endpoint: string, env: Env, signal?: NodeJS.Signals, at = /^9\/\d+ kept/m) {
  const args = ["deploy/cli.ts", "certify", endpoint];
  const child = spawn("node", args, { env: { PATH: process.env["PATH"], ...env } });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += chunk;
    // A second signal would end it at once.
    if (signal !== undefined && !child.killed && at.test(said)) child.kill(signal);
  });
  return once(child, "exit").then(([code]) => ({ code, said }));
}

it.skipIf(STORES.minio.path === undefined)(
  "one that was killed is named by the next, with the command that removes what it left",
  async () => {
    const port = await freePort();
    await startStore("minio", port, "");
    const { STORAGE_ENDPOINT: endpoint, ...env } = {
      ...storeEnv("minio", port),
      STORAGE_BUCKET: "files",
    };
    // The first upload of one PUT.
    const killed = await startCertify(endpoint, env, "SIGKILL", /kept: a PUT cannot be replayed/);
    const [, organization = ""] = /orgs\/(certify-[0-9a-f]{8})\//.exec(killed.said) ?? [];
    expect((await contentOf(minioAt(port))).objects.length).toBeGreaterThan(0);
    const next = await startCertify(endpoint, env, "SIGINT");
    expect(next.said).toContain(
      `${organization}, of an earlier examination that was killed, or of one that still runs: \`valetkey forget --org ${organization} --apply\` removes them.`,
    );
    const all = { ...env, STORAGE_ENDPOINT: endpoint };
    expect(await valetkey(["forget", "--org", organization, "--apply"], all)).toMatchObject({
      code: 0,
    });
    expect((await contentOf(minioAt(port))).objects).toEqual([]);
  },
);

it.each([{}, { STORAGE_BUCKET: "files" }])(
  "a store that never answers lets the process end: %j",
  async (env) => {
    // What it holds back is closed when the test has ended.
    const { origin } = await serve(() => undefined);
    const keys = { STORAGE_ACCESS_KEY: "an-access-key", STORAGE_SECRET_KEY: "a-secret-of-tests" };
    const { code, said } = await startCertify(origin, { ...keys, ...env });
    expect(code, said).toBe(2);
    expect(said).toContain("could not be certified: there was no answer within 10 seconds");
  },
);
