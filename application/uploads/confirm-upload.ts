import * as Effect from "effect/Effect";
import type { Receipt } from "../../domain/receipt.ts";
import type { UploadPolicy } from "../../domain/upload-policy.ts";
import { audienceFor, type Member } from "../admit.ts";
import { policyNamed } from "../choose-policy.ts";
import { getRequest } from "../files/get-request.ts";
import { Presigner } from "../ports/presigner.ts";
import { inStoreOfUpload, isElsewhere } from "../store/in-store.ts";
import { openReceipt } from "../tokens.ts";
import { settleUpload, type Settling } from "./settle-upload.ts";

/**
 * Confirms that the upload arrived as its receipt says, in the store in which it began, or where its
 * file has been moved since. Confirming again gives the same answer while the object is the same.
 */
export const confirmUpload = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  /** Sealed, as the client has it, or opened. */
  readonly receipt: string | Receipt;
}) {
  const { member, receipt: held } = request;
  const receipt = typeof held === "string" ? yield* openReceipt(member, held) : held;
  const confirmed = inStoreOfUpload(receipt, confirmHere(member, receipt));
  if (!(yield* isElsewhere(receipt))) return yield* confirmed;
  return yield* Effect.catchTag(confirmed, ["UploadIncomplete", "StoreUnavailable"], (failure) =>
    Effect.catchTag(confirmHere(member, receipt, true), "UploadIncomplete", () =>
      Effect.fail(failure),
    ),
  );
});

const confirmHere = Effect.fnUntraced(function* (
  member: Member,
  receipt: Receipt,
  isMoved = false,
) {
  const named = yield* policyNamed(receipt.policy);
  // A moved file may differ in what only its first store reports.
  const policy: UploadPolicy = isMoved ? { ...named, onMismatch: "keep" } : named;
  const settled = yield* Effect.tapErrorTag(
    settleWithGet({ member, receipt, policy }),
    "UploadRefusedByScan",
    ({ finding }) => Effect.sync(() => member.recordFacts?.({ finding })),
  );
  const { size, metadata, path } = settled;
  member.recordFacts?.({ size, grantedAt: receipt.issuedAt, metadata, path });
  return settled;
});

/** Settles an upload, and signs a GET of its file. */
export const settleWithGet = Effect.fnUntraced(function* (settling: Settling) {
  const { member, receipt, policy } = settling;
  const settled = yield* settleUpload(settling);
  const { version } = settled;
  const presigner = yield* Presigner;
  const get = yield* presigner.get(
    getRequest({ ...receipt, version }, policy, audienceFor(member)),
  );
  return { ...settled, get };
});
