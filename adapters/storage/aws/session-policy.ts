import { INCOMING_PREFIX, KEY_PREFIX } from "../../../domain/storage-key.ts";
import type { Policy } from "../s3/by-hand.ts";
import type { S3Settings } from "../s3/settings.ts";

/** The servers that are known to obey the policy of a session. */
const OBEYING: ReadonlySet<string> = new Set(["aws", "minio"]);

/**
 * Returns what a session of the role for everything may do that signs uploads or downloads, so that
 * one role suffices for keys that may do nothing else: "Session policies", IAM User Guide.
 */
export async function sessionPolicy(
  { provider, bucket }: Pick<S3Settings, "provider" | "bucket">,
  use: "put" | "get",
): Promise<object | undefined> {
  if (!OBEYING.has(provider) || bucket.startsWith("arn:")) return undefined;
  const { policyFor } = await import("../s3/by-hand.ts");
  const arrivals = [KEY_PREFIX, INCOMING_PREFIX];
  // Of another provider's, since the longest lifetime of URLs is not known here.
  const { each } = policyFor({ provider: "minio" }, { bucket, arrivals, longestPut: 0, users: {} });
  const policy = each?.[use] as Policy | undefined;
  if (policy === undefined || provider !== "aws") return policy;
  return { ...policy, Statement: [...policy.Statement, ENCRYPTED] };
}

/** For a bucket that is encrypted by a key of KMS, as far as the role may use that. */
const ENCRYPTED = {
  Effect: "Allow",
  Action: ["kms:Decrypt", "kms:GenerateDataKey"],
  Resource: ["*"],
};
