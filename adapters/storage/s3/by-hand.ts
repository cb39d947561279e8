import * as Record from "effect/Record";
import { KEY_PREFIX } from "../../../domain/storage-key.ts";
import {
  type ByHand,
  fill,
  type Policies,
  type PolicyInput,
  prefixesFor,
  type Use,
} from "../by-hand.ts";
import type { ProviderName } from "./providers.ts";
import texts from "./by-hand.json" with { type: "json" };
import ceph from "./policies/ceph.json" with { type: "json" };
import diagnose from "./policies/s3-diagnose.json" with { type: "json" };
import get from "./policies/s3-get.json" with { type: "json" };
import put from "./policies/s3-put.json" with { type: "json" };
import service from "./policies/s3-service.json" with { type: "json" };
import versitygw from "./policies/versitygw.json" with { type: "json" };

/** The access keys of the service, and of uses with a key of their own. */
export type S3Users = { readonly provider: ProviderName } & {
  readonly [Name in "accessKey" | "putAccessKey" | "getAccessKey" | "role" | "externalId"]?:
    | string
    | undefined;
};

export interface Policy {
  readonly Version: string;
  readonly Statement: ReadonlyArray<Statement>;
}

interface Statement {
  readonly Sid?: string;
  readonly Principal?: { readonly AWS: ReadonlyArray<string> };
  readonly Resource: ReadonlyArray<string>;
  readonly [member: string]: unknown;
}

type Texts = { readonly policy: string; readonly notifications?: string };
const TEXTS: Readonly<Record<ProviderName, Texts>> = texts;

/** Policies of a bucket for all users, with the server's own needs and denials. */
const OF_BUCKET: { readonly [Name in ProviderName]?: Policy } = { ceph, versitygw };
const WITHOUT: ReadonlySet<ProviderName> = new Set(["r2", "b2", "spaces", "garage", "swift"]);
const KNOWS_AGE: typeof WITHOUT = new Set(["aws", "wasabi"]);
/** It obeys no unsigned header, so nothing has to be denied. */
const TAKES_NO_DENY: typeof WITHOUT = new Set(["seaweedfs"]);

export const s3ByHand = (settings: S3Users): ByHand => ({
  policyFor: (input) => policyFor(settings, input),
  notifications: TEXTS[settings.provider].notifications,
  ...(settings.role !== undefined && { trust: trustBy(settings.role, settings.externalId) }),
});

const trustBy = (role: string, externalId?: string) => (principal: string) => ({
  document: trustPolicy(principal, externalId),
  command: `aws iam create-role --role-name ${nameIn(role)} --assume-role-policy-document file://trust.json`,
});

const nameIn = (role: string) => role.slice(role.lastIndexOf("/") + 1);

/** "Access to AWS accounts owned by third parties", IAM User Guide. */
const trustPolicy = (principal: string, externalId: string | undefined) => ({
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Allow",
      Principal: { AWS: principal },
      Action: "sts:AssumeRole",
      ...(externalId && { Condition: { StringEquals: { "sts:ExternalId": externalId } } }),
    },
  ],
});

export function policyFor(settings: S3Users, input: PolicyInput): Policies {
  const { provider } = settings;
  // An access key is the name of its user on versitygw; elsewhere it is not.
  const { accessKey, putAccessKey, getAccessKey }: Partial<S3Users> =
    provider === "versitygw" ? settings : {};
  const users = {
    put: input.users.put ?? putAccessKey ?? "valetkey-put",
    get: input.users.get ?? getAccessKey ?? "valetkey-get",
    service: input.users.service ?? accessKey ?? "valetkey-service",
  };
  const { bucket } = input;
  const command = (use: string) => fill(TEXTS[provider].policy, { ...users, bucket, use });
  if (WITHOUT.has(provider)) return { command };
  const place = (policy: Policy, use?: Use) => ({
    ...policy,
    Statement: policy.Statement.map((each) => placed(each, input, users, use)),
  });
  const ofBucket = OF_BUCKET[provider];
  if (ofBucket !== undefined) return { command, all: place(ofBucket) };
  const each = Record.map({ put, get, service, diagnose }, place);
  if (settings.role !== undefined) {
    const name = nameIn(settings.role);
    const all = [each.put, each.get, each.service].flatMap((policy) => policy.Statement);
    return {
      command: () =>
        `aws iam put-role-policy --role-name ${name} --policy-name valetkey --policy-document file://role.json`,
      // Its sessions for uploads deny the rest.
      all: { ...each.put, Statement: all.filter(({ Effect }) => Effect === "Allow") },
    };
  }
  const Statement = [
    ...each.put.Statement.filter(({ Effect }) => Effect !== "Deny" || !TAKES_NO_DENY.has(provider)),
    ...(KNOWS_AGE.has(provider) ? [neverOlder(input)] : []),
  ];
  return { command, each: { ...each, put: { ...each.put, Statement } } };
}

/** Fills in a shipped statement for this bucket, its users and the prefixes of uploads. */
function placed(
  { Principal, Resource, ...statement }: Statement,
  { bucket, arrivals }: PolicyInput,
  users: Readonly<Record<string, string>>,
  ofUse?: Use,
): Statement {
  const [name = ""] = Principal?.AWS ?? [];
  const [, use = ofUse ?? ""] = /valetkey-(\w+)$/.exec(name) ?? [];
  return {
    ...statement,
    ...(Principal && { Principal: { AWS: [name.replace(`valetkey-${use}`, users[use] ?? "")] } }),
    Resource: Resource.map((resource) => resource.replace(":::files", `:::${bucket}`)).flatMap(
      (resource) =>
        resource.endsWith(`/${KEY_PREFIX}*`)
          ? prefixesFor(use, arrivals).map((prefix) => resource.replace(KEY_PREFIX, prefix))
          : [resource],
    ),
  };
}

/**
 * Refuses URLs older than any of this service: "s3:signatureAge", Amazon S3 User Guide. So a leaked
 * key signs nothing for a week. The tested MinIO ignores it.
 */
const neverOlder = ({ bucket, longestPut }: PolicyInput): Statement => ({
  Sid: "NeverOlderThanOurUrls",
  Effect: "Deny",
  Action: ["s3:PutObject"],
  Resource: [`arn:aws:s3:::${bucket}/*`],
  Condition: { NumericGreaterThan: { "s3:signatureAge": String(longestPut) } },
});
