import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import { utf8Length } from "../../domain/file-name.ts";
import { isFinal, mutableUntil, type Receipt } from "../../domain/receipt.ts";
import type { StorageKey } from "../../domain/storage-key.ts";
import type { UploadPolicy } from "../../domain/upload-policy.ts";
import type { Member } from "../admit.ts";
import { decideUpload } from "../files/count-files.ts";
import { ObjectStore } from "../ports/object-store.ts";
import { OnConfirmed } from "../ports/on-confirmed.ts";
import { Usage } from "../ports/usage.ts";
import { tellThresholds } from "../files/tell-thresholds.ts";
import { grantFacts, publish, publishRefusal } from "../publish.ts";
import { examineUpload, removeQuietly } from "./examine-upload.ts";
import { endsOf } from "./grant-upload.ts";
import { type Promoted, promoteUpload } from "./promote-upload.ts";
import { type Progress, shareWork } from "./share-work.ts";

/** An upload that may have arrived, with the policy of its receipt. */
export interface Settling {
  readonly member: Member;
  readonly receipt: Receipt;
  readonly policy: UploadPolicy;
}

/**
 * Decides if an upload is as granted, makes its file if it waits, and publishes the decision before
 * answering. Requests for one waiting upload share the work.
 */
export const settleUpload = shareWork(
  Effect.fnUntraced(function* ({ member, receipt, policy }: Settling, progress: Progress) {
    const { key, filename, path, size, contentType } = receipt;
    const { checksum, metadata, organization, subject } = receipt;
    const isCopy = receipt.incoming === true;
    const facts: Promoted = yield* (
      isCopy ? promoteUpload(receipt, policy, progress) : examineUpload(receipt, policy)
    ).pipe(
      Effect.tapErrorTag(["UploadRefusedByScan", "UploadMismatch"], (refusal) =>
        Effect.andThen(publishRefusal(member, receipt)(refusal), decideUpload(key)),
      ),
    );
    const isCompared = checksum !== undefined && facts.checksums[checksum.algorithm] !== undefined;
    const isReplaceable = facts.isReplaceable === true;
    const isOnce = !isReplaceable && (yield* ObjectStore).abilities.has("copies once");
    const confirmed = {
      key,
      filename,
      path,
      size,
      contentType,
      etag: facts.etag,
      version: facts.version,
      // A store refuses an upload with a checksum other than the signed one, and a copy has none.
      checksum: isCompared || isCopy ? checksum : undefined,
      metadata,
      final: isFinal(
        // The PUT of a waiting upload says nothing about the file that is a copy of it.
        { ...receipt, writeOnce: isCopy ? isOnce : receipt.writeOnce && !isReplaceable },
        {
          now: yield* DateTime.now,
          isHeld: !isCopy && isCompared && facts.isReplayable !== true,
        },
      ),
      mutableUntil: mutableUntil(receipt),
    };
    // Before anybody is told: what fails after it is asked again, and not counted again.
    const usage = yield* Usage;
    if (usage !== undefined) {
      const ends = endsOf(receipt.putExpiresAt);
      yield* usage.stored({ key, size, ...ends, isFinal: confirmed.final });
    }
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
    yield* tellThresholds({ key, slug: member.slug, subject });
    // The last step: after a crash, the next attempt still sees the waiting upload.
    if (facts.waiting !== undefined) yield* removeQuietly(facts.waiting);
    const serverData = returned === undefined ? undefined : yield* asJson(returned, key);
    return { ...confirmed, serverData };
  }),
);

/** Most bytes of `OnConfirmed`'s JSON that a client gets. */
const MAX_BYTES = 4096;

/** Leaves out an invalid value: the upload has arrived, and confirming again would not help. */
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
