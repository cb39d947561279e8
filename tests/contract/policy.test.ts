import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, it, onTestFinished, vi } from "vitest";
import { main } from "../../adapters/cli/main.ts";
import { policyFor } from "../../adapters/cli/policy/documents.ts";
import { type ProviderName, PROVIDERS } from "../../adapters/storage/providers.ts";

const inputFor = (bucket: string) => ({
  bucket,
  arrivals: ["orgs/"],
  longestPut: 15 * 60_000,
  users: { put: "putter", get: "getter", service: "looker" },
});

it.each(Object.keys(PROVIDERS) as ReadonlyArray<ProviderName>)(
  "what %s is given names the configured bucket and no other",
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

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** A store's policy of a bucket, kept as `keep` changes it; no server of these tests takes one. */
async function bucketPolicy(
  initial: string,
  keep: (policy: string) => string | undefined = String,
  ...args: ReadonlyArray<string>
) {
  let policy = initial;
  const store = createServer(async (request, response) => {
    const body = await text(request);
    const kept = request.method === "PUT" ? keep(body) : policy;
    if (kept === undefined) {
      const message = "<Message>Invalid principal in policy</Message>";
      response.writeHead(400).end(`<Error><Code>MalformedPolicy</Code>${message}</Error>`);
      return;
    }
    policy = kept;
    if (request.method === "DELETE") policy = "";
    if (request.method === "GET" && policy === "") {
      response.writeHead(404).end("<Error><Code>NoSuchBucketPolicy</Code></Error>");
    } else response.end(policy);
  });
  await once(store.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void store.close());
  vi.stubEnv("STORAGE_ADAPTER", "minio");
  vi.stubEnv("STORAGE_PROVIDER", "versitygw");
  vi.stubEnv("STORAGE_ENDPOINT", `http://127.0.0.1:${(store.address() as AddressInfo).port}`);
  vi.stubEnv("STORAGE_ACCESS_KEY", "owner");
  vi.stubEnv("STORAGE_SECRET_KEY", "secret-of-the-owner");
  let output = "";
  vi.spyOn(process.stderr, "write").mockImplementation((text) => (output += String(text)) !== "");
  const { exitCode } = process;
  process.exitCode = 0;
  await main(["policy", "--apply", ...args], () => Promise.reject(new Error("nothing is served")));
  const code = process.exitCode;
  process.exitCode = exitCode;
  return { code, output, policy };
}

const FOREIGN = { Sid: "Foreign", Effect: "Allow", Principal: "*", Action: ["s3:GetObject"] };
const changed = (policy: string) =>
  policy.includes("Valetkey") ? policy.replace('"Foreign"', '"Changed"') : policy;
const WITH_FOREIGN = JSON.stringify({ Version: "2012-10-17", Statement: [FOREIGN] });

it("valetkey policy --apply adds our statements and keeps those of others", async () => {
  const { code, policy } = await bucketPolicy(WITH_FOREIGN);
  const { Statement } = JSON.parse(policy);
  expect(Statement[0]).toEqual(FOREIGN);
  expect(Statement.slice(1).map(({ Sid }: { Sid: string }) => Sid)).toContain("ValetkeyPut");
  expect(code).toBe(0);
  const again = await bucketPolicy(policy);
  expect(again.output).toContain("has the policy already");
  expect(again.policy).toBe(policy);
});

it("a bucket whose store changes the statements of others keeps its policy", async () => {
  const { code, output, policy } = await bucketPolicy(WITH_FOREIGN, changed);
  expect(output).toContain("it is as it was before");
  expect(JSON.parse(policy)).toEqual(JSON.parse(WITH_FOREIGN));
  expect(code).toBe(1);
});

const principals = (policy: string, name: string) =>
  (JSON.parse(policy).Statement as ReadonlyArray<{ Sid: string; Principal: { AWS: unknown } }>)
    .filter(({ Sid }) => Sid === name)
    .map(({ Principal }) => Principal.AWS);

it("another deployment of the bucket takes no permission from the users of the first", async () => {
  const first = await bucketPolicy(WITH_FOREIGN, String, "--put-user", "one");
  const second = await bucketPolicy(first.policy, String, "--put-user", "two");
  expect(second.code).toBe(0);
  expect(principals(second.policy, "ValetkeyPut")).toEqual([["one"], ["two"]]);
  const again = await bucketPolicy(second.policy, String, "--put-user", "two");
  expect(again.output).toContain("has the policy already");
  expect(again.policy).toBe(second.policy);
});

it("a user that has other statements of ours is named, and keeps them unless they are replaced", async () => {
  const first = await bucketPolicy(WITH_FOREIGN, String, "--put-user", "one");
  const older = first.policy.replace("s3:PutObject", "s3:GetObject");
  const refused = await bucketPolicy(older, String, "--put-user", "one");
  expect(refused.output).toMatch(/one.* may do other things .* --replace/);
  expect(refused.policy).toBe(older);
  const replaced = await bucketPolicy(older, String, "--put-user", "one", "--replace");
  expect(JSON.parse(replaced.policy)).toEqual(JSON.parse(first.policy));
});

it("users that the store does not know are told with what to do", async () => {
  const { code, output } = await bucketPolicy(WITH_FOREIGN, () => undefined);
  expect(output).toContain(
    "400 MalformedPolicy (Invalid principal in policy); make the users first, or name those that there are with --put-user",
  );
  expect(code).toBe(1);
});
