import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { UploadPending } from "../../domain/errors.ts";
import type { Member } from "../admit.ts";
import { confirmUpload } from "./confirm-upload.ts";

/** Uploads that are confirmed at once. */
const AT_ONCE = 16;
/** Milliseconds after which an answer begins no further upload: proxies do not wait for minutes. */
const LONGEST_BATCH = 10_000;

/**
 * Confirms several uploads, each as `confirmUpload` does, and returns their outcomes in the order
 * of `receipts`. What one fails with is no matter of the others. An upload whose turn comes too late
 * fails with `UploadPending`.
 */
export const confirmUploads = Effect.fnUntraced(function* ({
  member,
  receipts,
}: {
  readonly member: Member;
  readonly receipts: ReadonlyArray<string>;
}) {
  const { recordFacts } = member;
  const end = (yield* Clock.currentTimeMillis) + LONGEST_BATCH;
  const confirm = Effect.fnUntraced(function* (receipt: string, index: number) {
    if ((yield* Clock.currentTimeMillis) > end) {
      return yield* new UploadPending({ state: "copying", retryAfter: 1 });
    }
    const each: Member = {
      ...member,
      recordFacts: recordFacts && ((facts) => recordFacts(facts, index)),
    };
    return yield* confirmUpload({ member: each, receipt });
  });
  return yield* Effect.forEach(receipts, (receipt, index) => Effect.exit(confirm(receipt, index)), {
    concurrency: AT_ONCE,
  });
});
