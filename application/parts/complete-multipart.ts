import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schedule from "effect/Schedule";
import {
  InvalidUpload,
  PartOutOfRange,
  PartsMissing,
  type StoreUnavailable,
  UploadMismatch,
} from "../../domain/errors.ts";
import { compareParts, countParts, namesInStore, type SentPart } from "../../domain/multipart.ts";
import { CONFIRM_GRACE } from "../../domain/receipt.ts";
import { multipartStore } from "./abort-multipart.ts";
import type { Member } from "../admit.ts";
import { confirmUpload } from "../uploads/confirm-upload.ts";
import { decideUpload } from "../files/count-files.ts";
import {
  type Completion,
  type MultipartId,
  ObjectStore,
  type Parts,
} from "../ports/object-store.ts";
import { Tokens } from "../ports/tokens.ts";
import { publishRefusal } from "../publish.ts";
import { inStoreOfUpload } from "../store/in-store.ts";
import { openUpload, sealReceipt } from "../tokens.ts";

const MOST_FAULTS = 100;

/**
 * Makes the object of an upload in parts, confirms it, and returns the receipt that a single PUT
 * has from its start. The parts in the store are first compared with the grant, and with those that
 * the client names. Parts that break the grant end the upload; others can be uploaded again.
 * Completing twice gives the same answer.
 */
export const completeMultipart = Effect.fnUntraced(function* <E>(request: {
  readonly member: Member;
  readonly upload: string;
  /** Each number once. Decoded after the upload is opened, which costs much less. */
  readonly parts: Effect.Effect<ReadonlyArray<SentPart>, E>;
}) {
  const { member } = request;
  const upload = yield* openUpload(member, request.upload);
  const sent = yield* request.parts;
  const partCount = countParts(upload);
  const beyond = sent.find(({ partNumber }) => partNumber > partCount);
  if (beyond !== undefined) {
    return yield* new PartOutOfRange({ partNumber: beyond.partNumber, partCount });
  }

  const began = yield* Effect.catchTag(
    inStoreOfUpload(upload, Effect.all({ parts: multipartStore, store: ObjectStore })),
    "StoreUnavailable",
    (failure) => Effect.succeed(failure),
  );
  const isKnown = "parts" in began;
  const id = namesInStore(upload);
  // Only the object is certain: an answer can be lost, and of several completions of an upload all
  // but one fail because it has ended.
  const arrived = Effect.gen(function* () {
    const receipt = {
      ...upload,
      writeOnce: isKnown && began.store.abilities.has("completes once"),
      putExpiresAt: upload.expiresAt,
      confirmUntil: DateTime.addDuration(upload.expiresAt, CONFIRM_GRACE),
    };
    const confirmed = yield* confirmUpload({ member, receipt });
    const writeOnce = receipt.writeOnce && confirmed.final;
    return { ...confirmed, receipt: sealReceipt(yield* Tokens, { ...receipt, writeOnce }) };
  });
  if (!isKnown) {
    // The file may have been moved.
    return yield* Effect.catchTag(arrived, "UploadIncomplete", () => Effect.fail(began));
  }
  const { parts: multipart } = began;
  const refuse = Effect.fnUntraced(function* (differences: UploadMismatch["differences"]) {
    yield* abortQuietly(multipart, id);
    const mismatch = new UploadMismatch({ differences });
    yield* publishRefusal(member, upload)(mismatch);
    yield* decideUpload(upload.key);
    return yield* mismatch;
  });
  const stored = yield* multipart.list(id);
  let ending: Completion | StoreUnavailable = "ended";
  if (Option.isSome(stored)) {
    const faults = compareParts(upload, stored.value, sent);
    const differences = faults.differences.slice(0, MOST_FAULTS);
    const missing = faults.missing.slice(0, MOST_FAULTS);
    if (differences.length + missing.length > 0) {
      // versitygw accepts a part that ends after the completion, and then lists only that one.
      const earlier = yield* Effect.option(arrived);
      if (Option.isSome(earlier)) return earlier.value;
      if (faults.breaksGrant) return yield* refuse(differences);
      // Other parts can be uploaded again.
      if (differences.length > 0) return yield* new UploadMismatch({ differences });
      return yield* new PartsMissing({ missing });
    }
    const { checksum } = upload;
    ending = yield* Effect.catchTags(multipart.complete({ ...id, parts: stored.value, checksum }), {
      ObjectUnreadable: ({ header }) => refuse([{ property: header, expected: "", actual: "set" }]),
      StoreUnavailable: (failure) => Effect.succeed(failure),
    });
    if (ending === "mismatch") {
      // The store compares the checksum, but does not return those of the parts.
      const expected = checksum?.value ?? "";
      return yield* refuse([{ property: "checksum", expected, actual: "another" }]);
    }
    if (ending === "exists") yield* abortQuietly(multipart, id);
  }

  return yield* arrived.pipe(
    // While another request completes the upload, some stores briefly have no object.
    Effect.retry({
      while: ({ _tag }) => _tag === "UploadIncomplete" && ending === "completed",
      schedule: Schedule.spaced("200 millis"),
      times: 5,
    }),
    Effect.catchTag("UploadIncomplete", (incomplete) =>
      Effect.fail(
        typeof ending !== "string" ? ending : ending === "ended" ? new InvalidUpload() : incomplete,
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
