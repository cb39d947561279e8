import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { LinksNotAllowed, LinkTooLong } from "../../domain/errors.ts";
import type { LinkLifetime } from "../../domain/link.ts";
import type { StorageKey } from "../../domain/storage-key.ts";
import type { Member } from "../admit.ts";
import { ObjectStore } from "../ports/object-store.ts";
import { Policies } from "../ports/policies.ts";
import { isElsewhere } from "../store/in-store.ts";
import { claimedStore } from "../store/placement.ts";
import { openReceipt, sealLink } from "../tokens.ts";

/**
 * Makes a link that opens the file of a receipt for its holder, for as long as the policy allows
 * unless the caller requests less. It opens the named version, or the present one; the newest if
 * the store does not answer.
 */
export const makeLink = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly receipt: string;
  readonly lifetime?: LinkLifetime | undefined;
  /** As returned by confirming. */
  readonly version?: string | undefined;
}) {
  const { member, receipt } = request;
  const opened = yield* openReceipt(member, receipt);
  const { key, filename, path, contentType, policy } = opened;
  const longest = (yield* Policies).get(policy)?.linkLifetime;
  if (longest === undefined) return yield* new LinksNotAllowed();
  const { lifetime = longest } = request;
  if (Duration.isGreaterThan(lifetime, longest)) {
    return yield* new LinkTooLong({ limit: Duration.toSeconds(longest) });
  }
  const now = yield* DateTime.now;
  const expiresAt = DateTime.addDuration(now, lifetime);
  // A file that moves, or was moved, has other versions in its other store.
  const isMoved = yield* isElsewhere(opened);
  const version = isMoved ? undefined : (request.version ?? (yield* versionNow(key)));
  const store = claimedStore(member) ?? (version === undefined ? undefined : opened.store);
  const token = yield* sealLink({
    key,
    filename,
    contentType,
    policy,
    issuedAt: now,
    expiresAt,
    ...(version !== undefined && { version }),
    ...(store !== undefined && { store }),
  });
  return { token, expiresAt, filename, path };
});

const versionNow = Effect.fnUntraced(function* (key: StorageKey) {
  const facts = yield* (yield* ObjectStore).head(key).pipe(
    Effect.tapError((reason) => Effect.logWarning("a link names no version", { key, reason })),
    Effect.option,
  );
  return Option.getOrUndefined(Option.flatten(facts))?.version;
});
