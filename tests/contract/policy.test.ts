import { expect, it } from "vitest";
import * as azure from "../../adapters/storage/azure/by-hand.ts";
import * as gcs from "../../adapters/storage/gcs/by-hand.ts";
import { type ProviderName, PROVIDERS } from "../../adapters/storage/s3/providers.ts";
import { type Policy, policyFor } from "../../adapters/storage/s3/by-hand.ts";

const inputFor = (bucket: string) => ({
  bucket,
  arrivals: ["orgs/"],
  longestPut: 15 * 60_000,
  users: { put: "putter", get: "getter", service: "looker" },
});

it.each(Object.keys(PROVIDERS) as ReadonlyArray<ProviderName>)(
  "the policy for %s names the configured bucket and no other",
  (provider) => {
    const form = policyFor({ provider }, inputFor("my-bucket"));
    const text = JSON.stringify([form, form.command("put")]);
    expect(text).toContain("my-bucket");
    expect(text).not.toMatch(/s3:::files\b/);
  },
);

const CEPH = [
  "Put: putter may PutObject",
  "NeverCopyWhatItOwns: putter may never GetObject GetObjectVersion",
  "NeverOpen: putter may never PutObject with x-amz-acl",
  "NeverGrantRead: putter may never PutObject with x-amz-grant-read",
  "NeverGrantReadAcp: putter may never PutObject with x-amz-grant-read-acp",
  "NeverGrantWriteAcp: putter may never PutObject with x-amz-grant-write-acp",
  "NeverGrantFullControl: putter may never PutObject with x-amz-grant-full-control",
  "NeverCopy: putter may never PutObject with x-amz-copy-source",
  "Get: getter may GetObject GetObjectVersion",
  "LookAtTheBucket: looker may GetBucketLocation GetBucketObjectLockConfiguration GetBucketVersioning ListBucket ListBucketMultipartUploads ListBucketVersions",
  "LookAtObjectsAndConfirmThem: looker may DeleteObject DeleteObjectVersion GetObject GetObjectAcl GetObjectTagging GetObjectVersion GetObjectVersionAcl GetObjectVersionTagging",
  "PutPartsTogether: looker may AbortMultipartUpload ListMultipartUploadParts PutObject",
];
const VERSITYGW = [
  "Put: putter may PutObject",
  "Get: getter may GetObject GetObjectVersion",
  "LookAtTheBucket: looker may GetBucketLocation GetBucketObjectLockConfiguration ListBucket ListBucketMultipartUploads ListBucketVersions",
  "LookAtObjectsAndConfirmThem: looker may DeleteObject DeleteObjectVersion GetObject GetObjectAcl GetObjectTagging GetObjectVersion",
  "PutPartsTogether: looker may AbortMultipartUpload ListMultipartUploadParts PutObject",
];

it.each([
  ["ceph", "arn:aws:iam:::user/", CEPH],
  ["versitygw", "", VERSITYGW],
] as const)(
  "the policy of a bucket on %s gives each user what it needs, with our name on each statement",
  (provider, principal, expected) => {
    const form = policyFor({ provider }, inputFor("files"));
    const sentences = (form.all as Policy).Statement.map((each) => {
      const { Sid = "", Effect, Principal, Action, Resource, Condition = {} } = each;
      expect(Sid).toMatch(/^Valetkey/);
      const denies = Effect === "Deny";
      const place = Sid.endsWith("TheBucket") ? "" : denies ? "/*" : "/orgs/*";
      expect(Resource).toEqual([`arn:aws:s3:::files${place}`]);
      const [user = ""] = (Principal as { readonly AWS: ReadonlyArray<string> }).AWS;
      expect(user.startsWith(principal)).toBe(true);
      const actions = (Action as ReadonlyArray<string>).map((name) => name.replace("s3:", ""));
      const { StringLike = {} } = Condition as { readonly StringLike?: Record<string, string> };
      const having = Object.entries(StringLike).map(([name, value]) => {
        expect(value).toBe("?*");
        return ` with ${name.replace("s3:", "")}`;
      });
      return `${Sid.slice("Valetkey".length)}: ${user.slice(principal.length)} may ${denies ? "never " : ""}${actions.toSorted().join(" ")}${having.join("")}`;
    });
    expect(sentences).toEqual(expected);
  },
);

it.each(["aws", "minio", "versitygw", "ceph"] as const)(
  "with uploads that wait, the keys of %s write below incoming/ and read below orgs/ alone",
  (provider) => {
    const form = policyFor({ provider }, { ...inputFor("files"), arrivals: ["incoming/"] });
    const documents = Object.values({ all: form.all, ...form.each }) as ReadonlyArray<
      Policy | undefined
    >;
    const all = documents.flatMap((each) => each?.Statement ?? []);
    const resources = (name: RegExp) =>
      all.flatMap((each) => {
        const { Sid = "", Resource } = each as { Sid?: string; Resource: unknown };
        return name.test(Sid) ? [Resource] : [];
      });
    const [incoming, files] = ["arn:aws:s3:::files/incoming/*", "arn:aws:s3:::files/orgs/*"];
    expect(resources(/Put$/)).toEqual([[incoming]]);
    expect(resources(/Get$/)).toEqual([[files]]);
    expect(resources(/PutPartsTogether$/)).toEqual([[files, incoming]]);
    expect(resources(/LookAtObjectsAndConfirmThem$/)).toEqual([[files, incoming]]);
  },
);

it("Google's keys are bound to the same prefixes by a condition", () => {
  const form = gcs.policyFor({ ...inputFor("files"), arrivals: ["incoming/"] });
  const objects = 'resource.name.startsWith("projects/_/buckets/files/objects/';
  expect(form.command("put")).toContain(`expression=${objects}incoming/")'`);
  expect(form.command("get")).toContain(`expression=${objects}orgs/")'`);
  expect(form.command("service")).not.toContain("--condition");
  expect(gcs.policyFor(inputFor("files")).command("put")).not.toContain("--condition");
});

it("the role for Azure may read, write and remove blobs of one container, and nothing of the account", () => {
  const { all, command } = azure.policyFor(inputFor("my-container"));
  const role = all as Readonly<Record<"Actions" | "DataActions", ReadonlyArray<string>>>;
  const container = "Microsoft.Storage/storageAccounts/blobServices/containers";
  expect(role.Actions).toEqual([`${container}/read`]);
  expect(role.DataActions).toEqual(
    ["read", "write", "add/action", "delete"].map((right) => `${container}/blobs/${right}`),
  );
  expect(command("put")).toMatch(
    /--role Valetkey .*\/containers\/my-container && .*--role "Storage Blob Delegator" .*not tried/,
  );
});

it("SeaweedFS, which takes no Deny, is given none", () => {
  const form = policyFor({ provider: "seaweedfs" }, inputFor("files"));
  expect(JSON.stringify(form)).not.toContain("Deny");
});

it("Amazon S3 refuses upload URLs that are older than any of ours", () => {
  const form = policyFor({ provider: "aws" }, inputFor("files"));
  const text = JSON.stringify(form.each?.put);
  expect(text).toContain('"NumericGreaterThan":{"s3:signatureAge":"900000"}');
});

it.each(["ceph", "versitygw"] as const)(
  "the command for the policy of a bucket on %s says that it replaces the statements of others",
  (provider) => {
    const command = policyFor({ provider }, inputFor("files")).command("KEY");
    expect(command).toMatch(
      /put-bucket-policy --bucket files .*, which replaces .*get-bucket-policy/,
    );
  },
);
