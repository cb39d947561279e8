import * as Effect from "effect/Effect";
import type { ObjectFacts } from "../../../domain/upload-difference.ts";
import type { Provider } from "../providers.ts";
import { type Bucket, signedFetch, unavailable } from "./signed-fetch.ts";
import { isWhole } from "./xml.ts";

const NOT_UNDERSTOOD = unavailable(
  "uploads are not written once: the answer to whether the bucket keeps versions is not from a store",
  "senseless",
);

export type BucketWriteOnce = Effect.Success<ReturnType<typeof bucketWriteOnce>>;

/** Waits 2 seconds for the bucket's versioning; while it is unknown, nothing is promised. */
export const bucketWriteOnce = Effect.fnUntraced(function* (
  bucket: Bucket,
  { title, writeOnce }: Pick<Provider, "title" | "writeOnce">,
) {
  if (writeOnce !== "without versions") {
    return { writeOnce, look: undefined, settle: Effect.void, judge: Effect.succeed<ObjectFacts> };
  }
  let holds: boolean | undefined;
  const look = Effect.gen(function* () {
    // Without an answer the last one counts, since nothing can be uploaded either.
    const query = [["versioning", ""]] as const;
    const { ok, status, text } = yield* signedFetch(bucket, { method: "GET", query });
    if (ok && !isWhole(text, "VersioningConfiguration")) return yield* NOT_UNDERSTOOD;
    holds = ok ? !text.includes("<Status>Enabled</Status>") : undefined;
    if (holds === true) return;
    const seen = ok
      ? `the bucket keeps versions, and ${title} then takes a second PUT of a write-once URL; suspend its versions, or use another bucket`
      : `it is unknown whether the bucket keeps versions, in which ${title} does not write once (${status}); allow the service's key s3:GetBucketVersioning`;
    return yield* unavailable(
      `uploads are not written once, and final only when their URL has expired: ${seen}`,
    );
  });
  const settle = Effect.suspend(() => (holds === undefined ? Effect.ignore(look) : Effect.void));
  yield* Effect.timeoutOption(settle, "2 seconds");
  return {
    get writeOnce() {
      return holds === true;
    },
    look,
    settle,
    judge: Effect.fnUntraced(function* (facts: ObjectFacts) {
      if (facts.version !== undefined) holds = false;
      else yield* settle;
      return { ...facts, isReplaceable: holds !== true } satisfies ObjectFacts;
    }),
  };
});
