import { expect, it } from "vitest";
import { scopedPolicy } from "../../../adapters/storage/sts/scoped-policy.ts";

const PREFIX = `incoming/credentials/${"o".repeat(64)}/3f0c1f0e-7d0b-4d0b-9c57-4c2a4f1c7f11/`;
const BUCKET = "b".repeat(63);
const OBJECTS = [`arn:aws:s3:::${BUCKET}/${PREFIX}*`];

it("a session may put, in parts too, and abort below its prefix, and list that alone", () => {
  const { Statement } = scopedPolicy({ bucket: BUCKET, prefix: PREFIX, lists: true });
  const allowed = Statement.filter(({ Effect }) => Effect === "Allow");
  expect(allowed).toEqual([
    {
      Effect: "Allow",
      Action: ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
      Resource: OBJECTS,
    },
    {
      Effect: "Allow",
      Action: ["s3:ListBucket"],
      Resource: [`arn:aws:s3:::${BUCKET}`],
      Condition: { StringLike: { "s3:prefix": `${PREFIX}*` } },
    },
  ]);
});

it("a session that cannot be bound to a list has none", () => {
  const { Statement } = scopedPolicy({ bucket: BUCKET, prefix: PREFIX, lists: false });
  expect(JSON.stringify(Statement)).not.toContain("ListBucket");
});

it.each([
  "x-amz-copy-source",
  "RequestObjectTagKeys",
  "x-amz-storage-class",
  "x-amz-server-side-encryption-customer-algorithm",
  "x-amz-server-side-encryption-aws-kms-key-id",
])("a session is denied a PUT with %s", (key) => {
  const { Statement } = scopedPolicy({ bucket: BUCKET, prefix: PREFIX, lists: false });
  expect(Statement).toContainEqual({
    Effect: "Deny",
    Action: ["s3:PutObject"],
    Resource: ["arn:aws:s3:::*"],
    Condition: { Null: { [`s3:${key}`]: "false" } },
  });
});

it("the longest policy is one that AWS takes: 2,048 characters", () => {
  const all = { bucket: BUCKET, prefix: PREFIX, partition: "aws-us-gov", lists: true, kms: true };
  expect(JSON.stringify(scopedPolicy(all)).length).toBeLessThanOrEqual(2048);
});

it("the key of an encrypted bucket is used through S3 alone, where there is one", () => {
  const place = { bucket: BUCKET, prefix: PREFIX, lists: false };
  expect(JSON.stringify(scopedPolicy(place))).not.toContain("kms:");
  expect(scopedPolicy({ ...place, kms: true }).Statement).toContainEqual({
    Effect: "Allow",
    Action: ["kms:GenerateDataKey", "kms:Decrypt"],
    Resource: ["*"],
    Condition: { StringLike: { "kms:ViaService": "s3.*.amazonaws.com*" } },
  });
});
