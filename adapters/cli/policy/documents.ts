import * as Record from "effect/Record";
import byHand from "./by-hand.json" with { type: "json" };
import gcs from "../policies/gcs-roles.json" with { type: "json" };
import diagnose from "../policies/s3-diagnose.json" with { type: "json" };
import get from "../policies/s3-get.json" with { type: "json" };
import put from "../policies/s3-put.json" with { type: "json" };
import service from "../policies/s3-service.json" with { type: "json" };
import { INCOMING_PREFIX, KEY_PREFIX } from "../../../domain/storage-key.ts";
import type { ProviderName } from "../../storage/providers.ts";
import { bucketPolicy, hasBucketPolicy } from "./bucket-policy.ts";
import type { Own, Policy, PolicyInput, Statement, Use } from "./policy.ts";

/** The place of policies: each user has one, the bucket has one for all users, or there is none. */
export type PolicyForm = {
  /** The command that gives a user its policy, which is in a file named after its use. */
  readonly byHand: (use: string) => string;
} & (
  | { readonly kind: "users"; readonly documents: Readonly<Record<Use, object>> }
  | { readonly kind: "bucket"; readonly document: Policy }
  | { readonly kind: "none" }
);

type Store = ProviderName | "azure" | "gcs" | "local";
const BY_HAND: Readonly<Record<Store, string>> = byHand;
const WITHOUT: ReadonlySet<Store> = new Set(["local", "r2", "b2", "spaces", "garage", "swift"]);

export function policyFor(store: Store, input: PolicyInput): PolicyForm {
  const { bucket, users } = input;
  const byHand = (use: string) =>
    fill(BY_HAND[store], { ...users, bucket, use, condition: conditionFor(use, input) });
  if (store === "azure" || WITHOUT.has(store)) return { kind: "none", byHand };
  if (store === "gcs") return { kind: "users", byHand, documents: gcs };
  const policies = {
    put: placed(put.Statement, "put", input),
    get: placed(get.Statement, "get", input),
    service: placed(service.Statement, "service", input),
    diagnose: placed(diagnose.Statement, "diagnose", input),
  };
  if (hasBucketPolicy(store)) {
    return { kind: "bucket", byHand, document: bucketPolicy(store, policies, input) };
  }
  const { Version } = put;
  const change = CHANGES[store] ?? ((statements) => statements);
  const own = change(policies.put, input);
  const documents = Record.map({ ...policies, put: own }, (Statement) => ({ Version, Statement }));
  return { kind: "users", byHand, documents };
}

export const fill = (template: string, words: Readonly<Record<string, string>>) =>
  template.replaceAll(/\{(\w+)\}/g, (_, word: string) => words[word] ?? "");

/** Files alone can be read; what nobody has confirmed is below another prefix. */
const prefixesFor = (use: string, arrivals: PolicyInput["arrivals"]): ReadonlyArray<string> =>
  use === "put" ? arrivals : use === "get" ? [KEY_PREFIX] : [...new Set([KEY_PREFIX, ...arrivals])];

/** The bucket of the policies as they are shipped. */
const BUCKET = "arn:aws:s3:::files";

/** Shipped statements, for this bucket and the places where its uploads arrive. */
const placed = <A extends Own & { readonly Resource: ReadonlyArray<string> }>(
  statements: ReadonlyArray<A>,
  use: Use,
  { bucket, arrivals }: PolicyInput,
): ReadonlyArray<Own> =>
  statements.map((each) => ({
    ...each,
    Resource: each.Resource.flatMap((resource) => {
      if (resource === BUCKET) return [`arn:aws:s3:::${bucket}`];
      if (resource !== `${BUCKET}/${KEY_PREFIX}*`) return [resource];
      return prefixesFor(use, arrivals).map((prefix) => `arn:aws:s3:::${bucket}/${prefix}*`);
    }),
  }));

/** "IAM Conditions", Cloud Storage documentation; for buckets with uniform access. */
function conditionFor(use: string, { bucket, arrivals }: PolicyInput): string {
  if (!arrivals.includes(INCOMING_PREFIX) || !["put", "get"].includes(use)) return "";
  const names = prefixesFor(use, arrivals).map(
    (prefix) => `resource.name.startsWith("projects/_/buckets/${bucket}/objects/${prefix}")`,
  );
  return ` --condition='title=valetkey_${use},expression=${names.join(" || ")}'`;
}

type Change = (
  statements: ReadonlyArray<Statement>,
  input: PolicyInput,
) => ReadonlyArray<Statement>;

/**
 * Refuses URLs that are older than any that this service makes: "s3:signatureAge", Amazon S3 User
 * Guide. So a key that leaks signs nothing for a week. The MinIO of our tests ignores it.
 */
const refuseOldUrls: Change = (statements, { bucket, longestPut }) => [
  ...statements,
  {
    Sid: "NeverOlderThanOurUrls",
    Effect: "Deny",
    Action: ["s3:PutObject"],
    Resource: [`arn:aws:s3:::${bucket}/*`],
    Condition: { NumericGreaterThan: { "s3:signatureAge": String(longestPut) } },
  },
];

const CHANGES: { readonly [Name in Store]?: Change } = {
  aws: refuseOldUrls,
  wasabi: refuseOldUrls,
  // Its API takes no Deny, and it obeys no unsigned header.
  seaweedfs: (statements) => statements.filter(({ Effect }) => Effect !== "Deny"),
};
