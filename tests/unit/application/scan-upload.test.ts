import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Semaphore from "effect/Semaphore";
import * as TestClock from "effect/testing/TestClock";
import { Scanner } from "../../../application/ports/scanner.ts";
import { UploadStore } from "../../../application/ports/stores.ts";
import { StoreName } from "../../../domain/place.ts";
import { scanUpload } from "../../../application/uploads/scan-upload.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { newKey } from "../../../adapters/contract/sending/uploads.ts";
import { incomingKey } from "../../../domain/storage-key.ts";
import { defaultPolicy, type UploadPolicy } from "../../../domain/upload-policy.ts";

const UPLOAD = { key: incomingKey(newKey()), etag: '"e1"', version: "v1", size: 5 };

/** The outcome of a scan over a store that has this tag on the upload, and what was removed. */
const scanned = Effect.fnUntraced(function* (
  tag: string | undefined,
  policy: Partial<UploadPolicy>,
) {
  const removed: Array<unknown> = [];
  const asked: Array<unknown> = [];
  const store = ObjectStore.of({
    scanTag: (upload: unknown) => Effect.sync(() => (asked.push(upload), tag)),
    remove: (upload: unknown) => Effect.sync(() => void removed.push(upload)),
  } as unknown as ObjectStore["Service"]);
  const outcome = yield* scanUpload(UPLOAD, { ...defaultPolicy, scan: "tags", ...policy }).pipe(
    Effect.provideService(ObjectStore, store),
    Effect.match({ onSuccess: () => "clean", onFailure: (refusal) => refusal }),
  );
  return { outcome, removed, asked };
});

it.effect("the tag of exactly this upload is what counts, and only one value of it is clean", () =>
  Effect.gen(function* () {
    const { outcome, asked } = yield* scanned("NO_THREATS_FOUND", {});
    expect(outcome).toBe("clean");
    expect(asked).toEqual([UPLOAD]);
    for (const value of ["THREATS_FOUND", "UNSUPPORTED", "ACCESS_DENIED", "FAILED", "", "clean"]) {
      expect(yield* scanned(value, {})).toMatchObject({
        outcome: { _tag: "UploadRefusedByScan", finding: value },
        removed: [],
      });
    }
  }),
);

it.effect("only an upload in which something was found is removed", () =>
  Effect.gen(function* () {
    const found = yield* scanned("THREATS_FOUND", { onInfected: "delete" });
    expect(found.removed).toEqual([{ key: UPLOAD.key, version: "v1" }]);
    const failed = yield* scanned("FAILED", { onInfected: "delete" });
    expect(failed.removed).toEqual([]);
  }),
);

it.effect("without a scanner nothing is clean, and without a tag a scan goes on", () =>
  Effect.gen(function* () {
    expect(yield* scanned("NO_THREATS_FOUND", { scan: "clamd" })).toMatchObject({
      outcome: { _tag: "ScannerUnavailable" },
    });
    expect(yield* scanned(undefined, { scan: "none" })).toMatchObject({ outcome: "clean" });
    const pending = { _tag: "UploadPending", state: "scanning" };
    expect(yield* scanned(undefined, {})).toMatchObject({ outcome: pending });
  }),
);

it.effect("one of several stores that sends slowly leaves others the scanner", () =>
  Effect.gen(function* () {
    const slots = Semaphore.makeUnsafe(4);
    const scanner = Scanner.of({
      check: Effect.void,
      scan: (open: Effect.Effect<unknown>) => slots.withPermit(Effect.as(open, "clean" as const)),
    } as never);
    const scanIn = (read: () => Effect.Effect<unknown>) => {
      const store = ObjectStore.of({ read } as never);
      return scanUpload(UPLOAD, { ...defaultPolicy, scan: "clamd" }).pipe(
        Effect.provideService(ObjectStore, store),
        Effect.provideService(Scanner, scanner),
        Effect.provideService(UploadStore, StoreName.make("eu")),
      );
    };
    const slow = scanIn(() => Effect.never);
    for (let scan = 0; scan < 10; scan++) yield* Effect.forkChild(slow);
    yield* TestClock.adjust("1 minute");
    yield* scanIn(() => Effect.succeed([]));
  }),
);
