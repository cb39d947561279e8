import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { contentDisposition } from "../domain/disposition.ts";
import { UploadIncomplete, UploadMismatch } from "../domain/errors.ts";
import { isFinal, mutableUntil, type Receipt } from "../domain/receipt.ts";
import { compareWithReceipt, timeDifference } from "../domain/upload-difference.ts";
import { audienceFor, type Member } from "./admit.ts";
import { policyNamed } from "./choose-policy.ts";
import { ObjectStore } from "./ports/object-store.ts";
import { OnConfirmed } from "./ports/on-confirmed.ts";
import { Presigner } from "./ports/presigner.ts";
import { openReceipt } from "./tokens.ts";

/**
 * Asks the store whether the upload arrived as its receipt says. Asking again gives the same answer
 * while the object is the same.
 */
export const confirmUpload = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly receipt: string;
}) {
  const receipt = yield* openReceipt(request.member, request.receipt);
  return yield* confirmArrival(request.member, receipt);
});

export const confirmArrival = Effect.fnUntraced(function* (member: Member, receipt: Receipt) {
  const now = yield* DateTime.now;
  const store = yield* ObjectStore;
  const found = yield* store
    .head(receipt.key)
    .pipe(
      Effect.catchTag("ObjectUnreadable", ({ header }) =>
        Effect.fail(
          new UploadMismatch({ differences: [{ property: header, expected: "", actual: "set" }] }),
        ),
      ),
    );
  if (Option.isNone(found)) return yield* new UploadIncomplete();
  const facts = found.value;
  const policy = yield* policyNamed(receipt.policy);
  const { key, fileName, mediaType, checksum } = receipt;
  const differences = [
    ...compareWithReceipt(receipt, facts),
    ...timeDifference(receipt, facts, now),
  ];
  if (differences.length > 0) {
    const { version } = facts;
    // Without a version it could be another object by now that is removed.
    if (policy.onMismatch === "delete" && version !== undefined) {
      yield* store.remove({ key, version }).pipe(
        Effect.catch(({ reason }) =>
          Effect.logWarning("a file that differs from its grant could not be removed", {
            key,
            reason,
          }),
        ),
      );
    }
    return yield* new UploadMismatch({ differences });
  }

  if (receipt.pending) {
    // A mark that stays is the store's fault, and the client can only ask again.
    yield* store.keep({ key, version: facts.version });
  }

  const isCompared = checksum !== undefined && facts.checksums[checksum.algorithm] !== undefined;
  const get = yield* (yield* Presigner).get({
    key,
    lifetime: policy.getLifetime,
    minLifetime: policy.minLifetime,
    audience: audienceFor(member),
    responseMediaType: mediaType,
    responseDisposition: contentDisposition(mediaType, fileName, policy),
    version: facts.version,
  });
  const confirmed = {
    key,
    size: facts.size,
    mediaType,
    etag: facts.etag,
    version: facts.version,
    checksum: isCompared ? checksum : undefined,
    final: isFinal(facts.isReplaceable === true ? { ...receipt, writeOnce: false } : receipt, {
      now,
      isHeld: isCompared && facts.isReplayable !== true,
    }),
    mutableUntil: mutableUntil(receipt),
  };
  member.recordFacts?.({ size: facts.size, grantedAt: receipt.issuedAt });
  yield* (yield* OnConfirmed)({
    ...confirmed,
    organization: receipt.organization,
    subject: receipt.subject,
  });
  return { ...confirmed, policy: receipt.policy, get };
});
