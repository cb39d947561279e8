import type { RequestListener } from "node:http";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { main } from "../../adapters/cli/main.ts";
import { freePort } from "../support/free-port.ts";
import { createBucket, startGcsVerifier } from "../google/store.ts";
import { isFullRun } from "../support/full-run.ts";
import { BY_HMAC, HMAC } from "../support/gcs-store.ts";
import { need } from "../support/need.ts";
import { s3Client } from "../support/s3-store.ts";
import { serve } from "../support/serve.ts";

const server = await need("minio");
const fakeGcs = await need("fakeGcs");

let result = "";
let told = "";
beforeEach(() => {
  [result, told] = ["", ""];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    result += String(text);
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    told += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

const ACCESS_KEY = "an-access-key";
const SECRET = "a-secret-key-of-the-tests";

/** Runs `valetkey certify` as a person does, and returns its exit code. */
async function certify(
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const { exitCode } = process;
  process.exitCode = 0;
  const keys = { STORAGE_ACCESS_KEY: ACCESS_KEY, STORAGE_SECRET_KEY: SECRET };
  for (const [name, value] of Object.entries({ ...keys, ...env })) vi.stubEnv(name, value);
  try {
    await main(["certify", ...args], () => Promise.reject(new Error("nothing may be served")));
    return Number(process.exitCode);
  } finally {
    process.exitCode = exitCode;
  }
}

/**
 * A store that keeps every object and verifies nothing, and repeats in each answer all that it was
 * sent; `seen` has what is secret of that.
 */
function credulous(seen: Set<string>): RequestListener {
  const objects = new Map<string, Buffer>();
  return (request, response) => {
    const { method, url = "", headers } = request;
    const { pathname, searchParams } = new URL(url, "http://store");
    for (const name of ["Signature", "Credential", "Security-Token"]) {
      const value = searchParams.get(`X-Amz-${name}`);
      if (value) seen.add(value).add(encodeURIComponent(value));
    }
    for (const value of /Credential=([^,]+).*Signature=(\w+)/.exec(headers.authorization ?? "") ??
      [])
      seen.add(value);
    const chunks: Array<Buffer> = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      if (method === "PUT") objects.set(pathname, Buffer.concat(chunks));
      if (method === "DELETE") objects.delete(pathname);
      const isBucket = pathname.split("/").length < 3;
      const object = objects.get(pathname);
      const status = isBucket || method !== "GET" || object ? 200 : 404;
      const escaped = url.replaceAll("&", "&amp;");
      response.writeHead(status, { Server: "Credulous/1.0", ETag: '"x"' });
      const error = `<Error><Code>NoSuchKey</Code><Message>There is no ${escaped}</Message></Error>`;
      response.end(method === "GET" && object ? object : error);
    });
  };
}

/** The key of the MinIO. */
const keys = () => ({
  STORAGE_ACCESS_KEY: server?.accessKey ?? "",
  STORAGE_SECRET_KEY: server?.secretKey ?? "",
});

/** The buckets that were made for an examination. */
const bucketsOfCertify = async () => {
  if (server === undefined) throw new Error("there is no server");
  const buckets = await s3Client(server).listBuckets();
  return buckets.filter(({ name }) => name.startsWith("valetkey-certify-"));
};

describe.skipIf(server === undefined)("a MinIO", () => {
  it("keeps every promise, and nothing is left in it", async () => {
    const env = {
      ...keys(),
      STORAGE_ADAPTER: "minio",
      STORAGE_ENDPOINT: server?.endpoint ?? "",
      STORAGE_PUBLIC_ENDPOINT: server?.endpoint.replace("127.0.0.1", "localhost") ?? "",
    };
    expect(await certify(["--json"], env), told).toBe(0);
    const { promises, date, ...facts } = JSON.parse(result);
    expect(facts).toEqual({
      store: `MinIO at ${env.STORAGE_ENDPOINT}`,
      server: "MinIO",
      valetkey: expect.stringMatching(/^\d+\.\d+\.\d+/),
      adapter: "minio",
      provider: "minio",
      bucket: "without versions",
      left: [],
    });
    expect(date).toBe(new Date(date).toISOString().slice(0, 10));
    expect(promises.length).toBeGreaterThan(70);
    expect(new Set(promises.map(({ outcome }: { outcome: string }) => outcome))).toEqual(
      new Set(["kept"]),
    );
    expect(await bucketsOfCertify()).toEqual([]);
  });

  if (isFullRun) {
    it("offers less as a provider of which less is known, and the certificate says what it would keep", async () => {
      expect(await certify([server?.endpoint ?? ""], keys()), told).toBe(1);
      // Nothing forbids the headers that it obeys, and this key may copy what is there.
      expect(told.match(/(?<=not kept: no unsigned header )[^,]+/g)).toEqual([
        "writes under another key",
        "stores other bytes",
        "removes the file",
      ]);
      expect(result).toMatch(
        /^Store {6}any other server of S3's API at http:\/\/127\.0\.0\.1:\d+\n/,
      );
      expect(result).toContain("\nnot offered  sha256: kept when it was tried\n");
      expect(result).toContain("\nnot offered  two endpoints: not tried\n");
      expect(await bucketsOfCertify()).toEqual([]);
    });
  }
});

describe.skipIf(fakeGcs === undefined)("Google Cloud Storage", () => {
  it("keeps what is offered in a bucket of yours, and no object is left in it", async () => {
    const upstream = fakeGcs ?? "";
    const bucket = `certify-${crypto.randomUUID()}`;
    await createBucket(upstream, bucket);
    const store = await startGcsVerifier({ upstream, ...BY_HMAC });
    onTestFinished(() => store.close());
    const env = {
      STORAGE_ADAPTER: "gcs",
      STORAGE_ENDPOINT: `http://127.0.0.1:${store.port}`,
      STORAGE_BUCKET: bucket,
      STORAGE_ACCESS_KEY: HMAC.accessKey,
      STORAGE_SECRET_KEY: HMAC.secretKey,
    };
    expect(await certify(["--json"], env), result + told).toBe(0);
    const { adapter, promises, left } = JSON.parse(result);
    expect([adapter, left]).toEqual(["gcs", []]);
    expect(promises.length).toBeGreaterThan(70);
    const { items } = await (await fetch(`${upstream}/storage/v1/b/${bucket}/o`)).json();
    expect(items ?? []).toEqual([]);
  });
});

describe("a store that verifies nothing", () => {
  it("gets a certificate of what it did, without a secret", async () => {
    const seen = new Set<string>();
    const { origin: endpoint } = await serve(credulous(seen));
    const env = { STORAGE_SESSION_TOKEN: "a-session-token-of-the-tests" };
    expect(await certify([endpoint], env)).toBe(1);
    expect(result).toContain("a PUT with one digit of the signature changed is refused");
    expect(result).toContain("the store answered with 200 instead of 400 or 401 or 403");
    expect(result).toMatch(/\/valetkey-certify-[^?]+\?\S*X-Amz-Expires=60\S*X-Amz-Signature=…/);
    expect(result).toContain("Credulous/1.0");
    expect(seen.size).toBeGreaterThan(100);
    for (const secret of [...seen, ACCESS_KEY, SECRET, ...Object.values(env)]) {
      expect(result + told).not.toContain(secret);
    }
  });
});

describe("a store that cannot be examined", () => {
  it.each([
    ["is not there", async () => `http://127.0.0.1:${await freePort()}`, /ECONNREFUSED|refused/],
    [
      "never answers",
      async () => (await serve(() => undefined)).origin,
      /there was no answer within 10 seconds/,
    ],
    [
      "refuses the key",
      async () => {
        const refuse = "<Error><Code>InvalidAccessKeyId</Code></Error>";
        return (await serve((_, response) => response.writeHead(403).end(refuse))).origin;
      },
      /the store does not know the access key; check STORAGE_ACCESS_KEY/,
    ],
  ] as const)("is told in words: it %s", async (_, open, words) => {
    expect(await certify([await open()])).toBe(2);
    expect(result).toBe("");
    expect(told).toContain("could not be certified: ");
    expect(told).toMatch(words);
  });

  it("is told in words: it stops answering, and what it holds is named", async () => {
    let answers = 0;
    const store = credulous(new Set());
    const { origin: endpoint } = await serve((request, response) => {
      answers += 1;
      if (answers > 40) request.destroy();
      else store(request, response);
    });
    expect(await certify([endpoint])).toBe(2);
    expect(told).toMatch(/could not be certified: it no longer answers: /);
    expect(told).toMatch(
      /This could not be removed again:\n {2}orgs\/acme\/files\/\S+ in the bucket /,
    );
  });

  it.each([
    [{}, "STORAGE_ADAPTER must not be local"],
    [{ STORAGE_ADAPTER: "minio" }, "STORAGE_ENDPOINT must be"],
    [{ STORAGE_ADAPTER: "gcs" }, "STORAGE_BUCKET must be set"],
  ])("is told in words: %j configures none", async (env, words) => {
    expect(await certify([], env)).toBe(2);
    expect(told).toContain("No store can be certified");
    expect(told).toContain(words);
  });
});
