import { expect, it } from "vitest";
import { policyFor } from "../../adapters/cli/policy/documents.ts";
import { type ProviderName, PROVIDERS } from "../../adapters/storage/providers.ts";

const inputFor = (bucket: string) => ({
  bucket,
  arrivals: ["orgs/"],
  longestPut: 15 * 60_000,
  users: { put: "putter", get: "getter", service: "looker" },
});

it.each(Object.keys(PROVIDERS) as ReadonlyArray<ProviderName>)(
  "the policy for %s names the configured bucket and no other",
  (provider) => {
    const form = policyFor(provider, inputFor("my-bucket"));
    const text = JSON.stringify([form, form.byHand("put")]);
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
    const form = policyFor(provider, inputFor("files"));
    if (form.kind !== "bucket") throw new Error("not a policy of the bucket");
    const sentences = form.document.Statement.map((each) => {
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
    const form = policyFor(provider, { ...inputFor("files"), arrivals: ["incoming/"] });
    const all =
      form.kind === "bucket"
        ? form.document.Statement
        : Object.values(form.kind === "users" ? form.documents : {}).flatMap(
            (each) => (each as { readonly Statement: ReadonlyArray<object> }).Statement,
          );
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
  const form = policyFor("gcs", { ...inputFor("files"), arrivals: ["incoming/"] });
  const objects = 'resource.name.startsWith("projects/_/buckets/files/objects/';
  expect(form.byHand("put")).toContain(`expression=${objects}incoming/")'`);
  expect(form.byHand("get")).toContain(`expression=${objects}orgs/")'`);
  expect(form.byHand("service")).not.toContain("--condition");
  expect(policyFor("gcs", inputFor("files")).byHand("put")).not.toContain("--condition");
});

it("SeaweedFS, which takes no Deny, is given none", () => {
  const form = policyFor("seaweedfs", inputFor("files"));
  expect(JSON.stringify(form)).not.toContain("Deny");
});

it("Amazon S3 refuses upload URLs that are older than any of ours", () => {
  const form = policyFor("aws", inputFor("files"));
  const text = JSON.stringify(form.kind === "users" ? form.documents.put : form);
  expect(text).toContain('"NumericGreaterThan":{"s3:signatureAge":"900000"}');
});

it.each(["ceph", "versitygw"] as const)(
  "the command for the policy of a bucket on %s says that it replaces the statements of others",
  (provider) => {
    const command = policyFor(provider, inputFor("files")).byHand("KEY");
    expect(command).toMatch(
      /put-bucket-policy --bucket files .*, which replaces .*get-bucket-policy/,
    );
  },
);
