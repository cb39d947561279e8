import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import type { SecureRandom } from "effect/crypto/SecureRandom";
import {
  type AnnouncementTooLong,
  ChecksumNotSupported,
  FileTooLarge,
  type UploadRefusal,
} from "../../domain/errors.ts";
import { CONFIRM_GRACE, type Receipt } from "../../domain/receipt.ts";
import { generate, type StorageKey } from "../../domain/storage-key.ts";
import {
  authorize,
  DEFAULT_POLICY,
  type RequestedUpload,
  type UploadGrant,
} from "../../domain/upload-policy.ts";
import { audienceFor, type Member } from "../admit.ts";
import { choosePolicy } from "../choose-policy.ts";
import { checksumsOfWhole, putChecksums } from "../ports/abilities.ts";
import { Limiter } from "../ports/limiter.ts";
import { ObjectStore } from "../ports/object-store.ts";
import { Policies } from "../ports/policies.ts";
import { Presigner } from "../ports/presigner.ts";
import { Tokens } from "../ports/tokens.ts";
import { sealAnnouncement } from "../tokens.ts";

/** Looked up once for all uploads of a request. */
export const grantContextFor = (member: Member) =>
  Effect.contextWith(
    (services: Context.Context<Limiter | ObjectStore | Policies | Presigner | Tokens>) =>
      Effect.succeed({
        member,
        policies: Context.get(services, Policies),
        store: Context.get(services, ObjectStore),
        presigner: Context.get(services, Presigner),
        limiter: Context.get(services, Limiter),
        tokens: Context.get(services, Tokens),
        issuedAt: DateTime.makeUnsafe(Context.get(services, Clock.Clock).currentTimeMillisUnsafe()),
        audience: audienceFor(member),
      }),
  );
export type GrantContext = Effect.Success<ReturnType<typeof grantContextFor>>;

export interface GrantedUpload {
  readonly key: StorageKey;
  readonly grant: UploadGrant;
  readonly policyName: string;
}

/** An announcement is sealed after that. */
type GrantRefusal = Exclude<UploadRefusal, AnnouncementTooLong>;

/** Decides on one upload, and gives it a new key in the member's organization. */
export function grantUpload(
  { member, policies, store }: GrantContext,
  { upload, policy: policyName = DEFAULT_POLICY }: RequestedUpload,
  { inParts }: { readonly inParts: boolean },
): Effect.Effect<GrantedUpload, GrantRefusal, SecureRandom> {
  return Effect.flatMapEager(choosePolicy(policies, member, policyName), (chosen) => {
    // Where a checksum is required, each part has one, and the file need not.
    const policy = inParts ? { ...chosen, requireChecksum: false } : chosen;
    return Effect.flatMapEager(
      authorize(policy, member.principal.kind, upload),
      (grant): Effect.Effect<GrantedUpload, GrantRefusal, SecureRandom> => {
        const { checksum, size, filename, contentType, key: template } = grant;
        if (checksum !== undefined) {
          const supported = (inParts ? checksumsOfWhole : putChecksums)(store.abilities);
          if (!supported.includes(checksum.algorithm)) {
            return Effect.fail(new ChecksumNotSupported({ supported }));
          }
        }
        const largest = inParts ? undefined : store.limits?.largestPut;
        if (largest !== undefined && size > largest) {
          return Effect.fail(new FileTooLarge({ limit: largest, actual: size, fitsInParts: true }));
        }
        const { organization, principal: caller } = member;
        return Effect.mapEager(
          generate({ organization, caller, template, filename, contentType }),
          (key) => ({ key, grant, policyName }),
        );
      },
    );
  });
}

type Put = Pick<Receipt, "putExpiresAt" | "writeOnce">;

/** Seals the grant that the upload itself carries, if its policy says so. */
export const announcementFor = (granting: GrantContext, granted: GrantedUpload) => {
  const { grant } = granted;
  if (!grant.announce) return Effect.undefined;
  const { slug } = granting.member;
  const putExpiresAt = DateTime.addDuration(granting.issuedAt, grant.putLifetime);
  const receipt = receiptFrom(granting, granted, { putExpiresAt, writeOnce: false });
  return sealAnnouncement(granting.tokens, { ...receipt, slug });
};

export const receiptFrom = (
  { member, issuedAt }: GrantContext,
  { key, grant, policyName }: GrantedUpload,
  put: Put,
): Receipt => ({
  key,
  filename: grant.filename,
  contentType: grant.contentType,
  size: grant.size,
  checksum: grant.checksum,
  metadata: grant.metadata,
  policy: policyName,
  subject: member.principal.subject,
  organization: member.organization,
  ...(grant.arrival === "incoming" && { incoming: true }),
  issuedAt,
  confirmUntil: DateTime.addDuration(put.putExpiresAt, CONFIRM_GRACE),
  ...put,
});
