import {
  CreateBucketCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterEach, describe, expect, it, vi } from "vitest";
import { allowedBy } from "../support/assume-role.ts";
import { valetkey } from "../support/command-line.ts";
import { isFullRun } from "../support/full-run.ts";
import { STRICT } from "../support/minio.ts";
import { leastPrivilege, proxy, server, strict } from "./doctor.ts";

// What a command makes in a bucket it removes: counted on a real server, with all versions.

afterEach(() => void vi.restoreAllMocks());

const client = () => {
  const { endpoint, accessKey: accessKeyId, secretKey: secretAccessKey } = strict();
  const credentials = { accessKeyId, secretAccessKey };
  return new S3Client({ endpoint, region: STRICT.region, forcePathStyle: true, credentials });
};

type Kind = "plain" | "versioned" | "suspended" | "locked" | "retained";
const KINDS: ReadonlyArray<Kind> = ["plain", "versioned", "suspended", "locked"];

async function bucketThatIs(kind: Kind): Promise<string> {
  const s3 = client();
  const Bucket = `left-${kind}-${crypto.randomUUID()}`;
  const ObjectLockEnabledForBucket = kind === "locked" || kind === "retained";
  await s3.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket }));
  if (kind === "versioned" || kind === "suspended") {
    for (const Status of kind === "versioned"
      ? (["Enabled"] as const)
      : (["Enabled", "Suspended"] as const)) {
      const VersioningConfiguration = { Status };
      await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    }
  }
  if (kind === "retained") {
    const DefaultRetention = { Mode: "COMPLIANCE", Days: 1 } as const;
    const ObjectLockConfiguration = {
      ObjectLockEnabled: "Enabled",
      Rule: { DefaultRetention },
    } as const;
    await s3.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }));
  }
  return Bucket;
}

/** Everything in a bucket: versions, delete markers and uploads in parts. */
async function leftIn(Bucket: string) {
  const s3 = client();
  const { Versions = [], DeleteMarkers = [] } = await s3.send(
    new ListObjectVersionsCommand({ Bucket }),
  );
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
  return [...Versions, ...DeleteMarkers, ...Uploads].map(({ Key }) => Key);
}

const environment = (bucket: string, over: Readonly<Record<string, string>> = {}) => ({
  STORAGE_ADAPTER: "minio",
  STORAGE_ENDPOINT: strict().endpoint,
  STORAGE_REGION: STRICT.region,
  STORAGE_ACCESS_KEY: strict().accessKey,
  STORAGE_SECRET_KEY: strict().secretKey,
  STORAGE_BUCKET: bucket,
  ...over,
});

/** A clock that is so many seconds behind. */
const behind = (seconds: number) => {
  const { now } = Date;
  vi.spyOn(Date, "now").mockImplementation(() => now() - seconds * 1000);
};

describe.skipIf(server === undefined)("nothing is left", () => {
  it.each(isFullRun ? KINDS : KINDS.slice(1, 2))(
    "by the doctor in a bucket that is %s",
    async (kind) => {
      const bucket = await bucketThatIs(kind);
      const { stdout } = await valetkey(["doctor"], environment(bucket));
      expect(stdout).toContain("confirm: an upload is seen as it was granted");
      expect(await leftIn(bucket)).toEqual([]);
      expect(stdout).toContain("scratch: every scratch object was removed");
    },
  );

  it.each(isFullRun ? KINDS : (["locked"] as const))(
    "by the doctor in a bucket that is %s, with a clock 90 seconds behind",
    async (kind) => {
      const bucket = await bucketThatIs(kind);
      behind(90);
      const { stdout } = await valetkey(["doctor"], environment(bucket));
      vi.restoreAllMocks();
      expect(stdout).toMatch(/clock: this machine's clock is \d+ min behind the store's/);
      expect(await leftIn(bucket)).toEqual([]);
      expect(stdout).toContain("scratch: every scratch object was removed");
    },
  );

  it("by a doctor that is interrupted before the answer to its first PUT, with a key that may not list versions", async () => {
    const bucket = await bucketThatIs("versioned");
    let isSent = false;
    const STORAGE_ENDPOINT = await proxy({
      sees: ({ method, url = "" }, { statusCode }) => {
        if (method !== "PUT" || statusCode !== 200 || isSent || !url.includes("/orgs/")) return;
        isSent = true;
        process.emit("SIGTERM", "SIGTERM");
      },
    });
    const keys = await leastPrivilege(bucket);
    const env = environment(bucket, { STORAGE_ENDPOINT, ...keys });
    const { code, stderr } = await valetkey(["doctor"], env);
    const told = "The doctor was interrupted; every scratch object was removed.\n";
    expect([code, stderr]).toEqual([2, told]);
    expect(isSent).toBe(true);
    expect(await leftIn(bucket)).toEqual([]);
  });

  it("by the doctor with a lock that holds new objects, which it says instead of writing", async () => {
    const bucket = await bucketThatIs("retained");
    const { code, stdout } = await valetkey(["doctor"], environment(bucket));
    expect(stdout).toContain(
      "scratch: nothing was written, since it could not be removed again: the bucket holds each new object for 1 day(s)",
    );
    expect(await leftIn(bucket)).toEqual([]);
    expect(code).toBe(1);
    const { stderr } = await valetkey(["certify"], environment(bucket));
    expect(stderr).toContain("nothing was written, since it could not be removed again");
    expect(await leftIn(bucket)).toEqual([]);
    const left = await valetkey(["doctor", "--leave"], environment(bucket));
    expect(left.stdout).toMatch(
      /scratch: what is written now cannot be removed again: [^]*confirm: [^]*could not be removed/,
    );
  });

  it("by the doctor with a key that may not remove versions, which it says instead of writing", async () => {
    const bucket = await bucketThatIs("versioned");
    const key = await allowedBy("put", strict(), { bucket, region: STRICT.region });
    const env = environment(bucket, {
      STORAGE_ACCESS_KEY: key.accessKey,
      STORAGE_SECRET_KEY: key.secretKey,
      STORAGE_SESSION_TOKEN: key.sessionToken,
    });
    const { stdout } = await valetkey(["doctor"], env);
    expect(stdout).toContain(
      "scratch: nothing was written, since it could not be removed again: the service's key may not remove versions of objects (s3:DeleteObjectVersion)",
    );
    expect(await leftIn(bucket)).toEqual([]);
  });

  it("by the doctor with one key that has the policies of all uses, which it advises to split", async () => {
    const bucket = await bucketThatIs("plain");
    const all = ["put", "get", "service"];
    const key = await allowedBy(all, strict(), { bucket, region: STRICT.region });
    const env = environment(bucket, {
      STORAGE_ACCESS_KEY: key.accessKey,
      STORAGE_SECRET_KEY: key.secretKey,
      STORAGE_SESSION_TOKEN: key.sessionToken,
    });
    expect((await valetkey(["doctor"], env)).stdout).toContain("take the statements Never… out");
    expect(await leftIn(bucket)).toEqual([]);
  });

  it.each(isFullRun ? (["versioned", "suspended"] as const) : [])(
    "by certify in a bucket of yours that is %s",
    async (kind) => {
      const bucket = await bucketThatIs(kind);
      const { stdout } = await valetkey(["certify", "--json"], environment(bucket));
      expect(JSON.parse(stdout)).toMatchObject({ left: [] });
      expect(await leftIn(bucket)).toEqual([]);
    },
  );

  it("by certify when it is interrupted, not even its bucket", async () => {
    let bucket = "";
    const STORAGE_ENDPOINT = await proxy({
      sees: ({ method, url = "" }, { statusCode }) => {
        if (method !== "PUT" || statusCode !== 200 || bucket !== "") return;
        if (!url.includes("/orgs/")) return;
        bucket = url.split("/")[1] ?? "";
        process.emit("SIGTERM", "SIGTERM");
      },
    });
    const { code, stderr } = await valetkey(
      ["certify"],
      environment("", { STORAGE_ENDPOINT, STORAGE_BUCKET: "" }),
    );
    expect(stderr).toMatch(/Not everything was tried: it was interrupted\.\n$/);
    expect(code).toBe(2);
    expect(bucket).toMatch(/^valetkey-certify-/);
    await expect(leftIn(bucket)).rejects.toThrow(/bucket does not exist/);
  });
});
