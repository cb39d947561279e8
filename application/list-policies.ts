import * as Effect from "effect/Effect";
import { ByteSize } from "../domain/byte-size.ts";
import type { ChecksumAlgorithm } from "../domain/checksum.ts";
import type { MediaType } from "../domain/media-type.ts";
import { allowedByExtension, type UploadPolicy } from "../domain/upload-policy.ts";
import type { Member } from "./admit.ts";
import { mayUse } from "./choose-policy.ts";
import { ObjectStore } from "./ports/object-store.ts";
import { Policies } from "./ports/policies.ts";
import { Presigner } from "./ports/presigner.ts";

/** A policy that a caller may use, as far as it concerns the caller. */
export interface OfferedPolicy extends Pick<
  UploadPolicy,
  | "maxSize"
  | "allowedTypes"
  | "putLifetime"
  | "getLifetime"
  | "linkLifetime"
  | "writeOnce"
  | "strict"
  | "requireChecksum"
> {
  /** Its name in a request to upload. */
  readonly name: string;
  /** The allowed media types by their usual extensions, with the dot: `.png`. */
  readonly extensions: ReadonlyMap<string, MediaType>;
  /** The checksums that the store verifies. */
  readonly checksums: ReadonlyArray<ChecksumAlgorithm>;
  /** How a file can be sent in parts; undefined if the store is not used for that. */
  readonly multipart: MultipartOffer | undefined;
}

/** What an upload in parts may be; the policy decides the rest as for one PUT. */
export interface MultipartOffer {
  /** The largest file in parts, in bytes. */
  readonly maxSize: ByteSize;
  /** The checksums that the store verifies of a part. */
  readonly checksums: ReadonlyArray<ChecksumAlgorithm>;
  /** The checksums that it verifies of the whole file. */
  readonly fileChecksums: ReadonlyArray<ChecksumAlgorithm>;
}

/**
 * The policies that a caller may use. What they say is what `requestUpload` and `startMultipart`
 * enforce.
 */
export const listPolicies = Effect.fnUntraced(function* (member: Member) {
  const { checksums, largestPut = Infinity, part, partChecksums = [] } = yield* Presigner;
  const store = yield* ObjectStore;
  return [...(yield* Policies)].flatMap(([name, policy]): ReadonlyArray<OfferedPolicy> => {
    if (!mayUse(member, policy)) return [];
    const extensions = allowedByExtension(policy.allowedTypes);
    const multipart = part && {
      maxSize: policy.maxSize,
      checksums: partChecksums,
      fileChecksums: store.multipart?.fileChecksums ?? [],
    };
    const maxSize = ByteSize.make(Math.min(policy.maxSize, largestPut));
    const writeOnce = policy.writeOnce && (store.writeOnce?.holds() ?? true);
    return [{ ...policy, writeOnce, maxSize, name, extensions, checksums, multipart }];
  });
});
