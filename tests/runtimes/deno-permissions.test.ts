import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { atTestEnd } from "../support/at-test-end.ts";
import { DENO_PERMISSIONS, denoCommand } from "../support/deno-permissions.ts";
import { freePort } from "../support/free-port.ts";
import { isFullRun } from "../support/full-run.ts";
import { createBucket, startGcsVerifier } from "../google/store.ts";
import { startGoogleMachine } from "../google/machine.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { SERVED, threeLines } from "../support/three-lines.ts";

type Store = keyof typeof DENO_PERMISSIONS;
type Env = Readonly<Record<string, string>>;

const minio = await need("minio");
const fakeGcs = (await need("fakeGcs")) ?? "";
const S3 = {
  ...minioEnv(minio),
};

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ACCOUNT = "signer@project.iam.gserviceaccount.com";
const KEY = JSON.stringify({
  type: "service_account",
  client_email: ACCOUNT,
  private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
});

async function gcs(isKeyless: boolean): Promise<Env> {
  const machine = await startGoogleMachine();
  atTestEnd(machine.close);
  const bucket = `deno-${crypto.randomUUID()}`;
  await createBucket(fakeGcs, bucket);
  const store = await startGcsVerifier({
    upstream: fakeGcs,
    rsa: new Map([
      [ACCOUNT, publicKey],
      [machine.account, machine.publicKey],
    ]),
    hmac: new Map(),
  });
  atTestEnd(store.close);
  return {
    STORAGE_ADAPTER: "gcs",
    STORAGE_BUCKET: bucket,
    STORAGE_ENDPOINT: `http://127.0.0.1:${store.port}`,
    ...(isKeyless
      ? {
          STORAGE_GCS_IAM_ENDPOINT: machine.iamEndpoint.origin,
          GCE_METADATA_HOST: machine.metadataHost,
        }
      : { STORAGE_GCS_CREDENTIALS: KEY }),
  };
}

const ENVIRONMENTS: Readonly<Record<Store, () => Env | Promise<Env>>> = {
  local: () => ({}),
  minio: () => ({ ...S3, STORAGE_ADAPTER: "minio" }),
  // The official client makes a bucket of its own.
  aws: () => ({ ...S3, STORAGE_ADAPTER: "aws", STORAGE_BUCKET: `deno-${crypto.randomUUID()}` }),
  "gcs with a key": () => gcs(false),
  "gcs without a key": () => gcs(true),
};

/** On Cloud Storage the size is bound under strict; on others `fetch` adds headers of its own. */
const asked = (store: Store) => ({ strict: store !== "local" });

/** Starts the service, uploads and loads the page; gives how that went, and all that was said. */
async function tryOut(store: Store, permissions: ReadonlyArray<string>) {
  const env = await ENVIRONMENTS[store]();
  try {
    const { address, token, output, stop } = await startProcess(env, denoCommand(permissions));
    // Its first look at the store makes the bucket, or says which permission it lacks.
    await until("a look at the store", async () => {
      const { status } = await (await fetch(`${address}/readyz`)).json();
      return status === "ready" || output().includes("run again with");
    });
    const served = await threeLines(address, token, asked(store)).catch(String);
    // What the page loads is made from sources first.
    const page = await fetch(`${address}/client/client.ts`);
    await stop();
    return { served, page: page.status, said: output() };
  } catch (cause) {
    return { served: undefined, page: undefined, said: String(cause) };
  }
}

const isHere = (store: Store) =>
  store === "local" || (store.startsWith("gcs") ? fakeGcs !== "" : minio !== undefined);

const stores = (Object.keys(DENO_PERMISSIONS) as Array<Store>).map((store) => ({ store }));

describe.each(stores)("on Deno, $store", ({ store }) => {
  const permissions: ReadonlyArray<string> = DENO_PERMISSIONS[store];

  it.skipIf(!isHere(store))(`the service works with ${permissions.join(" ")}`, async () => {
    const { served, page, said } = await tryOut(store, permissions);
    expect(served, said).toEqual(expected(store));
    expect(page).toBe(200);
  });

  // With the other stores a flag that is no longer needed is found before a release.
  it.skipIf(!isHere(store)).each(store === "local" || isFullRun ? permissions : [])(
    "the service does not work without %s, and says so",
    async (one) => {
      const { served, page, said } = await tryOut(
        store,
        permissions.filter((permission) => permission !== one),
      );
      expect([served, page]).not.toEqual([expected(store), 200]);
      expect(said).toContain(`run again with the ${one.replace(/=.*/, "")} flag`);
      expect(said).not.toContain("Uncaught");
    },
  );

  it("docs/deploying.md has these flags", () => {
    const page = readFileSync(new URL("../../docs/deploying.md", import.meta.url), "utf8");
    const name = store.replace(/^\w+/, (adapter) => `\`${adapter}\``);
    const flags = permissions.map((permission) => `\`${permission}\``).join(" ");
    expect(page.split("\n")).toContain(`- ${name}: ${flags}`);
  });
});

const expected = (store: Store) =>
  store.startsWith("gcs") ? { ...SERVED, statuses: [200, 200, REFUSED_BY_GCS, 200] } : SERVED;

/** By `x-goog-content-length-range`. */
const REFUSED_BY_GCS = 400;

it.skipIf(minio === undefined)(
  "the permissions can name hosts and folders, and the service then reaches nothing else",
  async () => {
    const { hostname } = new URL(minio?.endpoint ?? "");
    const { served, page, said } = await tryOut("minio", [
      `--allow-net=127.0.0.1,${hostname}`,
      "--allow-env",
      "--allow-read=adapters/http/page,adapters/client,deploy/strip-client.ts",
    ]);
    expect(served, said).toEqual(SERVED);
    expect(page).toBe(200);
  },
);

it("the signature of a request that failed is in no log and not at /readyz", async () => {
  const nobody = `127.0.0.1:${await freePort()}`;
  const service = await startProcess(
    {
      STORAGE_ADAPTER: "gcs",
      STORAGE_ENDPOINT: `http://${nobody}`,
      STORAGE_ACCESS_KEY: "GOOG1TESTTESTTEST",
      STORAGE_SECRET_KEY: "a-secret-of-the-tests",
    },
    denoCommand(DENO_PERMISSIONS["gcs with a key"]),
  );
  const readiness = await until("the reason at /readyz", async () => {
    const text = await (await fetch(`${service.address}/readyz`)).text();
    return text.includes(nobody) && text;
  });
  expect(readiness).not.toContain("X-Goog-");
  await service.stop();
  expect(service.output()).not.toContain("X-Goog-");
});
