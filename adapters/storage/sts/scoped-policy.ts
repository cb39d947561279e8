/**
 * Returns what temporary credentials may do: put below a prefix, also in parts, and nothing else.
 * The headers that it denies are those that a server obeys beside `s3:PutObject`: "Actions, resources,
 * and condition keys for Amazon S3", Service Authorization Reference. The prefix has no wildcards.
 */
export const scopedPolicy = ({
  bucket,
  prefix,
  partition = "aws",
  lists,
  kms = false,
}: {
  readonly bucket: string;
  readonly prefix: string;
  /** Of the ARNs, such as `aws-cn`. */
  readonly partition?: string | undefined;
  /** True for a server that bounds a list by its prefix, whatever else a request has. */
  readonly lists: boolean;
  /** True to use the key of a bucket that is encrypted by one, through S3 alone. */
  readonly kms?: boolean;
}) => {
  const arn = `arn:${partition}:s3:::${bucket}`;
  const object = `${arn}/${prefix}*`;
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
        Resource: [object],
      },
      ...(lists
        ? [
            {
              Effect: "Allow",
              Action: ["s3:ListBucket"],
              Resource: [arn],
              Condition: { StringLike: { "s3:prefix": `${prefix}*` } },
            },
          ]
        : []),
      ...(kms
        ? [
            {
              Effect: "Allow",
              Action: ["kms:GenerateDataKey", "kms:Decrypt"],
              Resource: ["*"],
              Condition: { StringLike: { "kms:ViaService": "s3.*.amazonaws.com*" } },
            },
          ]
        : []),
      ...DENIED.map((key) => ({
        Effect: "Deny",
        Action: ["s3:PutObject"],
        // Short, since AWS takes 2,048 characters.
        Resource: [`arn:${partition}:s3:::*`],
        Condition: { Null: { [`s3:${key}`]: "false" } },
      })),
    ],
  };
};

/** A copy, tags, a class from which nothing is read at once, and keys that this service lacks. */
const DENIED = [
  "x-amz-copy-source",
  "RequestObjectTagKeys",
  "x-amz-storage-class",
  "x-amz-server-side-encryption-customer-algorithm",
  "x-amz-server-side-encryption-aws-kms-key-id",
];
