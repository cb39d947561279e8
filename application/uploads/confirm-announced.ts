import * as Cause from "effect/Cause";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { incomingKey, INCOMING_PREFIX, parse } from "../../domain/storage-key.ts";
import type { Member } from "../admit.ts";
import { policyNamed } from "../choose-policy.ts";
import { lookAt } from "../files/file-state.ts";
import { Tokens } from "../ports/tokens.ts";
import { openAnnouncement } from "../tokens.ts";
import { settleUpload } from "./settle-upload.ts";

/** `ignored` is what cannot be confirmed by that: not ours, not announced, or done before. */
type Announced = "confirmed" | "refused" | "ignored";

/**
 * Confirms an upload for its client, by the grant that the object itself carries. Somebody else
 * says that there is an object of this name; nothing of it is believed, and a false one costs one
 * look at the store. Fails if it has to be tried again.
 */
export const confirmAnnounced = Effect.fnUntraced(function* (name: string) {
  if (!name.startsWith(INCOMING_PREFIX)) return IGNORED;
  const named = Option.getOrUndefined(parse(name.slice(INCOMING_PREFIX.length)));
  if (named === undefined) return IGNORED;
  const found = Option.getOrUndefined(yield* lookAt(incomingKey(named.key)));
  const opened = openAnnouncement(yield* Tokens, found?.announcement ?? "");
  if (Option.isNone(opened)) return IGNORED;
  const receipt = opened.value;
  const { key, subject, organization, slug, confirmUntil } = receipt;
  const isOver = (yield* Clock.currentTimeMillis) > confirmUntil.epochMilliseconds;
  // The grant of another upload may have been sent with this one.
  if (key !== named.key || slug === undefined || isOver) return IGNORED;
  const member: Member = {
    principal: { kind: "user", subject, scopes: new Set(), organizations: "every" },
    slug,
    organization,
  };
  const policy = yield* policyNamed(receipt.policy);
  return yield* settleUpload({ member, receipt, policy }).pipe(
    Effect.as("confirmed" as Announced),
    Effect.catchTags({
      UploadMismatch: () => REFUSED,
      UploadRefusedByScan: () => REFUSED,
      UploadIncomplete: () => Effect.succeed(IGNORED),
      OrganizationNotFound: () => Effect.succeed(IGNORED),
    }),
  );
});

const IGNORED: Announced = "ignored";
const REFUSED = Effect.succeed<Announced>("refused");

/** For a store that is part of this process. Its client can still confirm what fails. */
export const confirmArrived = (key: string) =>
  confirmAnnounced(key).pipe(
    Effect.catchTag("UploadPending", () => Effect.void),
    // Also where the host's own function throws: the bytes are stored.
    Effect.catchCause((cause) =>
      Effect.logWarning("an upload that has arrived could not be confirmed", {
        key,
        cause: Cause.squash(cause),
      }),
    ),
  );
