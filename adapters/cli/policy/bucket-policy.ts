import type { Own, Policy, PolicyInput } from "./policy.ts";

/** A store where one policy, that of the bucket, is for all users. */
interface Dialect {
  /** Stands before the name of a user. */
  readonly principal: string;
  /** Actions beside those of the policies for users, by the name of the statement. */
  readonly added: Readonly<Record<string, ReadonlyArray<string>>>;
  readonly unknown: ReadonlyArray<string>;
  /** Denied to the user who uploads. */
  readonly denied: ReadonlyArray<Own>;
}

/** Each in a statement of its own: all conditions of one would have to be true. */
const NEVER_ON_CEPH = {
  NeverOpen: "s3:x-amz-acl",
  NeverGrantRead: "s3:x-amz-grant-read",
  NeverGrantReadAcp: "s3:x-amz-grant-read-acp",
  NeverGrantWriteAcp: "s3:x-amz-grant-write-acp",
  NeverGrantFullControl: "s3:x-amz-grant-full-control",
  NeverCopy: "s3:x-amz-copy-source",
};

const DIALECTS: Readonly<Record<"ceph" | "versitygw", Dialect>> = {
  ceph: {
    principal: "arn:aws:iam:::user/",
    added: {
      LookAtTheBucket: ["s3:GetBucketVersioning"],
      LookAtObjectsAndConfirmThem: ["s3:GetObjectAcl", "s3:GetObjectVersionAcl"],
    },
    unknown: [],
    denied: [
      // Whoever put an object owns it, and may read it.
      { Sid: "NeverCopyWhatItOwns", Action: ["s3:GetObject", "s3:GetObjectVersion"] },
      ...Object.entries(NEVER_ON_CEPH).map(([Sid, key]) => ({
        Sid,
        Action: ["s3:PutObject"],
        // It evaluates `Null` wrongly, and would refuse every upload.
        Condition: { StringLike: { [key]: "?*" } },
      })),
    ],
  },
  versitygw: {
    principal: "",
    added: { LookAtObjectsAndConfirmThem: ["s3:GetObjectAcl"] },
    unknown: ["s3:GetObjectVersionTagging"],
    denied: [],
  },
};

export const hasBucketPolicy = (store: string): store is keyof typeof DIALECTS =>
  Object.hasOwn(DIALECTS, store);

/** The statements of the policies for users, put together for these users, with what the store needs beside. */
export function bucketPolicy(
  store: keyof typeof DIALECTS,
  allowed: Readonly<Record<"put" | "get" | "service", ReadonlyArray<Own>>>,
  { bucket, users }: PolicyInput,
): Policy {
  const { principal, added, unknown, denied } = DIALECTS[store];
  const deny = { Effect: "Deny", Resource: [`arn:aws:s3:::${bucket}/*`] };
  const statementsFor = (use: keyof typeof users) => [
    ...allowed[use].filter(({ Effect }) => Effect === "Allow"),
    ...(use === "put" ? denied.map((each) => ({ ...each, ...deny })) : []),
  ];
  const Statement = (["put", "get", "service"] as const).flatMap((use) =>
    statementsFor(use).map(({ Sid = "", Action, ...each }) => ({
      ...each,
      Sid: `Valetkey${Sid}`,
      Principal: { AWS: [`${principal}${users[use]}`] },
      Action: [...Action.filter((action) => !unknown.includes(action)), ...(added[Sid] ?? [])],
    })),
  );
  return { Version: "2012-10-17", Statement };
}
