import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  GetBucketLifecycleConfigurationCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutBucketCorsCommand,
  GetBucketCorsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { hash } from "node:crypto";
import { expect, it, onTestFinished } from "vitest";
import { R2_KEY, type R2Options, type R2Promise, startR2 } from "../../support/r2-double.ts";

// What Amazon's own client, which knows nothing of Valetkey, gets from the double of R2.

const Bucket = "a-bucket";
const AT = { Bucket, Key: "an object" };
const PART = 5 * 2 ** 20;

async function open(options: R2Options = {}) {
  const r2 = await startR2(options);
  onTestFinished(r2.close);
  const connect = (secretAccessKey: string) =>
    new S3Client({
      endpoint: r2.endpoint,
      region: "auto",
      forcePathStyle: true,
      maxAttempts: 1,
      requestChecksumCalculation: "WHEN_REQUIRED",
      credentials: { accessKeyId: R2_KEY.accessKey, secretAccessKey },
    });
  const s3 = connect(R2_KEY.secretKey);
  await s3.send(new CreateBucketCommand({ Bucket }));
  const put = (over: object = {}) =>
    s3.send(new PutObjectCommand({ ...AT, Body: "bytes", ...over }));
  const start = async () => {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand(AT));
    return { ...AT, UploadId };
  };
  return { s3, put, start, stranger: connect("another secret") };
}
type Opened = Awaited<ReturnType<typeof open>>;

/** Uploads parts of these sizes, and completes them. */
async function inParts({ s3, start }: Opened, sizes: ReadonlyArray<number>, over: object = {}) {
  const upload = await start();
  const Parts = [];
  for (const [index, size] of sizes.entries()) {
    const PartNumber = index + 1;
    const part = { ...upload, PartNumber, Body: Buffer.alloc(size, index) };
    const { ETag } = await s3.send(new UploadPartCommand(part));
    Parts.push({ PartNumber, ETag });
  }
  const MultipartUpload = { Parts: Parts.toReversed() };
  const completion = { ...upload, MultipartUpload, ...over };
  return s3.send(new CompleteMultipartUploadCommand(completion));
}

/** A copy of an object, on condition that nothing is there, which only R2 has a header for. */
function copyToNothing({ s3 }: Opened) {
  const command = new CopyObjectCommand({ ...AT, CopySource: `${Bucket}/an%20object` });
  command.middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { headers: Record<string, string> };
      headers["cf-copy-destination-if-none-match"] = "*";
      return next(args);
    },
    { step: "build" },
  );
  return s3.send(command);
}

const other = (algorithm: string) => hash(algorithm, "other bytes", "base64");

/** What is refused, if the promise is kept, of a bucket that has the object. */
const WRONG: Readonly<Record<R2Promise, (opened: Opened) => Promise<unknown>>> = {
  signatures: ({ stranger }) => stranger.send(new HeadObjectCommand(AT)),
  "signed x-amz headers": async ({ s3 }) => {
    const url = await getSignedUrl(s3, new GetObjectCommand(AT));
    const answer = await fetch(url, { headers: { "x-amz-meta-further": "value" } });
    if (!answer.ok) throw new Error(`refused: ${answer.status}`);
  },
  "if-none-match on put": ({ put }) => put({ IfNoneMatch: "*" }),
  "if-none-match on complete": (opened) => inParts(opened, [1], { IfNoneMatch: "*" }),
  "copy-source-if-match": ({ s3 }) => {
    const source = { CopySource: `${Bucket}/an%20object`, CopySourceIfMatch: '"another"' };
    return s3.send(new CopyObjectCommand({ ...AT, Key: "a copy", ...source }));
  },
  "copy-destination-if-none-match": copyToNothing,
  md5: ({ put }) => put({ ContentMD5: other("md5") }),
  sha256: ({ put }) => put({ ChecksumSHA256: other("sha256") }),
  crc32c: ({ put }) => put({ ChecksumCRC32C: "AAAAAA==" }),
  "equal parts": (opened) => inParts(opened, [PART, PART + 1]),
  "response overrides": async ({ s3 }) => {
    const asked = { ...AT, ResponseContentType: "text/css" };
    const { ContentType } = await s3.send(new GetObjectCommand(asked));
    if (ContentType === "text/css") throw new Error("it is so");
  },
};
const PROMISES = Object.keys(WRONG) as ReadonlyArray<R2Promise>;

it.each([undefined, ...PROMISES])("the double breaks no promise but %s", async (without) => {
  const opened = await open(without && { without });
  await opened.put();
  const kept = [];
  for (const promise of PROMISES) {
    const isRefused = await WRONG[promise](opened).then(
      () => false,
      () => true,
    );
    if (isRefused) kept.push(promise);
  }
  expect(kept).toEqual(PROMISES.filter((promise) => promise !== without));
});

it("an object is as it was put, and its copy too", async () => {
  const { s3, put } = await open();
  const facts = { ContentType: "text/css", Metadata: { colour: "red" } };
  await put({ ...facts, ChecksumSHA256: hash("sha256", "bytes", "base64"), IfNoneMatch: "*" });
  await s3.send(
    new CopyObjectCommand({ ...AT, Key: "a copy", CopySource: `/${Bucket}/an%20object` }),
  );
  for (const Key of [AT.Key, "a copy"]) {
    const asked = { Bucket, Key, Range: "bytes=1-2" };
    const { Body, ContentRange } = await s3.send(new GetObjectCommand(asked));
    expect([await Body?.transformToString(), ContentRange]).toEqual(["yt", "bytes 1-2/5"]);
    const head = new HeadObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" });
    const checksum = { ChecksumSHA256: hash("sha256", "bytes", "base64") };
    expect(await s3.send(head)).toMatchObject({ ...facts, ContentLength: 5, ...checksum });
  }
  const listed = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "a", MaxKeys: 1 }));
  expect(listed).toMatchObject({ IsTruncated: true, Contents: [{ Key: "a copy", Size: 5 }] });
  const refused = await s3.send(new DeleteBucketCommand({ Bucket })).catch(String);
  expect(refused).toContain("BucketNotEmpty");
});

it("an upload in parts is listed until it is completed or aborted", async () => {
  const opened = await open();
  const { s3, start } = opened;
  const upload = await start();
  await s3.send(new UploadPartCommand({ ...upload, PartNumber: 2, Body: "last" }));
  const { Parts } = await s3.send(new ListPartsCommand(upload));
  expect(Parts).toMatchObject([{ PartNumber: 2, Size: 4 }]);
  const list = () => s3.send(new ListMultipartUploadsCommand({ Bucket }));
  expect((await list()).Uploads).toMatchObject([{ Key: AT.Key, UploadId: upload.UploadId }]);
  await s3.send(new AbortMultipartUploadCommand(upload));
  expect((await list()).Uploads ?? []).toEqual([]);
  const { ETag } = await inParts(opened, [PART, PART, 3]);
  expect(ETag).toMatch(/^"[0-9a-f]{32}-3"$/);
});

it("a condition that is not met when an upload is completed ends the upload", async () => {
  const opened = await open();
  await opened.put();
  await expect(inParts(opened, [1], { IfNoneMatch: "*" })).rejects.toMatchObject({
    name: "PreconditionFailed",
  });
  const { Uploads = [] } = await opened.s3.send(new ListMultipartUploadsCommand({ Bucket }));
  expect(Uploads).toEqual([]);
});

it.each([
  [{}, "NotImplemented"],
  [{ asSeen: true }, "PreconditionFailed"],
  [{ without: "copy-source-if-match" }, "copied"],
] as const)("of %j, a part that another object is copied to is %s", async (options, outcome) => {
  const { s3, put, start } = await open(options);
  await put();
  const source = { CopySource: `${Bucket}/an%20object`, CopySourceIfMatch: '"another"' };
  const part = { ...(await start()), PartNumber: 1, ...source };
  const answer = await s3.send(new UploadPartCopyCommand(part)).then(() => "copied", String);
  expect(answer).toContain(outcome);
});

it.each([
  ["tags", { Tagging: "a=b" }],
  ["readers", { ACL: "authenticated-read" }],
  ["a lock", { ObjectLockLegalHoldStatus: "ON" }],
  ["another storage class", { StorageClass: "REDUCED_REDUNDANCY" }],
])("an object with %s is not implemented", async (_, over) => {
  const { put } = await open();
  await expect(put(over)).rejects.toMatchObject({ name: "NotImplemented" });
});

it("a bucket has the rule that ends uploads after a week, and keeps its rules of CORS", async () => {
  const { s3 } = await open();
  const { Rules } = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
  expect(Rules).toMatchObject([{ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } }]);
  const CORSRules = [{ AllowedMethods: ["PUT"], AllowedOrigins: ["https://example.com"] }];
  await s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules } }));
  expect(await s3.send(new GetBucketCorsCommand({ Bucket }))).toMatchObject({ CORSRules });
});

it("a second write to a key within a second is refused where writes are limited", async () => {
  const { put } = await open({ limitsWrites: true });
  await put();
  await expect(put()).rejects.toMatchObject({ name: "TooManyRequests" });
});
