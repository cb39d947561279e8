import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as TestClock from "effect/testing/TestClock";
import { layer as contentDetector } from "../../../adapters/content/content-detector.ts";
import { examineUpload } from "../../../application/uploads/examine-upload.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import type { Receipt } from "../../../domain/receipt.ts";
import { uploadKey } from "../../../domain/storage-key.ts";
import { defaultPolicy, type UploadPolicy } from "../../../domain/upload-policy.ts";
import { waitingReceipt } from "../../support/receipt.ts";
import { gif, program } from "../../support/sample-files.ts";

const receipt = waitingReceipt("gif", gif.length);
const INCOMING: UploadPolicy = { ...defaultPolicy, arrival: "incoming" };

type Read = NonNullable<ObjectStore["Service"]["read"]>;

function examine(options: {
  readonly read?: Read;
  readonly policy?: UploadPolicy;
  readonly receipt?: Receipt;
  readonly extraHeaders?: Readonly<Record<string, string>>;
}) {
  const { policy = INCOMING, extraHeaders = {} } = options;
  const removed: Array<string> = [];
  const asked: Array<Parameters<Read>[0]> = [];
  const store = ObjectStore.of({
    abilities: new Set(),
    ensureBucket: Effect.void,
    head: () =>
      Effect.succeedSome({
        size: gif.length,
        contentType: "image/gif",
        etag: '"a"',
        version: "7",
        checksums: {},
        extraHeaders,
      }),
    remove: ({ key, version }) => Effect.sync(() => void removed.push(`${key} ${version}`)),
    ...(options.read && {
      read: (object) => {
        asked.push(object);
        return options.read?.(object) ?? Effect.never;
      },
    }),
  });
  const outcome = Effect.result(examineUpload(options.receipt ?? receipt, policy)).pipe(
    Effect.provideService(ObjectStore, store),
    Effect.provide(contentDetector),
  );
  return { outcome, removed, asked };
}

/** In pieces of one byte. */
const reading =
  (bytes: Uint8Array): Read =>
  () =>
    Effect.succeed(
      (async function* () {
        for (const byte of bytes) yield Uint8Array.of(byte);
      })(),
    );
const mismatch = (actual: string) => ({
  failure: {
    _tag: "UploadMismatch",
    differences: [{ property: "content", expected: "image/gif", actual }],
  },
});

it.effect("the first bytes of exactly what was looked at are read", () =>
  Effect.gen(function* () {
    const { outcome, asked } = examine({ read: reading(gif) });
    expect(yield* outcome).toMatchObject({ _tag: "Success" });
    const from = { key: uploadKey(receipt), etag: '"a"', version: "7", size: gif.length };
    expect(asked).toEqual([{ ...from, length: 4100 }]);
  }),
);

it.effect("nothing is read of a direct upload, unless its policy says so", () =>
  Effect.gen(function* () {
    const direct = { ...receipt, incoming: false };
    for (const [verifyContent, calls] of [
      [undefined, 0],
      [false, 0],
      [true, 1],
    ] as const) {
      const policy = { ...defaultPolicy, verifyContent };
      const { outcome, asked } = examine({ policy, receipt: direct, read: reading(program) });
      expect(yield* outcome).toMatchObject(
        calls === 0 ? { _tag: "Success" } : mismatch("application/x-msdownload"),
      );
      expect(asked).toHaveLength(calls);
    }
  }),
);

it.effect("a file that lies is removed where the policy says so, and only that version", () =>
  Effect.gen(function* () {
    for (const onMismatch of ["keep", "delete"] as const) {
      const policy = { ...INCOMING, onMismatch };
      const { outcome, removed } = examine({ policy, read: reading(program) });
      expect(yield* outcome).toMatchObject(mismatch("application/x-msdownload"));
      expect(removed).toEqual(onMismatch === "keep" ? [] : [`${uploadKey(receipt)} 7`]);
    }
  }),
);

it.effect("an upload that was replaced meanwhile has not arrived, and stays", () =>
  Effect.gen(function* () {
    const policy = { ...INCOMING, onMismatch: "delete" as const };
    const { outcome, removed } = examine({ policy, read: () => Effect.succeed("changed") });
    expect(yield* outcome).toMatchObject({ failure: { _tag: "UploadIncomplete" } });
    expect(removed).toEqual([]);
  }),
);

it.effect("an upload with a coding is not confirmed, since its bytes are others", () =>
  Effect.gen(function* () {
    const extraHeaders = { "content-encoding": "gzip", "cache-control": "max-age=9" };
    const { outcome, asked } = examine({ extraHeaders, read: reading(gif) });
    expect(yield* outcome).toMatchObject({
      failure: { differences: [{ property: "content-encoding", expected: "", actual: "gzip" }] },
    });
    expect(asked).toEqual([]);
  }),
);

it.effect("nothing is confirmed by a store that cannot read", () =>
  Effect.gen(function* () {
    const { outcome } = examine({});
    expect(yield* outcome).toMatchObject({ failure: { _tag: "StoreUnavailable" } });
  }),
);

it.effect("a store that answers more than was asked for is read no further", () =>
  Effect.gen(function* () {
    let isClosed = false;
    const endless = async function* () {
      try {
        while (true) yield new Uint8Array(1_000_000).fill(66);
      } finally {
        isClosed = true;
      }
    };
    const { outcome } = examine({ read: () => Effect.sync(endless) });
    expect(yield* outcome).toMatchObject(mismatch("unknown"));
    expect(isClosed).toBe(true);
  }),
);

it.effect("a store that stalls is given up and closed", () =>
  Effect.gen(function* () {
    let isClosed = false;
    const stalled: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: async () => {
          isClosed = true;
          return { done: true, value: undefined };
        },
      }),
    };
    const { outcome } = examine({ read: () => Effect.succeed(stalled) });
    const running = yield* Effect.forkChild(outcome);
    yield* TestClock.adjust("5 seconds");
    expect(yield* Fiber.join(running)).toMatchObject({ failure: { kind: "timeout" } });
    expect(isClosed).toBe(true);
  }),
);
