import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { ChecksumAlgorithm } from "../domain/checksum.ts";
import { dispositionOf } from "../domain/disposition.ts";
import { UploadIncomplete, UploadMismatch } from "../domain/errors.ts";
import { isFinal, mutableUntil, type Receipt } from "../domain/receipt.ts";
import { DEFAULT_POLICY, defaultPolicy } from "../domain/upload-policy.ts";
import type { Member } from "./admit.ts";
import { type ObjectFacts, ObjectStore, StoreUnavailable } from "./ports/object-store.ts";
import { OnConfirmed } from "./ports/on-confirmed.ts";
import { Policies } from "./ports/policies.ts";
import { Presigner } from "./ports/presigner.ts";
import { audienceOf } from "./request-upload.ts";
import { receiptOf } from "./tokens.ts";

/** How long the store has to answer; a PUT that stalls can hold the lock of its key. */
const PATIENCE = "5 seconds";

/**
 * Asks the store whether what a receipt was given for is what arrived. Asking again gives the
 * same answer, for as long as the object is the same.
 *
 * Fails with `OrganizationNotFound` (for a receipt of another organization, or of another person),
 * `InvalidReceipt`, `UploadIncomplete`, `UploadMismatch`, `StoreUnavailable` or
 * `CredentialsUnavailable`.
 */
export const confirmUpload = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly receipt: string;
}) {
  const receipt = yield* receiptOf(request);
  const now = DateTime.makeUnsafe(yield* Clock.currentTimeMillis);
  const store = yield* ObjectStore;
  const found = yield* store.head(receipt.key).pipe(
    Effect.timeoutOrElse({ duration: PATIENCE, orElse: () => Effect.fail(TOO_LATE) }),
    Effect.catchTag("ObjectUnreadable", ({ header }) =>
      Effect.fail(
        new UploadMismatch({ differences: [{ property: header, expected: "", actual: "set" }] }),
      ),
    ),
  );
  if (Option.isNone(found)) return yield* new UploadIncomplete();
  const facts = found.value;
  const policies = yield* Policies;
  // A policy that was taken away leaves its uploads to the deployment's own.
  const policy = policies.get(receipt.policy) ?? policies.get(DEFAULT_POLICY) ?? defaultPolicy;
  const { key, fileName, mediaType, checksum } = receipt;
  const differences = differencesOf(receipt, facts);
  if (differences.length > 0) {
    const { version } = facts;
    // Without a version it could be another object by now that is removed.
    if (policy.deleteMismatch && version !== undefined) {
      yield* store
        .remove({ key, version })
        .pipe(
          Effect.catch(({ reason }) =>
            Effect.logWarning("a mismatch could not be removed", { key, reason }),
          ),
        );
    }
    return yield* new UploadMismatch({ differences });
  }

  if (receipt.pending) yield* store.keep(key);

  const isCompared = checksum !== undefined && facts.checksums[checksum.algorithm] !== undefined;
  const get = yield* (yield* Presigner).get({
    key,
    lifetime: policy.getLifetime,
    minLifetime: policy.minLifetime,
    audience: audienceOf(request.member),
    responseMediaType: mediaType,
    responseDisposition: dispositionOf(mediaType, fileName, policy),
    version: facts.version,
  });
  const confirmed = {
    key,
    size: facts.size,
    mediaType,
    etag: facts.etag,
    checksum: isCompared ? checksum : undefined,
    final: isFinal(receipt, { now, isHeld: isCompared && facts.isReplayable !== true }),
    mutableUntil: mutableUntil(receipt),
  };
  yield* (yield* OnConfirmed)({
    ...confirmed,
    organization: receipt.organization,
    subject: receipt.subject,
  });
  return { ...confirmed, policy: receipt.policy, get };
});

const TOO_LATE = new StoreUnavailable({ reason: "the store said nothing of an object in time" });

/** What arrived otherwise than it was promised. */
function differencesOf(receipt: Receipt, facts: ObjectFacts): Array<UploadDifference> {
  const differences: Array<UploadDifference> = [];
  const compare = (property: string, expected: string | number, actual: string | number) => {
    if (expected !== actual) differences.push({ property, expected, actual });
  };
  compare("size", receipt.size, facts.size);
  compare("content_type", receipt.mediaType, facts.mediaType);
  if (receipt.checksum !== undefined) {
    const { algorithm, value } = receipt.checksum;
    // What the store verified and then forgot is no difference.
    const missing = (facts.reports ?? REPORTED).includes(algorithm) ? "none" : value;
    compare("checksum", value, facts.checksums[algorithm] ?? missing);
  }
  for (const [name, value] of Object.entries(facts.extraHeaders)) {
    if (receipt.writeOnce && name === "cache-control" && OF_THE_CONDITION.has(value)) continue;
    if (receipt.pending && name === "x-amz-tagging") continue;
    differences.push({ property: name, expected: "", actual: value });
  }
  return differences;
}

const REPORTED: ReadonlyArray<ChecksumAlgorithm> = ["sha256", "crc32c"];

/**
 * What `fetch` adds by itself beside `If-None-Match`, as the Fetch standard has it, section
 * "HTTP-network-or-cache fetch", and as Chromium has it.
 */
const OF_THE_CONDITION: ReadonlySet<string> = new Set(["no-cache", "max-age=0"]);

type UploadDifference = UploadMismatch["differences"][number];
