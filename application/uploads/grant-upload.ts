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
import { DEFAULT_STORE } from "../../domain/place.ts";
import { CONFIRM_GRACE, type Receipt } from "../../domain/receipt.ts";
import { generate, type StorageKey, subjectFolder } from "../../domain/storage-key.ts";
import {
  authorize,
  DEFAULT_POLICY,
  type UploadGrant,
  type UploadPolicy,
  type UploadRequest,
} from "../../domain/upload-policy.ts";
import { audienceFor, type Member } from "../admit.ts";
import { choosePolicy } from "../choose-policy.ts";
import { careFor } from "../files/count-files.ts";
import { checksumsOfWhole, putChecksums } from "../ports/abilities.ts";
import { Limiter } from "../ports/limiter.ts";
import { ObjectStore } from "../ports/object-store.ts";
import { Policies } from "../ports/policies.ts";
import { Presigner } from "../ports/presigner.ts";
import { UploadStore } from "../ports/stores.ts";
import { Tokens } from "../ports/tokens.ts";
import { type GrantToCount, Usage } from "../ports/usage.ts";
import { sealAnnouncement } from "../tokens.ts";

/** Reads the context once for all uploads of a request. */
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
        storeName: Context.get(services, UploadStore),
        usage: Context.get(services, Usage),
        issuedAt: DateTime.makeUnsafe(Context.get(services, Clock.Clock).currentTimeMillisUnsafe()),
        audience: audienceFor(member),
      }),
  );
export type GrantContext = Effect.Success<ReturnType<typeof grantContextFor>>;

/** An upload that its policy allows, with its key. */
export interface GrantedUpload {
  readonly key: StorageKey;
  readonly upload: UploadGrant;
  readonly policy: UploadPolicy;
  readonly policyName: string;
}

/** Without the announcement's own refusal, since it is sealed later. */
type GrantRefusal = Exclude<UploadRefusal, AnnouncementTooLong>;

/**
 * Decides on one upload, and generates its key in the member's organization. Eager, since nothing
 * waits: a generator makes 55 more of the 1,130 calls of a presign.
 */
export const grantUpload = (
  { member, policies, store }: GrantContext,
  request: UploadRequest,
  { inParts }: { readonly inParts: boolean },
): Effect.Effect<GrantedUpload, GrantRefusal, SecureRandom> => {
  const { organization, principal: caller } = member;
  const { policy: policyName = DEFAULT_POLICY, checksum, size, filename, contentType } = request;
  return Effect.flatMapEager(choosePolicy(policies, member, policyName), (policy) => {
    // With a required checksum, each part has one, and the file need not.
    const rules = inParts ? { ...policy, requireChecksum: false } : policy;
    return Effect.flatMapEager(
      authorize(rules, caller.kind, request),
      (upload): Effect.Effect<GrantedUpload, GrantRefusal, SecureRandom> => {
        if (checksum !== undefined) {
          const supported = (inParts ? checksumsOfWhole : putChecksums)(store.abilities);
          if (!supported.includes(checksum.algorithm)) {
            return Effect.fail(new ChecksumNotSupported({ supported }));
          }
        }
        const limit = store.limits?.largestPut ?? Infinity;
        if (!inParts && size > limit) {
          return Effect.fail(new FileTooLarge({ limit, actual: size, fitsInParts: true }));
        }
        const { key: template } = policy;
        return Effect.map(
          generate({ organization, caller, template, filename, contentType }),
          (key) => ({ key, upload, policy, policyName }),
        );
      },
    );
  });
};

/** Seals the grant that the upload itself carries, if its policy requires it. */
export function announcementFor(granting: GrantContext, granted: GrantedUpload) {
  const { announce, putLifetime } = granted.policy;
  if (!announce) return undefined;
  const putExpiresAt = DateTime.addDuration(granting.issuedAt, putLifetime);
  const receipt = receiptFrom(granting, granted, { putExpiresAt, writeOnce: false });
  return sealAnnouncement(granting.tokens, { ...receipt, slug: granting.member.slug });
}

export const receiptFrom = (
  granting: GrantContext,
  granted: GrantedUpload,
  put: Pick<Receipt, "putExpiresAt" | "writeOnce">,
): Receipt => ({
  ...sealedFacts(granting, granted),
  ...put,
  confirmUntil: DateTime.addDuration(put.putExpiresAt, CONFIRM_GRACE),
});

/** Counts granted bytes as stored until they are confirmed, refused or ended, if they are counted. */
export const reserve = (
  { member, usage, store }: GrantContext,
  grants: ReadonlyArray<GrantToCount>,
) => {
  if (usage === undefined) return Effect.void;
  const { organization, principal } = member;
  const care = careFor(organization).pipe(
    Effect.provideService(ObjectStore, store),
    Effect.provideService(Usage, usage),
  );
  const { storedBytes } = principal;
  return Effect.flatMap(subjectFolder(principal), (folder) =>
    usage.reserve(grants, { folder, storedBytes, care }),
  );
};

/** Returns when a grant ends, by the end of its PUT. */
export const endsOf = (putExpiresAt: DateTime.Utc) => ({
  urlUntil: putExpiresAt.epochMilliseconds,
  confirmUntil: DateTime.addDuration(putExpiresAt, CONFIRM_GRACE).epochMilliseconds,
});

/** The facts of a grant that the client holds sealed. */
export const sealedFacts = (
  { member, issuedAt, storeName }: GrantContext,
  { key, upload, policy, policyName }: GrantedUpload,
) => ({
  ...upload,
  key,
  policy: policyName,
  subject: member.principal.subject,
  organization: member.organization,
  ...(policy.arrival === "incoming" && { incoming: true }),
  ...(storeName !== undefined && storeName !== DEFAULT_STORE && { store: storeName }),
  issuedAt,
});
