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
import { freeReserved } from "./end-completion.ts";
import { endsOf, grantContextFor, reserve } from "../uploads/grant-upload.ts";

/**
 * Grants temporary credentials of the store, which may put below a new prefix and nothing else.
 * `maxBytes` counts like one upload of that size.
 *
 * Fails with `UnknownPolicy`, `PolicyNotAllowed`, `CredentialsNotSupported`, `QuotaExceeded`,
 * `StorageFull`, `TooManyOpenUploads`, `LimitsUnavailable` or `StoreUnavailable`.
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
  const { store, limiter, storeName, issuedAt, audience } = granting;
  const policy = yield* choosePolicy(granting.policies, member, request.policy);
  if (!policy.callers.includes(caller.kind)) {
    return yield* new PolicyNotAllowed({ callers: policy.callers });
  }
  if (!policy.credentials || store.credentials === undefined) {
    return yield* new CredentialsNotSupported();
  }
  const id = yield* SecureRandom.use((random) => random.uuidV4());
  const prefix = credentialsPrefix({ organization, id });
  const granted = {
    id,
    policy: request.policy,
    subject: caller.subject,
    kind: caller.kind,
    organization,
    ...(storeName !== undefined && storeName !== DEFAULT_STORE && { store: storeName }),
    template: policy.key,
    maxBytes,
    issuedAt,
  };
  const key = yield* reservedKey(granted);
  const life = Duration.min(lifetime, policy.putLifetime);
  const counted = { organization, caller, size: maxBytes };
  const end = DateTime.addDuration(issuedAt, life);
  // Counted first, so that nobody makes the store give credentials beyond a quota.
  yield* limiter.countUpload(counted);
  const credentials = yield* reserve(granting, [{ key, size: maxBytes, ...endsOf(end) }]).pipe(
    Effect.andThen(
      Effect.tapError(store.credentials({ prefix, lifetime: life, audience }), () =>
        Effect.ignore(freeReserved(key, end)),
      ),
    ),
    Effect.tapError(() => limiter.uncountUpload(counted)),
  );
  const { expiresAt } = credentials;
  const completeUntil = DateTime.addDuration(expiresAt, CONFIRM_GRACE);
  const grant: CredentialsGrant = { ...granted, expiresAt, completeUntil };
  return { credentials, prefix, grant, sealed: yield* sealCredentials(grant) };
});
