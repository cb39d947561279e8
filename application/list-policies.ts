import * as Effect from "effect/Effect";
import { ByteSize } from "../domain/byte-size.ts";
import { allowedByExtension } from "../domain/upload-policy.ts";
import type { Member } from "./admit.ts";
import { mayUse } from "./choose-policy.ts";
import { ObjectStore } from "./ports/object-store.ts";
import { takesParts } from "./parts/start-multipart.ts";
import { Policies } from "./ports/policies.ts";
import { Presigner } from "./ports/presigner.ts";

/** Lists the policies that a caller may use, as `requestUpload` and `startMultipart` enforce them. */
export const listPolicies = Effect.fnUntraced(function* (member: Member) {
  const presigner = yield* Presigner;
  const { checksums, largestPut = Infinity, partChecksums = [] } = presigner;
  const store = yield* ObjectStore;
  const offered = [...(yield* Policies)].filter(([, policy]) => mayUse(member, policy));
  return offered.map(([name, policy]) => ({
    ...policy,
    name,
    writeOnce: policy.writeOnce && (store.writeOnce?.holds() ?? true),
    maxSize: ByteSize.make(Math.min(policy.maxSize, largestPut)),
    extensions: allowedByExtension(policy.allowedTypes),
    checksums,
    multipart: takesParts(policy, presigner, store)
      ? {
          maxSize: policy.maxSize,
          checksums: partChecksums,
          fileChecksums: store.multipart?.fileChecksums ?? [],
        }
      : undefined,
  }));
});
