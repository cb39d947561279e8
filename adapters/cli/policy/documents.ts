import { isDeepStrictEqual } from "node:util";
import byHand from "./by-hand.json" with { type: "json" };
import ceph from "../policies/ceph-bucket.json" with { type: "json" };
import gcs from "../policies/gcs-roles.json" with { type: "json" };
import diagnose from "../policies/s3-diagnose.json" with { type: "json" };
import get from "../policies/s3-get.json" with { type: "json" };
import putTagging from "../policies/s3-put-tagging.json" with { type: "json" };
import put from "../policies/s3-put.json" with { type: "json" };
import service from "../policies/s3-service.json" with { type: "json" };
import versitygw from "../policies/versitygw-bucket.json" with { type: "json" };
import { INCOMING_PREFIX, KEY_PREFIX } from "../../../domain/storage-key.ts";
import type { ProviderName } from "../../storage/providers.ts";

/** The purpose of a key: uploads, downloads, the service itself, or the bucket's settings. */
export type Use = "put" | "get" | "service" | "diagnose";

export interface Policy {
  readonly Version: string;
  readonly Statement: ReadonlyArray<Statement>;
}

export interface Statement {
  readonly Sid?: string;
  readonly Effect?: string;
  readonly [member: string]: unknown;
}

export interface PolicyInput {
  readonly bucket: string;
  /** Set if some uploads carry the mark of unconfirmed ones, which is a tag. */
  readonly marks: boolean;
  /** The prefixes below which uploads arrive. */
  readonly arrivals: ReadonlyArray<string>;
  /** The longest life of an upload URL, in milliseconds. */
  readonly longestPut: number;
  readonly users: Readonly<Record<"put" | "get" | "service", string>>;
}

/** The place of policies: each user has one, the bucket has one for all users, or there is none. */
export type PolicyForm = {
  /** The command that gives a user its policy, which is in a file named after its use. */
  readonly byHand: (use: string) => string;
} & (
  | { readonly kind: "users"; readonly documents: Readonly<Record<Use, object>> }
  | { readonly kind: "bucket"; readonly document: Policy }
  | { readonly kind: "none" }
);

type Store = ProviderName | "gcs" | "local";
const BY_HAND: Readonly<Record<Store, string>> = byHand;
const WITHOUT: ReadonlySet<Store> = new Set(["local", "r2", "b2", "spaces", "garage", "swift"]);
const BUCKET_POLICIES: { readonly [Name in Store]?: Policy } = { ceph, versitygw };

export function policyFor(store: Store, input: PolicyInput): PolicyForm {
  const { bucket, marks, users, arrivals } = input;
  const byHand = (use: string) =>
    fill(BY_HAND[store], { ...users, bucket, use, condition: conditionFor(use, input) });
  if (WITHOUT.has(store)) return { kind: "none", byHand };
  if (store === "gcs") return { kind: "users", byHand, documents: gcs };
  const bucketPolicy = BUCKET_POLICIES[store];
  if (bucketPolicy !== undefined) {
    return { kind: "bucket", byHand, document: forAll(bucketPolicy, input) };
  }
  const change = CHANGES[store] ?? ((policy) => policy);
  const documents = {
    put: change(withBucket(placed(marks ? putTagging : put, arrivals), bucket), input),
    get: withBucket(get, bucket),
    service: withBucket(placed(service, arrivals), bucket),
    diagnose: withBucket(diagnose, bucket),
  };
  return { kind: "users", byHand, documents };
}

const fill = (template: string, words: Readonly<Record<string, string>>) =>
  template.replaceAll(/\{(\w+)\}/g, (_, word: string) => words[word] ?? "");

/** Files alone can be read; what nobody has confirmed is below another prefix. */
const prefixesFor = (use: string, arrivals: PolicyInput["arrivals"]): ReadonlyArray<string> =>
  use === "put" ? arrivals : use === "get" ? [KEY_PREFIX] : [...new Set([KEY_PREFIX, ...arrivals])];

/** The use of each statement about objects; the rest are for the service. */
const USES: ReadonlyMap<string | undefined, Use> = new Map([
  ["Put", "put"],
  ["PutMarked", "put"],
  ["Get", "get"],
]);

const placed = (policy: Policy, arrivals: PolicyInput["arrivals"]): Policy => ({
  ...policy,
  Statement: policy.Statement.map((each) => {
    const prefixes = prefixesFor(USES.get(each.Sid) ?? "service", arrivals);
    return isDeepStrictEqual(each["Resource"], [`${BUCKET}/${KEY_PREFIX}*`])
      ? { ...each, Resource: prefixes.map((prefix) => `${BUCKET}/${prefix}*`) }
      : each;
  }),
});

const BUCKET = "arn:aws:s3:::files";

/** "IAM Conditions", Cloud Storage documentation; for buckets with uniform access. */
function conditionFor(use: string, { bucket, arrivals }: PolicyInput): string {
  if (!arrivals.includes(INCOMING_PREFIX) || !["put", "get"].includes(use)) return "";
  const names = prefixesFor(use, arrivals).map(
    (prefix) => `resource.name.startsWith("projects/_/buckets/${bucket}/objects/${prefix}")`,
  );
  return ` --condition='title=valetkey_${use},expression=${names.join(" || ")}'`;
}

const withBucket = (policy: Policy, bucket: string): Policy =>
  JSON.parse(
    JSON.stringify(policy).replaceAll(/"arn:aws:s3:::files(?=["/])/g, `"arn:aws:s3:::${bucket}`),
  );

function forAll(policy: Policy, { bucket, marks, users, arrivals }: PolicyInput): Policy {
  const statements = placed(policy, arrivals).Statement.filter(
    ({ Sid }) => !(marks && Sid === "NeverMark"),
  );
  const Statement = statements.map((each) => ({ ...each, Sid: `${OURS}${each.Sid ?? ""}` }));
  const text = Object.entries(users).reduce(
    (text, [use, name]) => text.replaceAll(`valetkey-${use}"`, `${name}"`),
    JSON.stringify({ ...policy, Statement }),
  );
  return withBucket(JSON.parse(text), bucket);
}

/** Begins the names of our statements in a policy that others share. */
const OURS = "Valetkey";

export const isOurs = ({ Sid }: Statement): boolean => Sid?.startsWith(OURS) === true;

type Change = (policy: Policy, input: PolicyInput) => Policy;

/**
 * Refuses URLs that are older than any that this service makes: "s3:signatureAge", Amazon S3 User
 * Guide. So a key that leaks signs nothing for a week. The MinIO of our tests ignores it.
 */
const refuseOldUrls: Change = (policy, { bucket, longestPut }) => ({
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
});

const CHANGES: { readonly [Name in Store]?: Change } = {
  aws: refuseOldUrls,
  wasabi: refuseOldUrls,
  // Its API takes no Deny, and it obeys no unsigned header.
  seaweedfs: (policy) => ({
    ...policy,
    Statement: policy.Statement.filter(({ Effect }) => Effect !== "Deny"),
  }),
};
