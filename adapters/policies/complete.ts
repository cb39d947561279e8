import * as Arr from "effect/Array";
import * as Duration from "effect/Duration";
import * as Result from "effect/Result";
import type { StoreCapabilities } from "../../application/ports/store-capabilities.ts";
import { CONFIRM_GRACE } from "../../domain/receipt.ts";
import { DEFAULT_POLICY, type UploadPolicy } from "../../domain/upload-policy.ts";
import type { Decoded } from "../settings/decode.ts";
import { decodePolicies, nameOf, type Spelling } from "./document.ts";

/**
 * All policies of a document, by their names: what one leaves out is as in the document's `files`,
 * and what that leaves out as in `files` here. Fails with what the chosen store cannot keep.
 */
export const policiesOf = (
  document: unknown,
  {
    files,
    store,
    spelling,
  }: {
    readonly files: UploadPolicy;
    readonly store: StoreCapabilities;
    readonly spelling: Spelling;
  },
): Decoded<ReadonlyMap<string, UploadPolicy>> =>
  Result.flatMap(decodePolicies(document, spelling), (policies) => {
    const base = { ...files, ...policies.get(DEFAULT_POLICY) };
    const complete = new Map([
      [DEFAULT_POLICY, base],
      ...[...policies].map(([name, members]) => [name, { ...base, ...members }] as const),
    ]);
    const faults = [...complete].flatMap(([name, policy]) =>
      beyond(policy, store, spelling).map(({ member, reason }) => ({
        pointer: `/${name}/${nameOf(member, spelling)}`,
        reason,
      })),
    );
    return Arr.isReadonlyArrayNonEmpty(faults) ? Result.fail(faults) : Result.succeed(complete);
  });

/** Why an upload has a largest size. */
export const ONE_PUT = "a single PUT to this store carries no more";

const DAY = 24 * 60 * 60;

/** What of a policy the chosen store, or the policy itself, cannot keep. */
function beyond(
  policy: UploadPolicy,
  store: StoreCapabilities,
  spelling: Spelling,
): ReadonlyArray<{ readonly member: keyof UploadPolicy; readonly reason: string }> {
  const { maxSize, writeOnce, requireChecksum, deleteMismatch, unconfirmedAfter } = policy;
  const latest = Duration.toSeconds(Duration.sum(policy.putLifetime, CONFIRM_GRACE));
  const faults: ReadonlyArray<readonly [boolean, keyof UploadPolicy, string]> = [
    [
      maxSize > store.largestPut,
      "maxSize",
      `it is more than ${store.largestPut} bytes: ${ONE_PUT}`,
    ],
    [writeOnce && !store.writeOnce, "writeOnce", "it is true, and this store cannot enforce it"],
    [
      requireChecksum && store.checksums.length === 0,
      "requireChecksum",
      "it is true, and this store verifies none",
    ],
    [
      deleteMismatch && !store.versions,
      "deleteMismatch",
      "it is delete, and this store cannot remove exactly what was looked at",
    ],
    [
      unconfirmedAfter !== undefined && !store.marks,
      "unconfirmedAfter",
      "it is set, and this store cannot mark uploads and remove what stays marked",
    ],
    [
      unconfirmedAfter !== undefined && !writeOnce,
      "unconfirmedAfter",
      `it is set, and needs ${nameOf("writeOnce", spelling)}: a second PUT would mark a confirmed file again`,
    ],
    [
      unconfirmedAfter !== undefined && unconfirmedAfter * DAY <= latest,
      "unconfirmedAfter",
      "it is not longer than an upload can take, with the day in which it can be confirmed",
    ],
  ];
  return faults.flatMap(([isFault, member, reason]) => (isFault ? [{ member, reason }] : []));
}
