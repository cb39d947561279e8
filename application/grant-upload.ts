import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import type { SecureRandom } from "effect/crypto/SecureRandom";
import type { ChecksumAlgorithm } from "../domain/checksum.ts";
import { dispositionOf } from "../domain/disposition.ts";
import { ChecksumNotSupported, FileTooLarge, type UploadRefusal } from "../domain/errors.ts";
import { CONFIRM_GRACE } from "../domain/receipt.ts";
import { generate, type StorageKey } from "../domain/storage-key.ts";
import type { ByteSize } from "../domain/byte-size.ts";
import {
  authorize,
  DEFAULT_POLICY,
  type UploadGrant,
  type UploadPolicy,
  type UploadRequest,
} from "../domain/upload-policy.ts";
import { audienceOf, type Member } from "./admit.ts";
import { choosePolicy } from "./choose-policy.ts";
import { Limiter } from "./ports/limiter.ts";
import { Policies } from "./ports/policies.ts";
import { type Audience, Presigner } from "./ports/presigner.ts";
import { Tokens } from "./ports/tokens.ts";
import { sealReceipt } from "./tokens.ts";

/** Everything that granting uploads to a member needs, looked up once for all of a request. */
export interface Granting {
  readonly member: Member;
  readonly policies: Policies["Service"];
  readonly presigner: Presigner["Service"];
  readonly limiter: Limiter["Service"];
  readonly tokens: Tokens["Service"];
  readonly issuedAt: DateTime.Utc;
  readonly audience: Audience;
}

/** Looks it up. */
export const grantingTo = (member: Member) =>
  Effect.contextWith((services: Context.Context<Limiter | Policies | Presigner | Tokens>) =>
    Effect.succeed<Granting>({
      member,
      policies: Context.get(services, Policies),
      presigner: Context.get(services, Presigner),
      limiter: Context.get(services, Limiter),
      tokens: Context.get(services, Tokens),
      issuedAt: DateTime.makeUnsafe(Context.get(services, Clock.Clock).currentTimeMillisUnsafe()),
      audience: audienceOf(member),
    }),
  );

/** An upload that may be signed. */
export interface Granted {
  readonly key: StorageKey;
  readonly grant: UploadGrant;
  readonly policy: UploadPolicy;
  readonly policyName: string;
  readonly issuedAt: DateTime.Utc;
}

/** The way in which the file is sent. */
interface Way {
  /** The checksums that the store verifies then. */
  readonly checksums: ReadonlyArray<ChecksumAlgorithm>;
  /** The most bytes that it takes then. */
  readonly largest?: number | undefined;
  /** The policy as far as it concerns this way. */
  readonly adapt?: (policy: UploadPolicy) => UploadPolicy;
}

/** A file and its policy, as a caller asks for them. */
export interface RequestedFile {
  readonly upload: Omit<UploadRequest, "size"> & {
    /** Any size that the policy allows if undefined. */
    readonly size?: ByteSize | undefined;
  };
  /** The name of a policy; `files` if undefined. */
  readonly policy?: string | undefined;
}

/** Decides on one upload, and gives it a new key in the member's organization. */
export function grantUpload(
  { member, policies, issuedAt }: Granting,
  { upload, policy: policyName = DEFAULT_POLICY }: RequestedFile,
  { checksums, largest, adapt }: Way,
): Effect.Effect<Granted, UploadRefusal, SecureRandom> {
  return Effect.flatMapEager(choosePolicy(policies, member, policyName), (chosen) => {
    const policy = adapt === undefined ? chosen : adapt(chosen);
    const asked = hasSize(upload) ? upload : { ...upload, size: policy.maxSize };
    return Effect.flatMapEager(
      authorize(policy, member.principal.kind, asked),
      (grant): Effect.Effect<Granted, UploadRefusal, SecureRandom> => {
        const { checksum, size, fileName, mediaType } = grant;
        if (checksum !== undefined && !checksums.includes(checksum.algorithm)) {
          return Effect.fail(new ChecksumNotSupported({ supported: checksums }));
        }
        if (largest !== undefined && size > largest) {
          return Effect.fail(new FileTooLarge({ limit: largest, actual: size, fitsInParts: true }));
        }
        const { organization } = member;
        return Effect.mapEager(generate({ organization, fileName, mediaType }), (key) => ({
          key,
          grant,
          policy,
          policyName,
          issuedAt,
        }));
      },
    );
  });
}

const hasSize = (upload: RequestedFile["upload"]): upload is UploadRequest =>
  upload.size !== undefined;

/** Signs the GET that shows the file of a grant once it is there. */
export const signGet = ({ presigner, audience }: Granting, { key, grant, policy }: Granted) =>
  presigner.get({
    key,
    lifetime: grant.getLifetime,
    minLifetime: grant.minLifetime,
    audience,
    responseMediaType: grant.mediaType,
    responseDisposition: dispositionOf(grant.mediaType, grant.fileName, policy),
  });

/** Seals the receipt of a grant whose PUT or form stops working at `expiresAt`. */
export const receiptFor = (
  { member, tokens }: Granting,
  { key, grant, policyName, issuedAt }: Granted,
  more: {
    readonly expiresAt: DateTime.Utc;
    readonly writeOnce: boolean;
    readonly isLargest?: boolean;
  },
): string =>
  sealReceipt(tokens, {
    key,
    fileName: grant.fileName,
    mediaType: grant.mediaType,
    size: grant.size,
    ...(more.isLargest && { isLargest: true }),
    checksum: grant.checksum,
    policy: policyName,
    subject: member.principal.subject,
    organization: member.organization,
    writeOnce: more.writeOnce,
    pending: grant.unconfirmedAfter !== undefined,
    issuedAt,
    putExpiresAt: more.expiresAt,
    confirmUntil: DateTime.addDuration(more.expiresAt, CONFIRM_GRACE),
  });
