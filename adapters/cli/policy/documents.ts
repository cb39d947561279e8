import ceph from "../policies/ceph-bucket.json" with { type: "json" };
import gcs from "../policies/gcs-roles.json" with { type: "json" };
import diagnose from "../policies/s3-diagnose.json" with { type: "json" };
import get from "../policies/s3-get.json" with { type: "json" };
import putTagging from "../policies/s3-put-tagging.json" with { type: "json" };
import put from "../policies/s3-put.json" with { type: "json" };
import service from "../policies/s3-service.json" with { type: "json" };
import versitygw from "../policies/versitygw-bucket.json" with { type: "json" };
import type { ProviderName } from "../../storage/providers.ts";
import type { Use } from "./use.ts";

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

/** What a policy depends on. */
export interface PolicyInput {
  readonly bucket: string;
  /** Whether some uploads carry the mark of unconfirmed ones, which is a tag. */
  readonly marks: boolean;
  /** The longest life of an upload URL, in milliseconds. */
  readonly longestPut: number;
  readonly users: Readonly<Record<"put" | "get" | "service", string>>;
}

/** Who takes a policy: each user has one, or the bucket has one for all users. */
export type PolicyForm =
  | {
      readonly kind: "users";
      readonly documents: Readonly<Record<Use, object>>;
      /** How to give a user its policy, which stands in a file named after its use. */
      readonly byHand: (use: string) => string;
    }
  | { readonly kind: "bucket"; readonly document: Policy; readonly byHand: string }
  | { readonly kind: "none"; readonly instead: string };

/** The policies for Google Cloud: roles of one's own. */
export const googleForm = ({ bucket }: PolicyInput): PolicyForm => ({
  kind: "users",
  documents: gcs,
  byHand: (use) =>
    `gcloud iam roles create valetkey_${use} --project=PROJECT --file=${use}.json, and gcloud storage buckets add-iam-policy-binding gs://${bucket} --member=serviceAccount:ACCOUNT --role=projects/PROJECT/roles/valetkey_${use}`,
});

/** The policies for a store of S3's API, in its own form. */
export function s3Form(provider: ProviderName, input: PolicyInput): PolicyForm {
  const { bucket, marks, longestPut, users } = input;
  const own = <A extends Policy>(policy: A): Policy => forBucket(policy, bucket);
  const documents = {
    put: own(marks ? putTagging : put),
    get: own(get),
    service: own(service),
    diagnose: own(diagnose),
  };
  switch (provider) {
    case "aws":
    case "wasabi":
      return {
        kind: "users",
        documents: { ...documents, put: withAge(documents.put, longestPut, bucket) },
        byHand: (use) =>
          `aws iam put-user-policy --user-name valetkey-${use} --policy-name valetkey --policy-document file://${use}.json`,
      };
    case "minio":
      return {
        kind: "users",
        documents,
        byHand: (use) =>
          `mc admin policy create STORE valetkey-${use} ${use}.json && mc admin user add STORE valetkey-${use} SECRET && mc admin policy attach STORE valetkey-${use} --user valetkey-${use}`,
      };
    case "rustfs":
    case "silo":
    case "s3":
      return {
        kind: "users",
        documents,
        byHand: (use) =>
          `give ${use}.json to the user for ${use}, as your store does that; then run valetkey doctor: not every store reads these conditions alike`,
      };
    case "seaweedfs":
      // Its API takes no Deny, and it obeys no unsigned header.
      return {
        kind: "users",
        documents: {
          ...documents,
          put: {
            ...documents.put,
            Statement: documents.put.Statement.filter(({ Effect }) => Effect !== "Deny"),
          },
        },
        byHand: (use) =>
          `aws --endpoint-url=STORE iam put-user-policy --user-name valetkey-${use} --policy-name valetkey --policy-document file://${use}.json`,
      };
    case "ceph":
    case "versitygw": {
      const shipped: Policy = provider === "ceph" ? ceph : versitygw;
      const statements = shipped.Statement.filter(({ Sid }) => !(marks && Sid === "NeverMark"));
      const text = Object.entries(users).reduce(
        (text, [use, name]) => text.replaceAll(`valetkey-${use}"`, `${name}"`),
        JSON.stringify({ ...shipped, Statement: statements.map(asOurs) }),
      );
      return {
        kind: "bucket",
        document: own(JSON.parse(text)),
        byHand: `aws --endpoint-url=STORE s3api put-bucket-policy --bucket ${bucket} --policy file://policy.json, or valetkey policy --apply`,
      };
    }
    case "r2":
      return {
        kind: "none",
        instead: `R2 has no policies: make a token with "Object Read & Write" for the bucket ${bucket} alone; there is none that may only put`,
      };
    case "b2":
      return {
        kind: "none",
        instead: `B2 has keys with capabilities: b2 key create --bucket ${bucket} --name-prefix orgs/ valetkey-put writeFiles; b2 key create --bucket ${bucket} --name-prefix orgs/ valetkey-get readFiles; b2 key create --bucket ${bucket} valetkey-service listBuckets,listFiles,readFiles,writeFiles,deleteFiles`,
      };
    case "spaces":
      return {
        kind: "none",
        instead: `Spaces has no policies for keys: make a key with access to the Space ${bucket} alone`,
      };
    case "garage":
      return {
        kind: "none",
        instead: `Garage has no policies: make a key for each use, and allow it what it needs: garage bucket allow --write ${bucket} --key valetkey-put; garage bucket allow --read ${bucket} --key valetkey-get; garage bucket allow --read --write ${bucket} --key valetkey-service`,
      };
    case "swift":
      return {
        kind: "none",
        instead: `Swift has lists of users: swift post ${bucket} --write-acl PROJECT:${users.put} --read-acl PROJECT:${users.get},PROJECT:${users.service}`,
      };
  }
}

/** Our statements are known by their names in a policy that others share. */
const asOurs = (statement: Statement): Statement => ({
  ...statement,
  Sid: `Valetkey${statement.Sid ?? ""}`,
});

export const isOurs = ({ Sid }: Statement): boolean => Sid?.startsWith("Valetkey") === true;

const forBucket = (policy: Policy, bucket: string): Policy =>
  JSON.parse(
    JSON.stringify(policy).replaceAll(/"arn:aws:s3:::files(?=["/])/g, `"arn:aws:s3:::${bucket}`),
  );

/**
 * Refuses URLs that are older than any that this service makes: "s3:signatureAge", Amazon S3 User
 * Guide. So a key that leaks signs nothing for a week. The MinIO of our tests ignores it.
 */
const withAge = (policy: Policy, milliseconds: number, bucket: string): Policy => ({
  ...policy,
  Statement: [
    ...policy.Statement,
    {
      Sid: "NeverOlderThanOurUrls",
      Effect: "Deny",
      Action: ["s3:PutObject"],
      Resource: [`arn:aws:s3:::${bucket}/*`],
      Condition: { NumericGreaterThan: { "s3:signatureAge": String(milliseconds) } },
    },
  ],
});
