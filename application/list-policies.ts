import * as Effect from "effect/Effect";
import { ByteSize } from "../domain/byte-size.ts";
import { allowedByExtension } from "../domain/upload-policy.ts";
import type { Member } from "./admit.ts";
import { mayUse, takesParts } from "./choose-policy.ts";
import {
  checksumsOfParts,
  checksumsOfWhole,
  putChecksums,
  smallestPart,
} from "./ports/abilities.ts";
import { ObjectStore } from "./ports/object-store.ts";
import { Policies } from "./ports/policies.ts";

/**
 * Lists the policies that a caller may use, as `requestUpload` and `startMultipart` enforce them.
 */
export const listPolicies = Effect.fnUntraced(function* (member: Member) {
  const { abilities, limits } = yield* ObjectStore;
  const isOnce = abilities.has("write-once") || !abilities.has("repeated PUT");
  const offered = [...(yield* Policies)].filter(([, policy]) => mayUse(member, policy));
  return offered.map(([name, policy]) => ({
    ...policy,
    name,
    writeOnce: policy.writeOnce && isOnce,
    maxSize: ByteSize.make(Math.min(policy.maxSize, limits?.largestPut ?? Infinity)),
    extensions: allowedByExtension(policy),
    checksums: putChecksums(abilities),
    multipart: takesParts(policy, abilities)
      ? {
          maxSize: policy.maxSize,
          minPartSize: smallestPart(limits),
          checksums: checksumsOfParts(abilities),
          wholeChecksums: checksumsOfWhole(abilities),
        }
      : undefined,
  }));
});
