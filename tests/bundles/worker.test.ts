import { SignJWT } from "jose";
import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { createBucket, startGcsVerifier } from "../google/store.ts";
import { ask } from "../support/ask.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { s3Client } from "../support/s3-store.ts";
import { need } from "../support/need.ts";
import { SERVED, threeLines } from "../support/three-lines.ts";
import { type Bundle, bundleWorker, startWorker } from "./worker.ts";

// The example for Workers in workerd itself, with what nodejs_compat brings of Node.

const minio = await need("minio");
const fakeGcs = await need("fakeGcs");
const SESSION_KEY = randomBytes(32).toString("base64");

const sessionOf = (name: string, key = SESSION_KEY) =>
  new SignJWT({ sub: name })
    .setProtectedHeader({ alg: "HS256" })
    .setExpirationTime("10 minutes")
    .sign(new TextEncoder().encode(key));

async function start(bundle: Bundle, variables: Readonly<Record<string, string>>) {
  const worker = await startWorker(bundle, {
    PUBLIC_URL: "https://app.example.com",
    RECEIPT_KEY: `2026:${randomBytes(32).toString("base64")}`,
    SESSION_KEY,
    ...variables,
  });
  atTestEnd(worker.stop);
  return { ...worker, token: await sessionOf("ann") };
}

/** A MinIO with a bucket for it. */
async function variablesOfMinio() {
  if (minio === undefined) throw new Error("there is no MinIO");
  const { endpoint, accessKey, secretKey } = minio;
  const bucket = `worker-${crypto.randomUUID()}`;
  await s3Client(minio).makeBucket(bucket);
  return {
    STORAGE_BUCKET: bucket,
    STORAGE_ENDPOINT: endpoint,
    STORAGE_ACCESS_KEY: accessKey,
    STORAGE_SECRET_KEY: secretKey,
  };
}

/** The example's `storage.ts` for another store. */
const storageOf = (store: "aws" | "gcs") => `
  import { ${store} } from "valetkey/${store}";
  const { STORAGE_ENDPOINT, STORAGE_BUCKET, STORAGE_ACCESS_KEY, STORAGE_SECRET_KEY } = process.env;
  export const storage = ${store}({
    endpoint: STORAGE_ENDPOINT,
    bucket: STORAGE_BUCKET,
    accessKey: STORAGE_ACCESS_KEY,
    secretKey: STORAGE_SECRET_KEY,
    ${store === "aws" ? `provider: "minio",` : ""}
  });
  export const policies = { drafts: { writeOnce: true } };
`;

const HMAC = ["GOOG1TESTTESTTEST", "a-secret-of-the-tests"] as const;

/** The double of Cloud Storage with a bucket for it. */
async function variablesOfGcs() {
  const bucket = `worker-${crypto.randomUUID()}`;
  await createBucket(fakeGcs ?? "", bucket);
  const store = await startGcsVerifier({
    upstream: fakeGcs ?? "",
    rsa: new Map(),
    hmac: new Map([HMAC]),
  });
  atTestEnd(store.close);
  return {
    STORAGE_BUCKET: bucket,
    STORAGE_ENDPOINT: `http://127.0.0.1:${store.port}`,
    STORAGE_ACCESS_KEY: HMAC[0],
    STORAGE_SECRET_KEY: HMAC[1],
  };
}

/** What every server needs is in each bundle. */
const LIBRARIES = Object.keys(manifest.peerDependenciesMeta).filter(
  (name) => !["effect", "hono"].includes(name),
);

const STORES = [
  { name: "MinIO", of: {}, has: ["minio"], uploads: [{}, { strict: true }, { policy: "drafts" }] },
  {
    name: "MinIO without its library, which only calls to the bucket need",
    of: { missing: ["minio"] },
    has: [],
    uploads: [{}, { strict: true }],
  },
  {
    name: "AWS",
    of: {
      storage: storageOf("aws"),
      missing: ["@aws-sdk/credential-providers", "@aws-sdk/s3-request-presigner"],
    },
    has: ["@aws-sdk/client-s3"],
    uploads: [{}, { strict: true }, { policy: "drafts" }],
  },
  {
    name: "GCS with an HMAC key",
    of: { storage: storageOf("gcs"), missing: ["@google-cloud/storage", "google-auth-library"] },
    has: [],
    uploads: [{ strict: true }],
  },
];

describe.each(STORES)("in workerd, $name", ({ name, of, has, uploads }) => {
  const isGcs = name.startsWith("GCS");
  const isHere = (isGcs ? fakeGcs : minio) !== undefined;
  let bundle: Bundle;
  beforeAll(async () => {
    if (!isHere) return;
    const missing = [...(of.missing ?? []), "@aws-sdk/cloudfront-signer"];
    bundle = await bundleWorker({ ...of, missing });
  });

  it.skipIf(!isHere)(
    "a Worker serves the client of the README, and the store refuses a byte more",
    async () => {
      const variables = await (isGcs ? variablesOfGcs() : variablesOfMinio());
      const { address, token, output } = await start(bundle, variables);
      // Requests that come at once share what the first of them opens.
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => presign(address, token).then(({ status }) => status)),
      );
      expect(new Set(answers), output()).toEqual(new Set([200]));

      const served = isGcs ? { ...SERVED, statuses: [200, 200, 400, 200] } : SERVED;
      for (const upload of uploads) {
        expect(await threeLines(address, token, upload), output()).toEqual(served);
      }

      expect((await fetch(`${address}/openapi.json`)).status).toBe(200);

      const forged = await sessionOf("ann", "another key of as many characters");
      expect((await presign(address, forged)).status).toBe(401);
      expect((await presign(address, await sessionOf("bob"))).status).toBe(404);
      expect(output()).not.toMatch(/X-(?:Amz|Goog)-Signature/);
      for (const secret of [variables.STORAGE_SECRET_KEY, SESSION_KEY, token]) {
        expect(output()).not.toContain(secret);
      }
    },
  );

  it.skipIf(!isHere)(
    "the bundle has its own library in it and no other, and is small enough for a Worker",
    () => {
      const { packages, size } = bundle;
      expect(LIBRARIES.filter((library) => packages.has(library))).toEqual(has);
      console.log(`A Worker with ${name}: ${Math.ceil(size / 1024)} KiB compressed`);
      expect(size).toBeLessThan(SMALLEST_LIMIT);
    },
  );
});

it("a Worker with events fails at its start, and says what it lacks", async () => {
  const storage = `
    import { events } from "valetkey/events";
    import { local } from "valetkey/local";
    export const storage = local();
    export const policies = {};
    events({ to: () => undefined });`;
  const started = bundleWorker({ storage }).then((bundle) => start(bundle, {}));
  await expect(started).rejects.toThrow("this runtime has no node:sqlite");
});

/** Of a Worker's size in bytes, in the smallest plan: "Limits", the documentation of Workers. */
const SMALLEST_LIMIT = 3 * 2 ** 20;

const presign = (address: string, token: string) =>
  ask({ address, token }, "presign", { filename: "a.png", content_type: "image/png", size: 5 });
