import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Option from "effect/Option";
import * as TestClock from "effect/testing/TestClock";
import { type ObjectFacts, ObjectStore } from "../../application/ports/object-store.ts";
import { promoteUpload } from "../../application/promote-upload.ts";
import { incomingKey } from "../../domain/storage-key.ts";
import { defaultPolicy } from "../../domain/upload-policy.ts";
import { waitingReceipt } from "../support/receipt.ts";

const receipt = waitingReceipt("png", 5);
const { key } = receipt;
const from = incomingKey(key);
const policy = { ...defaultPolicy, arrival: "incoming" as const, verifyContent: false };
const facts: ObjectFacts = {
  size: 5,
  mediaType: "image/png",
  etag: '"a"',
  checksums: {},
  extraHeaders: {},
};

/** A store that a real one would have to be broken for: its copies are what the test says. */
function storeWith(
  objects: Readonly<Record<string, ObjectFacts>>,
  copied: Effect.Effect<ObjectFacts> = Effect.succeed(facts),
) {
  const stored = new Map(Object.entries(objects));
  const removed: Array<string> = [];
  let copies = 0;
  const store = ObjectStore.of({
    ensureBucket: Effect.void,
    keep: () => Effect.void,
    lifecycle: undefined,
    head: (key) => Effect.sync(() => Option.fromUndefinedOr(stored.get(key))),
    remove: ({ key }) =>
      Effect.sync(() => {
        removed.push(key);
        stored.delete(key);
      }),
    copy: ({ to }) =>
      Effect.map(copied, (made) => {
        copies++;
        stored.set(to, made);
        return "copied" as const;
      }),
  });
  const promote = Effect.result(promoteUpload(receipt, policy)).pipe(
    Effect.provideService(ObjectStore, store),
  );
  return { stored, removed, promote, copies: () => copies };
}

it.effect("a file whose headers were changed later is left as it is", () =>
  Effect.gen(function* () {
    const file = { ...facts, extraHeaders: { "cache-control": "max-age=60" } };
    const { promote, removed } = storeWith({ [key]: file });
    expect(yield* promote).toMatchObject({ _tag: "Success", success: file });
    expect(removed).toEqual([]);
  }),
);

it.effect("a file that was replaced by something else is reported, and never removed", () =>
  Effect.gen(function* () {
    const { promote, removed } = storeWith({ [key]: { ...facts, size: 6 }, [from]: facts });
    expect(yield* promote).toMatchObject({ failure: { _tag: "UploadMismatch" } });
    expect(removed).toEqual([]);
  }),
);

it.effect("a copy that is not as it was granted is removed, and the upload stays", () =>
  Effect.gen(function* () {
    const { promote, removed } = storeWith(
      { [from]: facts },
      Effect.succeed({ ...facts, extraHeaders: { "content-encoding": "gzip" } }),
    );
    expect(yield* promote).toMatchObject({ failure: { _tag: "StoreUnavailable" } });
    expect(removed).toEqual([key]);
  }),
);

it.effect("a copy that takes longer than a request goes on, and later requests wait for it", () =>
  Effect.gen(function* () {
    const copied = Effect.as(Effect.sleep("40 seconds"), facts);
    const { promote, copies, stored } = storeWith({ [from]: facts }, copied);
    for (const _ of ["the first request", "the second"]) {
      const request = yield* Effect.forkChild(promote);
      yield* TestClock.adjust("16 seconds");
      expect(yield* Fiber.join(request)).toMatchObject({
        failure: { _tag: "UploadPending", state: "copying" },
      });
    }
    const last = yield* Effect.forkChild(promote);
    yield* TestClock.adjust("16 seconds");
    expect(yield* Fiber.join(last)).toMatchObject({ success: facts });
    expect([copies(), [...stored.keys()]]).toEqual([1, [key]]);
  }),
);
