import { INCOMING_PREFIX } from "../../../domain/storage-key.ts";
import { type ByHand, fill, type PolicyInput, prefixesFor } from "../by-hand.ts";
import texts from "./by-hand.json" with { type: "json" };
import roles from "./roles.json" with { type: "json" };

export const { notifications } = texts;

export const policyFor: ByHand["policyFor"] = (input) => ({
  command: (use) =>
    fill(texts.policy, { bucket: input.bucket, use, condition: conditionFor(use, input) }),
  each: roles,
});

export const trustBy = (role: string) => (principal: string) => ({
  command: `gcloud iam service-accounts add-iam-policy-binding ${role} --member=serviceAccount:${principal} --role=roles/iam.serviceAccountTokenCreator`,
});

/** Writes a condition: "IAM Conditions", Cloud Storage documentation; for uniform access. */
function conditionFor(use: string, { bucket, arrivals }: PolicyInput): string {
  if (!arrivals.includes(INCOMING_PREFIX) || !["put", "get"].includes(use)) return "";
  const names = prefixesFor(use, arrivals).map(
    (prefix) => `resource.name.startsWith("projects/_/buckets/${bucket}/objects/${prefix}")`,
  );
  return ` --condition='title=valetkey_${use},expression=${names.join(" || ")}'`;
}
