import * as Cause from "effect/Cause";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { incomingKey, INCOMING_PREFIX, parse } from "../../domain/storage-key.ts";
import type { Member } from "../admit.ts";
import { policyNamed } from "../choose-policy.ts";
import { lookAt } from "../files/file-state.ts";
import { Tokens } from "../ports/tokens.ts";
import { isElsewhere } from "../store/in-store.ts";
import { openAnnouncement } from "../tokens.ts";
import { settleUpload } from "./settle-upload.ts";

/** `ignored`: not stored by this service, not announced, or confirmed before. */
type Announced = "confirmed" | "refused" | "ignored";

/**
 * Confirms an upload for its client, by the grant that the object itself carries. The notification
 * only names the object: nothing else in it is believed, and a false one costs one look at the
 * store. Fails if it has to be repeated.
 */
export const confirmAnnounced = Effect.fnUntraced(function* (name: string) {
  if (!name.startsWith(INCOMING_PREFIX)) return IGNORED;
  const named = Option.getOrUndefined(parse(name.slice(INCOMING_PREFIX.length)));
  if (named === undefined) return IGNORED;
  const object = Option.getOrUndefined(yield* lookAt(incomingKey(named.key)));
  const opened = openAnnouncement(yield* Tokens, object?.announcement ?? "");
  if (Option.isNone(opened)) return IGNORED;
  const receipt = opened.value;
  const { key, subject, organization, slug, confirmUntil } = receipt;
  const isOver = (yield* Clock.currentTimeMillis) > confirmUntil.epochMilliseconds;
  // The upload may carry the grant of another one, or of one to another store.
  const isOther = key !== named.key || (yield* isElsewhere(receipt));
  if (isOther || slug === undefined || isOver) return IGNORED;
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

/** Confirms an upload to a store in this process. If that fails, its client still can. */
export const confirmArrived = (key: string) =>
  confirmAnnounced(key).pipe(
    Effect.catchTag("UploadPending", () => Effect.void),
    // Also if the host's function throws: the bytes are stored.
    Effect.catchCause((cause) =>
      Effect.logWarning("an upload that has arrived could not be confirmed", {
        key,
        cause: Cause.squash(cause),
      }),
    ),
  );
