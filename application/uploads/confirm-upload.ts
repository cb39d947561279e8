import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import { contentDisposition } from "../../domain/disposition.ts";
import { utf8Length } from "../../domain/file-name.ts";
import { isFinal, mutableUntil, type Receipt } from "../../domain/receipt.ts";
import type { StorageKey } from "../../domain/storage-key.ts";
import type { UploadPolicy } from "../../domain/upload-policy.ts";
import { audienceFor, type Member } from "../admit.ts";
import { policyNamed } from "../choose-policy.ts";
import { examineUpload } from "./examine-upload.ts";
import { ObjectStore } from "../ports/object-store.ts";
import { OnConfirmed } from "../ports/on-confirmed.ts";
import { Presigner } from "../ports/presigner.ts";
import { type Progress, promoteUpload } from "./promote-upload.ts";
import { grantFacts, publish, publishRefusal } from "../publish.ts";
import { shareWork } from "./share-work.ts";
import { openReceipt } from "../tokens.ts";

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
  const { policy, ...settled } = yield* Effect.tapErrorTag(
    settleArrival(member, receipt),
    "UploadRefusedByScan",
    ({ finding }) => Effect.sync(() => member.recordFacts?.({ finding })),
  );
  const { key, filename, contentType, metadata } = receipt;
  member.recordFacts?.({ size: settled.size, grantedAt: receipt.issuedAt, metadata });
  const get = yield* (yield* Presigner).get({
    key,
    lifetime: policy.getLifetime,
    minLifetime: policy.minLifetime,
    audience: audienceFor(member),
    responseMediaType: contentType,
    responseDisposition: contentDisposition(contentType, filename, policy),
    version: settled.version,
  });
  return { ...settled, policy: receipt.policy, get };
});

/** Decides about an upload, for whoever asks, or for nobody. */
export const settleArrival = Effect.fnUntraced(function* (member: Member, receipt: Receipt) {
  const policy = yield* policyNamed(receipt.policy);
  const settled = yield* receipt.incoming
    ? settleOnce(receipt.key, (progress) => settle(member, receipt, policy, progress))
    : settle(member, receipt, policy);
  return { ...settled, policy };
});

/** Decides about an upload, and tells whoever wants to hear of it before the answer does. */
const settle = Effect.fnUntraced(function* (
  member: Member,
  receipt: Receipt,
  policy: UploadPolicy,
  progress?: Progress,
) {
  const { key, size, contentType, checksum, metadata, organization, subject } = receipt;
  const publishing = publishRefusal(member, receipt);
  const { facts, removeWaiting } = yield* arrive(receipt, policy, progress).pipe(
    Effect.tapErrorTag("UploadRefusedByScan", publishing),
    Effect.tapErrorTag("UploadMismatch", publishing),
  );
  const isCompared = checksum !== undefined && facts.checksums[checksum.algorithm] !== undefined;
  const isReplaceable = facts.isReplaceable === true;
  const isOnce = !isReplaceable && ((yield* ObjectStore).copiesOnce?.() ?? false);
  const confirmed = {
    key,
    size,
    contentType,
    etag: facts.etag,
    version: facts.version,
    // A store refuses an upload with another checksum than was signed, and a copy has none.
    checksum: isCompared || progress ? checksum : undefined,
    metadata,
    final: isFinal(
      // Of an upload that waits, its PUT says nothing about the file that is a copy of it.
      { ...receipt, writeOnce: progress ? isOnce : receipt.writeOnce && !isReplaceable },
      {
        now: yield* DateTime.now,
        isHeld: progress === undefined && isCompared && facts.isReplayable !== true,
      },
    ),
    mutableUntil: mutableUntil(receipt),
  };
  const returned = yield* (yield* OnConfirmed)({ ...confirmed, organization, subject });
  yield* publish(() => ({
    type: "upload.confirmed",
    slug: member.slug,
    data: {
      ...grantFacts(receipt),
      etag: facts.etag,
      ...(facts.version !== undefined && { version: facts.version }),
      final: confirmed.final,
    },
  }));
  // The last step: what waits is found again by whoever goes on after a crash.
  yield* removeWaiting;
  const serverData = returned === undefined ? undefined : yield* asJson(returned, key);
  return { ...confirmed, serverData };
});

const arrive = Effect.fnUntraced(function* (
  receipt: Receipt,
  policy: UploadPolicy,
  progress: Progress | undefined,
) {
  return progress === undefined
    ? { facts: yield* examineUpload(receipt, policy), removeWaiting: Effect.void }
    : yield* promoteUpload(receipt, policy, progress);
});

const settleOnce = shareWork<
  Effect.Success<ReturnType<typeof settle>>,
  Effect.Error<ReturnType<typeof settle>>
>();

/** Most bytes of JSON that a client is given of what `OnConfirmed` returns. */
const MAX_BYTES = 4096;

/** Leaves out what cannot be given: the upload has arrived, and confirming again would not help. */
const asJson = (returned: unknown, key: StorageKey): Effect.Effect<unknown> =>
  Effect.try((): unknown => {
    const text = JSON.stringify(returned);
    if (utf8Length(text) > MAX_BYTES) throw new RangeError(`it has more than ${MAX_BYTES} bytes`);
    return JSON.parse(text);
  }).pipe(
    Effect.tapError(({ cause }) =>
      Effect.logError("what onConfirmed has returned is not given to the client", { key, cause }),
    ),
    Effect.orElseSucceed(() => undefined),
  );
