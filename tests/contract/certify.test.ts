import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type IncomingMessage, request, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { digestOf } from "../../adapters/storage/certificate/certificate.ts";
import { valetkey } from "../support/command-line.ts";
import { startFaultyServer } from "../support/faulty-server.ts";
import { freePort } from "../support/free-port.ts";
import { createBucket, startGcsVerifier } from "../google/store.ts";
import { isFullRun } from "../support/full-run.ts";
import { BY_HMAC, HMAC } from "../support/gcs-store.ts";
import { makeBucket } from "../support/make-bucket.ts";
import { need } from "../support/need.ts";
import { s3Client } from "../support/s3-store.ts";
import { serve } from "../support/serve.ts";

await import("../support/few-rounds.ts");
// An examination ends by itself, when nothing is kept for ten minutes.
vi.setConfig({ testTimeout: 0 });

const server = await need("minio");
const fakeGcs = await need("fakeGcs");

const ACCESS_KEY = "an-access-key";
const SECRET = "a-secret-key-of-the-tests";

/** What the last one wrote. */
let result = "";
let told = "";

/** Runs `valetkey certify` as a person does, and returns its exit code. */
async function certify(args: ReadonlyArray<string>, env = {}): Promise<number> {
  const keys = { STORAGE_ACCESS_KEY: ACCESS_KEY, STORAGE_SECRET_KEY: SECRET };
  const { code, stdout, stderr } = await valetkey(["certify", ...args], { ...keys, ...env });
  [result, told] = [stdout, stderr];
  return code;
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
    const certificate = JSON.parse(result);
    const { promises, date, digest, ...facts } = certificate;
    expect(facts).toEqual({
      contract: 3,
      valetkey: expect.stringMatching(/^\d+\.\d+\.\d+/),
      adapter: "minio",
      provider: "minio",
      server: "MinIO",
      endpoint: env.STORAGE_ENDPOINT,
      region: "us-east-1",
      state: { versions: "none", rules: [] },
      answers: expect.arrayContaining(["PUT If-None-Match: 412 PreconditionFailed"]),
    });
    expect(date).toBe(new Date(date).toISOString().slice(0, 10));
    expect(digest).toBe(digestOf(certificate));
    expect(promises.length).toBeGreaterThan(70);
    expect(new Set(promises.map(({ outcome }: { outcome: string }) => outcome))).toEqual(
      new Set(["kept"]),
    );
    await expect.poll(bucketsOfCertify).toEqual([]);
  });

  if (isFullRun) {
    it("proves of a provider of which little is known what it really does", async () => {
      expect(await certify([server?.endpoint ?? ""], keys()), told).toBe(1);
      // Nothing forbids the headers that it obeys, and this key may copy what is there.
      expect(told.match(/(?<=broken: no unsigned header )[^,]+/g)).toEqual([
        "writes under another key",
        "stores other bytes",
        "removes the file",
      ]);
      expect(result).toMatch(
        /^Possible: files in parts.*\.\nPossible by this certificate: part sha256, .*write-once\.\n\n/m,
      );
      expect(result).toContain("made for it alone, so it configures no service");
      await expect.poll(bucketsOfCertify).toEqual([]);
    });

    it("is compared with its certificate after it stopped keeping a promise, as a job does it", async () => {
      const target = new URL(server?.endpoint ?? "");
      const forgetful = new Set<string>();
      const { origin: endpoint } = await serve((incoming, response) => {
        const { method, url: path, headers } = incoming;
        const kept = Object.entries(headers).filter(([name]) => !forgetful.has(name));
        const options = { method, path, headers: Object.fromEntries(kept) };
        const onward = request(target, options, (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
          answer.pipe(response);
        });
        onward.on("error", () => response.destroy());
        incoming.pipe(onward);
      });
      const folder = await mkdtemp(join(tmpdir(), "valetkey-certify-"));
      onTestFinished(() => rm(folder, { recursive: true }));
      const file = join(folder, "certificate.json");
      const bucket = `certify-${crypto.randomUUID()}`;
      const env = { ...keys(), STORAGE_PROVIDER: "minio", STORAGE_BUCKET: bucket };
      await makeBucket({ ...env, STORAGE_ENDPOINT: endpoint });
      expect(await certify([endpoint, "--output", file], env), told).toBe(0);
      const text = await readFile(file, "utf8");
      expect(JSON.parse(text)).toMatchObject({ bucket });
      forgetful.add("x-amz-copy-source-if-match");
      expect(await certify([endpoint, "--compare", file], env), told).toBe(1);
      expect(result).toMatch(
        /^broken, was kept: an upload that was replaced since it was looked at is not copied/m,
      );
      expect(result).toMatch(/^broken, was kept: an upload that is replaced while it is copied/m);
      for (const line of result.trim().split("\n")) {
        expect(line).toMatch(/^(?:broken, was kept: |not tried, was kept: .*needs copies)/);
      }
      await writeFile(file, text.replace('"kept"', '"broken"'));
      expect(await certify([endpoint, "--compare", file], env)).toBe(2);
      expect(told).toContain("was changed since certify wrote it");
    });

    it("is left as it was after Ctrl-C, with a certificate of what was tried", async () => {
      const folder = await mkdtemp(join(tmpdir(), "valetkey-certify-"));
      onTestFinished(() => rm(folder, { recursive: true }));
      const file = join(folder, "certificate.json");
      const args = ["deploy/cli.ts", "certify", server?.endpoint ?? "", "--output", file];
      const child = spawn("node", args, { env: { PATH: process.env["PATH"], ...keys() } });
      let errors = "";
      child.stderr.on("data", (chunk) => {
        errors += chunk;
        if (!child.killed && /^9\/\d+ kept/m.test(errors)) child.kill("SIGINT");
      });
      const [code] = await once(child, "exit");
      expect(code, errors).toBe(2);
      expect(errors).toContain("Not everything was tried: it was interrupted.");
      const { promises } = JSON.parse(await readFile(file, "utf8"));
      const outcomes = Map.groupBy(promises, ({ outcome }: { outcome: string }) => outcome);
      expect(outcomes.get("kept")?.length).toBeGreaterThan(7);
      expect(outcomes.get("not tried")?.length).toBeGreaterThan(50);
      await expect.poll(bucketsOfCertify).toEqual([]);
    });

    it("that loses every tenth answer has a certificate of most promises", async () => {
      const target = new URL(server?.endpoint ?? "");
      const proxy = await startFaultyServer(target);
      onTestFinished(() => proxy.close());
      let asked = 0;
      const lose = (name: string) => {
        asked += 1;
        if (asked % 20 === 0 && !name.endsWith("bucket")) throw new Error("lost");
      };
      proxy.state.onPass = lose;
      const env = { ...keys(), STORAGE_PROVIDER: "minio" };
      await certify(["--json", proxy.url.origin], env);
      const { promises } = JSON.parse(result);
      const outcomes = promises.map(({ outcome }: { outcome: string }) => outcome);
      expect(outcomes).not.toContain("broken");
      const kept = outcomes.filter((outcome: string) => outcome === "kept");
      expect(kept.length).toBeGreaterThan(promises.length / 2);
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
    const { adapter, promises } = JSON.parse(result);
    expect(adapter).toBe("gcs");
    expect(told).not.toContain("could not be removed");
    expect(promises.length).toBeGreaterThan(70);
    const { items } = await (await fetch(`${upstream}/storage/v1/b/${bucket}/o`)).json();
    expect(items ?? []).toEqual([]);
  });
});

it("a store that verifies nothing gets a certificate of what it did, without a secret", async () => {
  const seen = new Set<string>();
  const { origin: endpoint } = await serve(credulous(seen));
  const env = { STORAGE_SESSION_TOKEN: "a-session-token-of-the-tests" };
  expect(await certify([endpoint], env)).toBe(1);
  expect(result).toContain("a PUT with one digit of the signature changed is refused");
  expect(result).toContain("the store answered with 200 instead of 400 or 401 or 403");
  expect(result).toContain("Credulous/1.0");
  const danger = /^DANGER: .*\n {2}a stored object cannot be read without a signature\n/m;
  const parts = result.split("\n\n").map((each) => danger.test(each));
  expect(parts).toEqual(parts.map((_, at) => at === 0 || at === parts.length - 1));
  expect(seen.size).toBeGreaterThan(100);
  for (const secret of [...seen, ACCESS_KEY, SECRET, ...Object.values(env)]) {
    expect(result + told).not.toContain(secret);
  }
});

/** One of the first promises of those that are tried after the abilities. */
const isInTheMiddle = ({ headers }: IncomingMessage) => headers.host === "store.example.com";

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

  it.each([
    ["refuses to answer", (request: IncomingMessage) => void request.destroy()],
    ...(isFullRun ? [["hangs", () => undefined] as const] : []),
  ] as const)("is certified as far as it was tried: in the middle it %s", async (_, end) => {
    const store = credulous(new Set());
    let isGone = false;
    const { origin: endpoint } = await serve((request, response) => {
      isGone ||= isInTheMiddle(request);
      if (isGone) end(request);
      else store(request, response);
    });
    expect(await certify([endpoint])).toBe(2);
    expect(told).toMatch(/Not everything was tried: it no longer answers: /);
    expect(result).toMatch(/^kept .*\n/m);
    expect(result).toMatch(/^not tried .*\n {10}it no longer answers/m);
    expect(told).toMatch(
      /This could not be removed again:\n {2}(?:incoming\/)?orgs\/certify-[0-9a-f]{8}\/files\/\S+ in the bucket /,
    );
  });

  it("is certified as far as it has room", async () => {
    const store = credulous(new Set());
    let puts = 0;
    const { origin: endpoint } = await serve((request, response) => {
      if (request.method === "PUT" && !request.url?.includes("?versioning")) puts += 1;
      if (request.method === "PUT" && puts > 30) {
        request.resume();
        response.writeHead(507).end();
      } else store(request, response);
    });
    expect(await certify([endpoint])).toBe(1);
    expect(result).toContain("the store answered with 507");
    expect(result).not.toMatch(/^broken .*\n +the store answered with 507/m);
  });

  it("is not tried if its certificate could not be written", async () => {
    const seen = new Set<string>();
    const { origin: endpoint } = await serve(credulous(seen));
    for (const [file, why] of [
      [tmpdir(), "it is no regular file"],
      [join(tmpdir(), "no", "such", "folder.json"), "ENOENT"],
    ] as const) {
      expect(await certify([endpoint, "--output", file])).toBe(73);
      expect(told).toContain(`cannot be written (${why})`);
    }
    expect(seen.size).toBe(0);
  });

  it.each([
    [{}, "https://github.com/valetkey/valetkey/blob/main/docs/stores.md#certify-your-own-store"],
    [{ STORAGE_ADAPTER: "minio" }, "STORAGE_ENDPOINT must be"],
    [{ STORAGE_ADAPTER: "gcs", STORAGE_ACCESS_KEY: HMAC.accessKey }, "STORAGE_BUCKET must be set"],
  ])("is told in words: %j configures none", async (env, words) => {
    expect(await certify([], env)).toBe(2);
    expect(told).toContain("No store can be certified");
    expect(told).toContain(words);
  });
});
