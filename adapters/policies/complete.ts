import * as Arr from "effect/Array";
import * as Duration from "effect/Duration";
import * as Result from "effect/Result";
import type { StoreCapabilities } from "../../application/ports/store-capabilities.ts";
import { CONFIRM_GRACE } from "../../domain/receipt.ts";
import { DEFAULT_POLICY, type UploadPolicy } from "../../domain/upload-policy.ts";
import type { Decoded } from "../json/decode.ts";
import { decodePolicies, nameOf, type Spelling } from "./document.ts";

/**
 * All policies of a document, by their names: what one leaves out is as in the document's `files`,
 * and what that leaves out as in `files` here. Fails with what the chosen store cannot enforce.
 */
export const policiesOf = (
  document: unknown,
  { files, ...place }: { readonly files: UploadPolicy } & Place,
): Decoded<ReadonlyMap<string, UploadPolicy>> =>
  Result.flatMap(decodePolicies(document, place.spelling), (policies) => {
    const base = { ...files, ...policies.get(DEFAULT_POLICY) };
    const complete = new Map([
      [DEFAULT_POLICY, base],
      ...[...policies].map(([name, members]) => [name, { ...base, ...members }] as const),
    ]);
    const faults = [...complete].flatMap(([name, policy]) =>
      problemsOf(policy, place).flatMap(([member, reason]) =>
        reason === false ? [] : { pointer: `/${name}/${nameOf(member, place.spelling)}`, reason },
      ),
    );
    return Arr.isReadonlyArrayNonEmpty(faults) ? Result.fail(faults) : Result.succeed(complete);
  });

/** Where policies are written, and the store that has to keep them. */
interface Place {
  readonly store: StoreCapabilities;
  readonly spelling: Spelling;
}

/** The largest file that a store takes, in bytes. */
export const largestFile = ({ largestPut, largestMultipart = 0 }: StoreCapabilities): number =>
  Math.max(largestPut, largestMultipart);

/** Why a store takes no larger file. */
export function whyNoLarger({ largestMultipart, noMultipart }: StoreCapabilities): string {
  if (largestMultipart !== undefined) return "this store takes no larger files";
  const why =
    noMultipart === undefined ? "" : `, and it is not used for files in parts: ${noMultipart}`;
  return `a single PUT to this store carries no more${why}`;
}

const DAY = 24 * 60 * 60;

/** What the store cannot enforce of a policy, and what contradicts itself; false where nothing. */
function problemsOf(
  policy: UploadPolicy,
  { store, spelling }: Place,
): ReadonlyArray<readonly [keyof UploadPolicy, reason: string | false]> {
  const { maxSize, writeOnce, requireChecksum, deleteMismatch, unconfirmedAfter } = policy;
  const isRemoved = unconfirmedAfter !== undefined;
  const latest = Duration.toSeconds(Duration.sum(policy.putLifetime, CONFIRM_GRACE));
  return [
    [
      "maxSize",
      maxSize > largestFile(store) &&
        `it is more than ${largestFile(store)} bytes: ${whyNoLarger(store)}`,
    ],
    ["writeOnce", writeOnce && !store.writeOnce && "it is true, and this store cannot enforce it"],
    [
      "requireChecksum",
      requireChecksum && store.checksums.length === 0 && "it is true, and this store verifies none",
    ],
    [
      "deleteMismatch",
      deleteMismatch &&
        !store.versions &&
        "it is delete, and this store cannot remove exactly what was looked at",
    ],
    [
      "unconfirmedAfter",
      isRemoved &&
        !store.marks &&
        "it is set, and this store cannot mark uploads and remove what stays marked",
    ],
    [
      "unconfirmedAfter",
      isRemoved &&
        !writeOnce &&
        `it is set, and needs ${nameOf("writeOnce", spelling)}: a second PUT would mark a confirmed file again`,
    ],
    [
      "unconfirmedAfter",
      isRemoved &&
        unconfirmedAfter * DAY <= latest &&
        "it is not longer than an upload can take, with the day in which it can be confirmed",
    ],
  ];
}
