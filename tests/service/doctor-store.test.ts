import { generateKeyPairSync } from "node:crypto";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { createBucket, startGcsVerifier } from "../google/store.ts";
import { useFewHeaders } from "../support/few-headers.ts";
import { STRICT } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { runToEnd } from "../support/service-process.ts";
import {
  client,
  doctor,
  type Env,
  failures,
  leastPrivilege,
  leastPrivilegeForIncoming,
  makeKeyedBucket,
  newBucket,
  objectsIn,
  server,
  strict,
} from "./doctor.ts";

// Faults of a real store, of its bucket and of its keys. Those on the way to it are in
// doctor-network.test.ts; tests/cli/doctor.test.ts has a store in this process that differs in one thing.

let keyed: Awaited<ReturnType<typeof makeKeyedBucket>>;
const fakeGcs = await need("fakeGcs");

describe.skipIf(server === undefined)("valetkey doctor where everything is set up", () => {
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
});

describe.skipIf(server === undefined)("valetkey doctor", () => {
  useFewHeaders();
  beforeAll(async () => {
    keyed = await makeKeyedBucket();
  });

  it("tells how the bucket is set up to a service whose key may also look at that", async () => {
    const bucket = await newBucket();
    const keys = await leastPrivilege(bucket, ["service", "diagnose"]);
    const { findings } = await doctor({ STORAGE_BUCKET: bucket, ...keys });
    expect(findings.filter(({ verdict }) => verdict === "could not tell")).toEqual([]);
    expect(findings.map(({ check }) => check)).toContain("versioning");
  });

  it("examines a bucket whose uploads wait, with keys for that, and names the rule that it lacks", async () => {
    const bucket = await newBucket();
    const env = {
      STORAGE_BUCKET: bucket,
      ...(await leastPrivilegeForIncoming(bucket)),
      STORAGE_POLICIES: JSON.stringify({ files: { arrival: "incoming" } }),
    };
    const report = await doctor(env);
    expect(failures(report)).toEqual([
      expect.stringContaining("CVE-2026-41145"),
      expect.stringContaining("incoming: uploads wait below incoming/, and the bucket has no rule"),
    ]);
    expect(report.findings).toContainEqual(
      expect.objectContaining({
        verdict: "passed",
        seen: "what was looked at below incoming/ is copied to its place, and nothing else",
      }),
    );
    expect(report.findings).toContainEqual(
      expect.objectContaining({ verdict: "passed", seen: "the same bytes were read back" }),
    );
    expect(await objectsIn(bucket)).toEqual([]);
  });

  it("names a signing key that may do everything", async () => {
    const report = await doctor({ STORAGE_BUCKET: await newBucket() });
    const found = failures(report).join("\n");
    expect(found).toContain("list the bucket, read objects, remove objects, as the root user");
    // The signature forbids these, or confirm answers 409.
    expect(found).not.toContain("an unsigned");
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

  it("names a rule that removes every file after a day, and one that removes uploads too soon", async () => {
    const bucket = await newBucket();
    await client().setBucketLifecycle(bucket, {
      Rule: [rule("tidy", { Prefix: "" }, 1), rule("soon", { Prefix: "incoming/" }, 2)],
    } as never);
    const STORAGE_POLICIES = '{"files": {"arrival": "incoming", "unconfirmed_after": "3 days"}}';
    const found = failures(await doctor({ STORAGE_BUCKET: bucket, STORAGE_POLICIES }));
    expect(found.filter((each) => each.includes("the rule"))).toEqual([
      "incoming: the rule soon removes what is below incoming/ 2 days after it was stored, and a policy waits 3 days",
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

  it.each<[string, () => Env, RegExp, string]>([
    [
      "a secret in quotes",
      () => ({ STORAGE_PUT_SECRET_KEY: `"${keyed.keys["STORAGE_PUT_SECRET_KEY"]}"` }),
      /^upload: .*the secret key is wrong; check STORAGE_PUT_SECRET_KEY/,
      "STORAGE_PUT_SECRET_KEY has quotes around it",
    ],
    [
      "an access key and its secret that are swapped",
      () => ({
        STORAGE_PUT_ACCESS_KEY: "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYzz",
        STORAGE_PUT_SECRET_KEY: "AKIAIOSFODNN7EXAMPLE",
      }),
      /^upload: .*does not know the access key; check STORAGE_PUT_ACCESS_KEY/,
      "so the two may be swapped",
    ],
    [
      "a session token that is missing",
      () => ({ STORAGE_PUT_SESSION_TOKEN: "" }),
      /^upload: .*the session token is invalid or has expired; renew STORAGE_PUT_SESSION_TOKEN/,
      "set STORAGE_PUT_SESSION_TOKEN to the token that came with the key",
    ],
    [
      "the keys for uploads and downloads that are swapped",
      swapped,
      /^upload: .*the key may not put .*; the key for downloads may put/,
      "swap STORAGE_PUT_ACCESS_KEY and STORAGE_GET_ACCESS_KEY",
    ],
    [
      "a wrong secret for downloads",
      () => ({ STORAGE_GET_SECRET_KEY: "not-the-secret" }),
      /^download: .*the secret key is wrong; check STORAGE_GET_SECRET_KEY/,
      "correct STORAGE_GET_ACCESS_KEY and STORAGE_GET_SECRET_KEY",
    ],
    [
      "a key of the service that does not exist",
      () => ({
        STORAGE_ACCESS_KEY: "nobody",
        STORAGE_SECRET_KEY: "not-the-secret",
        STORAGE_SESSION_TOKEN: "",
      }),
      /^bucket: the store does not know the access key; check STORAGE_ACCESS_KEY/,
      "correct STORAGE_ACCESS_KEY and STORAGE_SECRET_KEY",
    ],
    [
      "the bucket's name in the endpoint",
      () => ({ STORAGE_PUBLIC_ENDPOINT: `${strict().endpoint}/${keyed.bucket}` }),
      /^upload: .*the key may not put/,
      "leave the bucket's name out of the endpoint",
    ],
  ])("names %s", async (_, env, expected, mend) => {
    const { found } = await keyed.examine(env());
    expect(found.map(({ check, seen }) => `${check}: ${seen}`)).toEqual([
      expect.stringMatching(expected),
    ]);
    expect(found[0]?.mend).toContain(mend);
  });

  it("says of no header that it is ignored where the service's key may not look", async () => {
    const { findings } = await doctor(
      { STORAGE_BUCKET: keyed.bucket, ...keyed.keys, STORAGE_SECRET_KEY: "not-the-secret" },
      "--leave",
    );
    const seen = findings.filter(({ check }) => check === "unsigned headers");
    expect(seen.map(({ seen }) => seen).join()).not.toMatch(/(?:tagging|customer-key) is ignored/);
    expect(findings).toContainEqual(
      expect.objectContaining({ check: "confirm", verdict: "could not tell" }),
    );
  });

  it("names a bucket of others, which no key may use", async () => {
    const { found } = await keyed.examine({ STORAGE_BUCKET: await newBucket() });
    expect(found.map(({ check }) => check)).toEqual(["bucket", "scratch"]);
    expect(found[0]?.mend).toContain("correct STORAGE_BUCKET");
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

/** The keys for uploads and downloads, each in the place of the other. */
const swapped = (): Env =>
  Object.fromEntries(
    Object.entries(keyed.keys).map(([name, value]) => [
      name.replace(/_(PUT|GET)_/, (_, use) => (use === "PUT" ? "_GET_" : "_PUT_")),
      value,
    ]),
  );

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
