import ceph from "../policies/ceph-bucket.json" with { type: "json" };
import gcs from "../policies/gcs-roles.json" with { type: "json" };
import diagnose from "../policies/s3-diagnose.json" with { type: "json" };
import get from "../policies/s3-get.json" with { type: "json" };
import putTagging from "../policies/s3-put-tagging.json" with { type: "json" };
import put from "../policies/s3-put.json" with { type: "json" };
import service from "../policies/s3-service.json" with { type: "json" };
import versitygw from "../policies/versitygw-bucket.json" with { type: "json" };
import type { ProviderName } from "../../storage/providers.ts";

/** The purpose of a key: uploads, downloads, the service itself, or the bucket's settings. */
export type Use = "put" | "get" | "service" | "diagnose";

/** A policy of IAM's language. */
export interface Policy {
  readonly Version: string;
  readonly Statement: ReadonlyArray<Statement>;
}

export interface Statement {
  readonly Sid?: string;
  readonly Effect?: string;
  readonly [member: string]: unknown;
}

/** The facts that a policy depends on. */
export interface PolicyInput {
  readonly bucket: string;
  /** Set if some uploads carry the mark of unconfirmed ones, which is a tag. */
  readonly marks: boolean;
  /** The longest life of an upload URL, in milliseconds. */
  readonly longestPut: number;
  readonly users: Readonly<Record<"put" | "get" | "service", string>>;
}

/** The place of policies: each user has one, or the bucket has one for all users. */
export type PolicyForm =
  | {
      readonly kind: "users";
      readonly documents: Readonly<Record<Use, object>>;
      /** The command that gives a user its policy, which is in a file named after its use. */
      readonly byHand: (use: string) => string;
    }
  | { readonly kind: "bucket"; readonly document: Policy; readonly byHand: string }
  | { readonly kind: "none"; readonly instead: string };

/** The policies for Google Cloud: custom roles. */
export const googleForm = ({ bucket }: PolicyInput): PolicyForm => ({
  kind: "users",
  documents: gcs,
  byHand: (use) =>
    `gcloud iam roles create valetkey_${use} --project=PROJECT --file=${use}.json, and gcloud storage buckets add-iam-policy-binding gs://${bucket} --member=serviceAccount:ACCOUNT --role=projects/PROJECT/roles/valetkey_${use}`,
});

/** The policies for a store of S3's API, in its own form. */
export const s3Form = (provider: ProviderName, input: PolicyInput): PolicyForm =>
  FORMS[provider](input);

type Form = (input: PolicyInput) => PolicyForm;

/** A policy for each user; `change` adapts that of the key for uploads. */
const forUsers =
  (
    byHand: (use: string) => string,
    change: (policy: Policy, input: PolicyInput) => Policy = (policy) => policy,
  ): Form =>
  (input) => ({
    kind: "users",
    byHand,
    documents: {
      put: change(forBucket(input.marks ? putTagging : put, input), input),
      get: forBucket(get, input),
      service: forBucket(service, input),
      diagnose: forBucket(diagnose, input),
    },
  });

const putUserPolicy = (options: string) => (use: string) =>
  `aws${options} iam put-user-policy --user-name valetkey-${use} --policy-name valetkey --policy-document file://${use}.json`;

/**
 * Refuses URLs that are older than any that this service makes: "s3:signatureAge", Amazon S3 User
 * Guide. So a key that leaks signs nothing for a week. The MinIO of our tests ignores it.
 */
const amazon = forUsers(putUserPolicy(""), (policy, { bucket, longestPut }) => ({
  ...policy,
  Statement: [
    ...policy.Statement,
    {
      Sid: "NeverOlderThanOurUrls",
      Effect: "Deny",
      Action: ["s3:PutObject"],
      Resource: [`arn:aws:s3:::${bucket}/*`],
      Condition: { NumericGreaterThan: { "s3:signatureAge": String(longestPut) } },
    },
  ],
}));

const anyUsers = forUsers(
  (use) =>
    `give ${use}.json to the user for ${use}, as your store does that; then run valetkey doctor: not every store reads these conditions alike`,
);

/** One policy of the bucket, for all users. */
const forAll =
  (shipped: Policy): Form =>
  (input) => {
    const Statement = shipped.Statement.filter(({ Sid }) => !(input.marks && Sid === "NeverMark"));
    const policy = { ...shipped, Statement: Statement.map(asOurs) };
    const text = Object.entries(input.users).reduce(
      (text, [use, name]) => text.replaceAll(`valetkey-${use}"`, `${name}"`),
      JSON.stringify(policy),
    );
    return {
      kind: "bucket",
      document: forBucket(JSON.parse(text), input),
      byHand: `aws --endpoint-url=STORE s3api put-bucket-policy --bucket ${input.bucket} --policy file://policy.json, or valetkey policy --apply`,
    };
  };

const none =
  (instead: (input: PolicyInput) => string): Form =>
  (input) => ({ kind: "none", instead: instead(input) });

const FORMS: Readonly<Record<ProviderName, Form>> = {
  aws: amazon,
  wasabi: amazon,
  minio: forUsers(
    (use) =>
      `mc admin policy create STORE valetkey-${use} ${use}.json && mc admin user add STORE valetkey-${use} SECRET && mc admin policy attach STORE valetkey-${use} --user valetkey-${use}`,
  ),
  rustfs: anyUsers,
  silo: anyUsers,
  s3: anyUsers,
  // Its API takes no Deny, and it obeys no unsigned header.
  seaweedfs: forUsers(putUserPolicy(" --endpoint-url=STORE"), (policy) => ({
    ...policy,
    Statement: policy.Statement.filter(({ Effect }) => Effect !== "Deny"),
  })),
  ceph: forAll(ceph),
  versitygw: forAll(versitygw),
  r2: none(
    ({ bucket }) =>
      `R2 has no policies: make a token with "Object Read & Write" for the bucket ${bucket} alone; there is none that may only put`,
  ),
  b2: none(
    ({ bucket }) =>
      `B2 has keys with capabilities: b2 key create --bucket ${bucket} --name-prefix orgs/ valetkey-put writeFiles; b2 key create --bucket ${bucket} --name-prefix orgs/ valetkey-get readFiles; b2 key create --bucket ${bucket} valetkey-service listBuckets,listFiles,readFiles,writeFiles,deleteFiles`,
  ),
  spaces: none(
    ({ bucket }) =>
      `Spaces has no policies for keys: make a key with access to the Space ${bucket} alone`,
  ),
  garage: none(
    ({ bucket }) =>
      `Garage has no policies: make a key for each use, and allow it what it needs: garage bucket allow --write ${bucket} --key valetkey-put; garage bucket allow --read ${bucket} --key valetkey-get; garage bucket allow --read --write ${bucket} --key valetkey-service`,
  ),
  swift: none(
    ({ bucket, users }) =>
      `Swift has lists of users: swift post ${bucket} --write-acl PROJECT:${users.put} --read-acl PROJECT:${users.get},PROJECT:${users.service}`,
  ),
};

/** Our statements are known by their names in a policy that others share. */
const asOurs = (statement: Statement): Statement => ({
  ...statement,
  Sid: `Valetkey${statement.Sid ?? ""}`,
});

export const isOurs = ({ Sid }: Statement): boolean => Sid?.startsWith("Valetkey") === true;

const forBucket = (policy: Policy, { bucket }: PolicyInput): Policy =>
  JSON.parse(
    JSON.stringify(policy).replaceAll(/"arn:aws:s3:::files(?=["/])/g, `"arn:aws:s3:::${bucket}`),
  );
