import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import * as Schedule from "effect/Schedule";
import {
  InvalidUpload,
  PartOutOfRange,
  PartsMissing,
  UploadMismatch,
} from "../../domain/errors.ts";
import { compareParts, countParts, namesInStore, type SentPart } from "../../domain/multipart.ts";
import { CONFIRM_GRACE } from "../../domain/receipt.ts";
import { multipartStore } from "./abort-multipart.ts";
import type { Member } from "../admit.ts";
import { confirmUpload } from "../uploads/confirm-upload.ts";
import { type MultipartId, ObjectStore, type Parts } from "../ports/object-store.ts";
import { Tokens } from "../ports/tokens.ts";
import { publishRefusal } from "../publish.ts";
import { openUpload, sealReceipt } from "../tokens.ts";

const MOST_FAULTS = 100;

/**
 * Makes the object of an upload in parts, confirms it, and gives the receipt that a single PUT has
 * from its start. Before that, the parts in the store are compared with the grant, and with those
 * that the client names. Parts that break the grant end the upload; others can be uploaded again.
 * Completing again gives the same answer.
 */
export const completeMultipart = Effect.fnUntraced(function* <E>(request: {
  readonly member: Member;
  readonly upload: string;
  /** Each number once. Decoded after the upload was opened, which costs much less. */
  readonly parts: Effect.Effect<ReadonlyArray<SentPart>, E>;
}) {
  const { member } = request;
  const upload = yield* openUpload(member, request.upload);
  const sent = yield* request.parts;
  const multipart = yield* multipartStore;
  const partCount = countParts(upload);
  const beyond = sent.find(({ partNumber }) => partNumber > partCount);
  if (beyond !== undefined) {
    return yield* new PartOutOfRange({ partNumber: beyond.partNumber, partCount });
  }

  const id = namesInStore(upload);
  // Only the object tells, whatever was answered: an answer can be lost, and of several requests to
  // complete an upload, all but one find that it has ended.
  const arrived = Effect.gen(function* () {
    const receipt = {
      ...upload,
      writeOnce: (yield* ObjectStore).abilities.has("completes once"),
      putExpiresAt: upload.expiresAt,
      confirmUntil: DateTime.addDuration(upload.expiresAt, CONFIRM_GRACE),
    };
    const confirmed = yield* confirmUpload({ member, receipt });
    const writeOnce = receipt.writeOnce && confirmed.final;
    return { ...confirmed, receipt: sealReceipt(yield* Tokens, { ...receipt, writeOnce }) };
  });
  const stored = Option.getOrUndefined(yield* multipart.list(id));
  const faults = compareParts(upload, stored ?? [], sent);
  // versitygw takes a part that ends after the upload was completed, and then lists that one.
  if (stored !== undefined && faults.differences.length + faults.missing.length > 0) {
    const earlier = yield* Effect.option(arrived);
    if (Option.isSome(earlier)) return earlier.value;
  }
  const outcome = stored
    ? yield* Effect.gen(function* () {
        if (faults.breaksGrant) yield* abortQuietly(multipart, id);
        const differences = faults.differences.slice(0, MOST_FAULTS);
        if (differences.length > 0) {
          const mismatch = new UploadMismatch({ differences });
          // Other parts can be sent again.
          if (faults.breaksGrant) yield* publishRefusal(member, upload)(mismatch);
          return yield* mismatch;
        }
        const missing = faults.missing.slice(0, MOST_FAULTS);
        if (missing.length > 0) return yield* new PartsMissing({ missing });
        const completing = multipart.complete({
          ...id,
          parts: stored,
          checksum: upload.checksum,
        });
        return yield* Effect.result(completing);
      })
    : Result.succeed("ended" as const);
  const ending = Result.getOrUndefined(outcome);
  const failure = Result.isFailure(outcome) ? outcome.failure : undefined;
  const difference =
    failure?._tag === "ObjectUnreadable"
      ? { property: failure.header, expected: "", actual: "set" }
      : // The store compares the checksum, and does not return that of the parts.
        ending === "mismatch" && {
          property: "checksum",
          expected: upload.checksum?.value ?? "",
          actual: "another",
        };
  if (ending === "exists" || difference) yield* abortQuietly(multipart, id);
  if (difference) {
    const mismatch = new UploadMismatch({ differences: [difference] });
    yield* publishRefusal(member, upload)(mismatch);
    return yield* mismatch;
  }

  return yield* arrived.pipe(
    // While another request completes the same upload, some stores have no object for a moment.
    Effect.retry({
      while: ({ _tag }) => _tag === "UploadIncomplete" && ending === "completed",
      schedule: Schedule.spaced("200 millis"),
      times: 5,
    }),
    Effect.catchTag("UploadIncomplete", (incomplete) =>
      Effect.fail(
        failure?._tag === "StoreUnavailable"
          ? failure
          : ending === "ended"
            ? new InvalidUpload()
            : incomplete,
      ),
    ),
  );
});

const abortQuietly = (multipart: Parts, upload: MultipartId) =>
  multipart
    .abort(upload)
    .pipe(
      Effect.catch(({ reason }) =>
        Effect.logWarning("a refused upload could not be aborted", { key: upload.key, reason }),
      ),
    );
