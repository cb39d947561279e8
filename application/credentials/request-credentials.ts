import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { SecureRandom } from "effect/crypto/SecureRandom";
import type { ByteSize } from "../../domain/byte-size.ts";
import {
  type CredentialsGrant,
  credentialsPrefix,
  LONGEST_CREDENTIALS,
  reservedKey,
} from "../../domain/credentials-grant.ts";
import { CredentialsNotSupported, PolicyNotAllowed } from "../../domain/errors.ts";
import { DEFAULT_STORE } from "../../domain/place.ts";
import { CONFIRM_GRACE } from "../../domain/receipt.ts";
import type { Member } from "../admit.ts";
import { choosePolicy } from "../choose-policy.ts";
import { sealCredentials } from "../tokens.ts";
import { endsOf, grantContextFor, reserve } from "../uploads/grant-upload.ts";

/**
 * Grants temporary credentials of the store, which may put below a new prefix and nothing else.
 * `maxBytes` counts like one upload of that size.
 *
 * Fails with `UnknownPolicy`, `PolicyNotAllowed`, `CredentialsNotSupported`, `QuotaExceeded`,
 * `StorageFull`, `TooManyOpenUploads`, `LimitsUnavailable` or `CredentialsUnavailable`.
 */
export const requestCredentials = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly policy: string;
  /** As long as the policy allows if left out. */
  readonly lifetime?: Duration.Duration | undefined;
  readonly maxBytes: ByteSize;
}) {
  const { member, maxBytes, lifetime = LONGEST_CREDENTIALS } = request;
  const { organization, principal: caller } = member;
  const granting = yield* grantContextFor(member);
  const { presigner, limiter, storeName, issuedAt, audience } = granting;
  const policy = yield* choosePolicy(granting.policies, member, request.policy);
  if (!policy.callers.includes(caller.kind)) {
    return yield* new PolicyNotAllowed({ callers: policy.callers });
  }
  if (!policy.credentials || presigner.credentials === undefined) {
    return yield* new CredentialsNotSupported();
  }
  const id = yield* SecureRandom.use((random) => random.uuidV4());
  const prefix = credentialsPrefix({ organization, id });
  const credentials = yield* presigner.credentials({
    prefix,
    lifetime: Duration.min(lifetime, policy.putLifetime),
    audience,
  });
  const { expiresAt } = credentials;
  const grant: CredentialsGrant = {
    id,
    policy: request.policy,
    subject: caller.subject,
    kind: caller.kind,
    organization,
    ...(storeName !== undefined && storeName !== DEFAULT_STORE && { store: storeName }),
    maxBytes,
    issuedAt,
    expiresAt,
    completeUntil: DateTime.addDuration(expiresAt, CONFIRM_GRACE),
  };
  const key = yield* reservedKey(grant, policy.key);
  const counted = { organization, caller, size: maxBytes };
  yield* limiter.countUpload(counted);
  yield* Effect.tapError(reserve(granting, [{ key, size: maxBytes, ...endsOf(expiresAt) }]), () =>
    limiter.uncountUpload(counted),
  );
  return { credentials, prefix, grant, sealed: yield* sealCredentials(grant) };
});
