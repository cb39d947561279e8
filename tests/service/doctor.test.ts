import { generateKeyPairSync } from "node:crypto";
import type { RequestListener } from "node:http";
import { buffer } from "node:stream/consumers";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { freePort } from "../support/free-port.ts";
import { createBucket, startGcsVerifier } from "../google/store.ts";
import { STRICT } from "../support/minio.ts";
import { need } from "../support/need.ts";
import {
  client,
  clientOf,
  doctor,
  failures,
  leastPrivilege,
  listen,
  newBucket,
  objectsIn,
  proxy,
  server,
  strict,
} from "./doctor.ts";

// Each fault is made on a real server or on the way to it, and the doctor has to name it.

const other = await need("minio");
const fakeGcs = await need("fakeGcs");

describe.skipIf(server === undefined || other === undefined)("valetkey doctor", () => {
  it("finds nothing but the hole of this MinIO where everything is set up, and leaves no object", async () => {
    const bucket = await newBucket();
    const report = await doctor({ STORAGE_BUCKET: bucket, ...(await leastPrivilege(bucket)) });
    expect(failures(report)).toEqual([expect.stringContaining("CVE-2026-41145")]);
    expect(report.code).toBe(1);
    expect(await objectsIn(bucket)).toEqual([]);
    const versioning = report.findings.find(({ check }) => check === "versioning");
    expect(versioning).toMatchObject({
      verdict: "could not tell",
      mend: expect.stringContaining("valetkey policy diagnose"),
    });
  });

  it("tells how the bucket is set up to a service whose key may also look at that", async () => {
    const bucket = await newBucket();
    const keys = await leastPrivilege(bucket, ["service", "diagnose"]);
    const { findings } = await doctor({ STORAGE_BUCKET: bucket, ...keys });
    expect(findings.filter(({ verdict }) => verdict === "could not tell")).toEqual([]);
    expect(findings.map(({ check }) => check)).toContain("versioning");
  });

  it("names a signing key that may do everything", async () => {
    const report = await doctor({ STORAGE_BUCKET: await newBucket() });
    const found = failures(report).join("\n");
    expect(found).toContain("list the bucket, read objects, remove objects, as the root user");
    // The signature forbids the others.
    expect(found).toContain("an unsigned x-amz-storage-class locks, moves or encrypts the file");
    expect(found).not.toContain("x-amz-copy-source");
  });

  it("names a wrong secret, and does not print it", async () => {
    const wrong = "not-the-secret-of-the-key";
    const report = await doctor({ STORAGE_BUCKET: await newBucket(), STORAGE_SECRET_KEY: wrong });
    expect(failures(report)[0]).toContain(
      "bucket: the secret key is wrong; check STORAGE_SECRET_KEY",
    );
    expect(report.output).not.toContain(wrong);
    expect(report.code).toBe(1);
  });

  it("names the region that the bucket is in", async () => {
    const report = await doctor({ STORAGE_BUCKET: await newBucket(), STORAGE_REGION: "us-east-1" });
    expect(failures(report)).toEqual([
      "region: the bucket is in eu-central-1, and STORAGE_REGION is us-east-1",
    ]);
    expect(report.findings.find(({ check }) => check === "region")?.mend).toBe(
      "STORAGE_REGION=eu-central-1",
    );
  });

  it("names a bucket that does not exist, and does not make it", async () => {
    const bucket = `nowhere-${crypto.randomUUID()}`;
    const report = await doctor({ STORAGE_BUCKET: bucket, STORAGE_CREATE_BUCKET: "on" });
    expect(failures(report)).toEqual([
      expect.stringContaining(`the bucket ${bucket} does not exist`),
    ]);
    expect(await client().bucketExists(bucket)).toBe(false);
  });

  it.each([
    [20, "ahead of"],
    [-20, "behind"],
  ])(
    "names a clock that is %d minutes off, and goes on with the store's time",
    async (minutes, how) => {
      const bucket = await newBucket();
      const keys = await leastPrivilege(bucket);
      const { now } = Date;
      vi.spyOn(Date, "now").mockImplementation(() => now() + minutes * 60_000);
      const report = await doctor({ STORAGE_BUCKET: bucket, ...keys });
      expect(failures(report)).toEqual([
        `clock: this machine's clock is 20 min ${how} the store's`,
        expect.stringContaining("CVE-2026-41145"),
      ]);
    },
  );

  it("names an origin that the store does not allow", async () => {
    const origins = ["--origin", STRICT.origin, "--origin", "https://other.example"];
    const report = await doctor({ STORAGE_BUCKET: await newBucket() }, ...origins);
    const cors = report.findings.filter(({ check }) => check === "cors");
    expect(cors.map(({ verdict }) => verdict)).toEqual(["passed", "failed"]);
    expect(cors[1]?.seen).toContain("https://other.example: the preflight");
  });

  it("names a public endpoint that leads to another store", async () => {
    const bucket = await newBucket();
    if (other === undefined) throw new Error("there is no other MinIO");
    await clientOf(other).makeBucket(bucket);
    const env = { STORAGE_BUCKET: bucket, STORAGE_PUBLIC_ENDPOINT: other.endpoint };
    const found = failures(await doctor(env));
    expect(found).toContainEqual(
      expect.stringMatching(/^same bucket: what was put at .* is not found/),
    );
  });

  it("names a public endpoint where nothing listens", async () => {
    const bucket = await newBucket();
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const found = failures(
      await doctor({ STORAGE_BUCKET: bucket, STORAGE_PUBLIC_ENDPOINT: endpoint }),
    );
    expect(found[0]).toBe(
      `public endpoint: ${endpoint} refuses the connection: nothing listens there`,
    );
  });

  it("names a bucket that everybody can list and read", async () => {
    const bucket = await newBucket();
    const Statement = ["s3:ListBucket", "s3:GetObject"].map((Action) => ({
      Effect: "Allow",
      Principal: { AWS: ["*"] },
      Action: [Action],
      Resource: [`arn:aws:s3:::${bucket}${Action.endsWith("Object") ? "/*" : ""}`],
    }));
    await client().setBucketPolicy(bucket, JSON.stringify({ Version: "2012-10-17", Statement }));
    const found = failures(await doctor({ STORAGE_BUCKET: bucket })).join("\n");
    expect(found).toContain("everybody can list the bucket without a signature");
    expect(found).toContain("everybody can read an object without a signature");
  });

  it("names a proxy that changes the header Host", async () => {
    const { host } = new URL(strict().endpoint);
    const endpoint = await proxy({ headers: (headers) => (headers.host = host) });
    const found = failures(
      await doctor({ STORAGE_BUCKET: await newBucket(), STORAGE_PUBLIC_ENDPOINT: endpoint }),
    );
    expect(found).toContainEqual(
      expect.stringMatching(/^hosts: .* a proxy there changes the header Host/),
    );
    expect(found).toContainEqual(
      expect.stringContaining(`upload: a PUT to ${endpoint} was refused`),
    );
  });

  it.each([
    [
      "x-amz-meta-via",
      "a proxy on the way adds an x-amz-* header, which nobody signed; so http://127.0.0.1",
    ],
    ["x-amz-tagging", "accepted: something there changes the request"],
  ])("names the header %s that a proxy adds", async (name, seen) => {
    const endpoint = await proxy({ headers: (headers) => (headers[name] = "via=proxy") });
    const found = failures(
      await doctor({ STORAGE_BUCKET: await newBucket(), STORAGE_PUBLIC_ENDPOINT: endpoint }),
    );
    expect(found).toContainEqual(expect.stringContaining(seen));
  });

  it("names a missing rule for uploads that nobody confirms, and sees that the mark is taken off", async () => {
    const STORAGE_POLICIES = '{"files": {"unconfirmed_after": "3 days", "write_once": true}}';
    const report = await doctor({ STORAGE_BUCKET: await newBucket(), STORAGE_POLICIES });
    expect(failures(report)).toContain(
      "lifecycle: a policy sets unconfirmed_after, and the bucket has no rule for it",
    );
    const seen = report.findings.map(({ seen }) => seen);
    expect(seen).toContain("the mark of unconfirmed uploads is taken off");
  });

  it("names a rule that removes every file after a day, and one that removes uploads too soon", async () => {
    const bucket = await newBucket();
    const pending = { Tag: { Key: "valetkey", Value: "pending" } };
    await client().setBucketLifecycle(bucket, {
      Rule: [rule("tidy", { Prefix: "" }, 1), rule("soon", pending, 2)],
    } as never);
    const STORAGE_POLICIES = '{"files": {"unconfirmed_after": "3 days", "write_once": true}}';
    const found = failures(await doctor({ STORAGE_BUCKET: bucket, STORAGE_POLICIES }));
    expect(found.filter((each) => each.startsWith("lifecycle"))).toEqual([
      "lifecycle: the rule soon removes every file with the tag valetkey=pending 2 days after it was stored, and a policy waits 3 days",
      "lifecycle: the rule tidy removes every file 1 day after it was stored",
    ]);
  });

  it.skipIf(fakeGcs === undefined)(
    "examines a bucket of Google's, and leaves no object",
    async () => {
      const bucket = `doctor-${crypto.randomUUID()}`;
      const upstream = fakeGcs ?? "";
      await createBucket(upstream, bucket);
      const account = "signer@project.iam.gserviceaccount.com";
      const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      const rsa = new Map([[account, publicKey]]);
      const store = await startGcsVerifier({ upstream, bucket, rsa, hmac: new Map() });
      onTestFinished(store.close);
      const report = await doctor({
        STORAGE_ADAPTER: "gcs",
        STORAGE_ENDPOINT: `http://127.0.0.1:${store.port}`,
        STORAGE_BUCKET: bucket,
        STORAGE_ACCESS_KEY: "",
        STORAGE_SECRET_KEY: "",
        STORAGE_REGION: "",
        STORAGE_GCS_CREDENTIALS: JSON.stringify({
          type: "service_account",
          client_email: account,
          private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
        }),
      });
      const verdicts = report.findings.map(({ check, verdict }) => `${check} ${verdict}`);
      // The double has no rules, neither for pages nor for parts.
      expect(failures(report)).toEqual([
        expect.stringMatching(/^cors: /),
        expect.stringMatching(/^abandoned parts: /),
      ]);
      for (const check of ["upload", "download", "confirm", "parts", "promise", "scratch"]) {
        expect(verdicts).toContain(`${check} passed`);
      }
      const left = await fetch(`${upstream}/storage/v1/b/${bucket}/o`);
      expect(((await left.json()) as { items?: unknown }).items ?? []).toEqual([]);
    },
  );

  it("names each promise that a store does not keep", async () => {
    const env = { STORAGE_BUCKET: "files", STORAGE_ENDPOINT: await listen(trustingStore()) };
    const found = failures(await doctor(env)).join("\n");
    for (const promise of [
      "another type",
      "one byte longer",
      "its sha256",
      "its crc32c",
      "write-once",
    ]) {
      expect(found).toContain(promise);
    }
  });

  it("ends with 1 where nothing listens", async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const { code, findings } = await doctor({ STORAGE_ENDPOINT: endpoint });
    expect(code).toBe(1);
    expect(findings.at(-1)?.seen).toContain("the store cannot be reached");
  });

  it("ends within 15 seconds with 1 if the store takes connections and does not answer", async () => {
    const endpoint = await listen(() => undefined);
    const { code, findings } = await doctor({ STORAGE_ENDPOINT: endpoint });
    expect(code).toBe(1);
    expect(JSON.stringify(findings)).toContain("does not answer within 7 seconds");
  }, 15_000);

  it("ends with 1 if the store answers questions, and no upload", async () => {
    const store = trustingStore();
    const endpoint = await listen((incoming, response) => {
      if (incoming.method !== "PUT") store(incoming, response);
      else incoming.socket.destroy();
    });
    const report = await doctor({ STORAGE_ENDPOINT: endpoint, STORAGE_BUCKET: "files" });
    expect(failures(report)).toContainEqual(expect.stringMatching(/^upload: .* was not answered/));
    expect(report.code).toBe(1);
  });

  it("ends with 2 if the configuration is wrong", async () => {
    const { code, output } = await doctor({ STORAGE_ENDPOINT: "not a URL" });
    expect(code).toBe(2);
    expect(output).toContain("The doctor cannot run: invalid configuration");
  });
});

const rule = (ID: string, Filter: object, Days: number) => ({
  ID,
  Status: "Enabled",
  Filter,
  Expiration: { Days },
});

/**
 * A store of S3's API that verifies nothing but whether there is a signature. No real one of these
 * tests is so trusting.
 */
function trustingStore(): RequestListener {
  const objects = new Map<string, Buffer>();
  return async (incoming, response) => {
    const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://store");
    const body = await buffer(incoming);
    if (/^0+$/.test(searchParams.get("X-Amz-Signature") ?? "")) {
      response.writeHead(403).end("<Error><Code>SignatureDoesNotMatch</Code></Error>");
      return;
    }
    if (incoming.method === "PUT") objects.set(pathname, body);
    if (incoming.method === "DELETE") objects.delete(pathname);
    const object = objects.get(pathname);
    if (incoming.method === "DELETE" || object !== undefined) {
      response.writeHead(200, { etag: '"0"' }).end(incoming.method === "GET" ? object : "");
    } else if (searchParams.has("max-keys")) response.end("<ListBucketResult/>");
    else response.writeHead(404).end("<Error><Code>NoSuchKey</Code></Error>");
  };
}
