import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import { createBucket, startGcsVerifier } from "../google/store.ts";
import { STRICT } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { runToEnd } from "../support/service-process.ts";
import {
  type Change,
  client,
  doctor,
  failures,
  leastPrivilege,
  leastPrivilegeForIncoming,
  newBucket,
  objectsIn,
  proxy,
  server,
  strict,
} from "./doctor.ts";

// The doctor on real stores, for what only they answer. What it says of each fault is in
// tests/cli/doctor.test.ts, where a store in this process differs in one thing.

const fakeGcs = await need("fakeGcs");
const HOLE = expect.stringContaining("CVE-2026-41145");

describe.skipIf(server === undefined)("valetkey doctor on MinIO", () => {
  it("finds nothing but the hole of this MinIO where everything is set up, and leaves no object", async () => {
    const bucket = await newBucket();
    const { host } = new URL(strict().endpoint);
    const env = {
      STORAGE_BUCKET: bucket,
      STORAGE_PUBLIC_ENDPOINT: `http://${host.replace("127.0.0.1", "localhost")}`,
      ...(await leastPrivilege(bucket)),
    };
    const report = await doctor(env);
    expect(failures(report)).toEqual([HOLE]);
    expect(report.code).toBe(1);
    expect(await objectsIn(bucket)).toEqual([]);
    expect(report.findings.filter(({ verdict }) => verdict === "could not tell")).toEqual([
      expect.objectContaining({
        check: "lifecycle",
        mend: expect.stringContaining("valetkey policy diagnose"),
      }),
    ]);
  });

  it("examines a bucket whose uploads wait, with keys for that, and names the rule that it lacks", async () => {
    const bucket = await newBucket();
    const report = await doctor({
      STORAGE_BUCKET: bucket,
      ...(await leastPrivilegeForIncoming(bucket)),
      STORAGE_POLICIES: JSON.stringify({ files: { arrival: "incoming" } }),
    });
    expect(failures(report)).toEqual([
      HOLE,
      expect.stringContaining("incoming: uploads wait below incoming/, and the bucket has no rule"),
    ]);
    for (const seen of ["an upload is seen as it was granted", "the same bytes were read back"]) {
      expect(report.findings).toContainEqual(expect.objectContaining({ verdict: "passed", seen }));
    }
    expect(report.findings.filter(({ verdict }) => verdict === "could not tell")).toEqual([]);
    expect(await objectsIn(bucket)).toEqual([]);
  });

  it("names a key that may do everything, an open bucket, rules that remove files, and an origin that is not allowed", async () => {
    const bucket = await newBucket();
    const Statement = ["s3:ListBucket", "s3:GetObject"].map((Action) => ({
      Effect: "Allow",
      Principal: { AWS: ["*"] },
      Action: [Action],
      Resource: [`arn:aws:s3:::${bucket}${Action.endsWith("Object") ? "/*" : ""}`],
    }));
    await client().setBucketPolicy(bucket, JSON.stringify({ Version: "2012-10-17", Statement }));
    await client().setBucketLifecycle(bucket, {
      Rule: [rule("tidy", { Prefix: "" }, 1), rule("soon", { Prefix: "incoming/" }, 2)],
    } as never);
    const policies = {
      files: { arrival: "incoming", unconfirmed_after: "3 days" },
      direct: {},
    };
    const env = { STORAGE_BUCKET: bucket, STORAGE_POLICIES: JSON.stringify(policies) };
    const origins = ["--origin", STRICT.origin, "--origin", "https://other.example"];
    const report = await doctor(env, ...origins);
    expect(failures(report)).toEqual([
      expect.stringContaining("cors: https://other.example: the preflight"),
      "public access: everybody can list the bucket without a signature",
      "public access: everybody can read an object without a signature",
      expect.stringContaining("list the bucket, read objects, remove objects, as the root user"),
      HOLE,
      "incoming: the rule soon removes what is below incoming/ 2 days after it was stored, and a policy waits 3 days",
      "lifecycle: the rule tidy removes every file 1 day after it was stored",
    ]);
  });

  it.each([
    [{ STORAGE_SECRET_KEY: "not-the-secret" }, /^bucket: the secret key is wrong; check STORAGE_S/],
    [{ STORAGE_REGION: "us-east-1" }, /^region: the bucket is in eu-central-1, and STORAGE_REGION/],
    [{ STORAGE_BUCKET: "nowhere-to-be-found" }, /^bucket: the bucket nowhere-to-be-found does not/],
  ] as const)("names what is wrong in %j", async (env, seen) => {
    const report = await doctor({ STORAGE_BUCKET: await newBucket(), ...env });
    expect(failures(report)).toEqual([expect.stringMatching(seen)]);
    expect(report.output).not.toContain("not-the-secret");
    expect(report.code).toBe(1);
  });

  it.each<[string, "" | "PUBLIC_", Change, RegExp]>([
    [
      "adds a header before browsers",
      "PUBLIC_",
      { headers: (headers) => (headers["x-amz-meta-via"] = "proxy") },
      /^proxy: a proxy on the way adds an x-amz-\* header, which nobody signed; so http:/,
    ],
    [
      "sends bodies in chunks before browsers",
      "PUBLIC_",
      {
        headers: (headers) => {
          if (headers["content-length"] === undefined) return;
          delete headers["content-length"];
          headers["transfer-encoding"] = "chunked";
        },
      },
      /^upload: .* \(411 MissingContentLength\), and the same at/,
    ],
    [
      "changes Host",
      "",
      { headers: (headers) => (headers.host = new URL(strict().endpoint).host) },
      /^bucket: the secret key is wrong; check STORAGE_S/,
    ],
    [
      "removes Content-Type",
      "",
      { headers: (headers) => delete headers["content-type"] },
      /^proxy: a proxy on the way removes a signed header, Content-Type or Content-Length/,
    ],
    [
      "adds Content-Encoding",
      "",
      { headers: (headers) => (headers["content-encoding"] = "gzip") },
      /^confirm: an upload is seen otherwise than it was granted: content-encoding is gzip/,
    ],
  ])("names a proxy that %s", async (_, use, change, seen) => {
    const bucket = await newBucket();
    const place = { [`STORAGE_${use}ENDPOINT`]: await proxy(change) };
    const report = await doctor({
      STORAGE_BUCKET: bucket,
      ...(await leastPrivilege(bucket)),
      ...place,
    });
    expect(failures(report)).toContainEqual(expect.stringMatching(seen));
  });
});

const rule = (ID: string, Filter: object, Days: number) => ({
  ID,
  Status: "Enabled",
  Filter,
  Expiration: { Days },
});

describe.skipIf(fakeGcs === undefined)("valetkey doctor on Cloud Storage", () => {
  it("examines a bucket, and leaves no object", async () => {
    const bucket = `doctor-${crypto.randomUUID()}`;
    const upstream = fakeGcs ?? "";
    await createBucket(upstream, bucket);
    const account = "signer@project.iam.gserviceaccount.com";
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const rsa = new Map([[account, publicKey]]);
    const store = await startGcsVerifier({ upstream, rsa, hmac: new Map() });
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
    for (const check of ["upload", "download", "confirm", "parts", "scratch"]) {
      expect(verdicts).toContain(`${check} passed`);
    }
    const left = await fetch(`${upstream}/storage/v1/b/${bucket}/o`);
    expect(((await left.json()) as { items?: unknown }).items ?? []).toEqual([]);
  });
});

/** Runs the doctor on an embedded store whose folder is a disk of 1 MiB of its own. */
const onSmallDisk = (prepare: string) =>
  runToEnd({ STORAGE_ADAPTER: "local" }, [
    "/usr/bin/unshare",
    "--map-root-user",
    "--mount",
    "sh",
    "-ec",
    `mount -t tmpfs -o size=1m,mode=700 tmpfs /mnt; cd /mnt; ${prepare}; cd "$OLDPWD"
STORAGE_LOCAL_DIR=/mnt exec ${process.execPath} deploy/cli.ts doctor`,
  ]);

const MADE = "mkdir objects temporary; head -c 32 /dev/zero | base64 > secret";

describe.skipIf(!(await need("mounts")))("valetkey doctor on the embedded store", () => {
  it.each([
    ["a read-only disk", "mount -o remount,ro /mnt", "is read-only", "mount it for writing"],
    [
      "a read-only disk that has a store",
      `${MADE}; mount -o remount,ro /mnt`,
      "is read-only",
      "mount it for writing",
    ],
    [
      "a full disk",
      `${MADE}; head -c 2000000 /dev/zero > full || true`,
      "the disk is full",
      "free some space",
    ],
  ])("names %s", async (_, prepare, seen, mend) => {
    const { code, output } = await onSmallDisk(prepare);
    expect(output).toMatch(new RegExp(`FAILED +folder: .*${seen}`));
    expect(output).toContain(`Mend: ${mend}`);
    expect(output).not.toMatch(/\n\s+at /);
    expect(code).toBe(1);
  });
});
