import { expect, it } from "@effect/vitest";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Option from "effect/Option";
import * as TestClock from "effect/testing/TestClock";
import type { Member } from "../../../application/admit.ts";
import { confirmUpload } from "../../../application/uploads/confirm-upload.ts";
import { Events } from "../../../application/ports/events.ts";
import {
  type CopyOutcome,
  type ObjectFacts,
  ObjectStore,
} from "../../../application/ports/object-store.ts";
import { Policies } from "../../../application/ports/policies.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { Tokens } from "../../../application/ports/tokens.ts";
import { promoteUpload } from "../../../application/uploads/promote-upload.ts";
import { OrganizationSlug } from "../../../domain/organization.ts";
import { incomingKey, removedKey } from "../../../domain/storage-key.ts";
import type { UploadEvent } from "../../../domain/upload-event.ts";
import { defaultPolicy } from "../../../domain/upload-policy.ts";
import { tokensOf } from "../../../adapters/tokens/tokens.ts";
import { receiptKey } from "../../support/receipt-key.ts";
import { waitingReceipt } from "../../support/receipt.ts";

const NOW = DateTime.makeUnsafe(0);
const receipt = waitingReceipt("png", 5);
const { key } = receipt;
const from = incomingKey(key);
const policy = { ...defaultPolicy, arrival: "incoming" as const, verifyContent: false };
const facts: ObjectFacts = {
  size: 5,
  contentType: "image/png",
  etag: '"a"',
  checksums: {},
  extraHeaders: {},
};

const member: Member = {
  principal: {
    kind: "user",
    subject: receipt.subject,
    scopes: new Set(["confirm"]),
    organizations: "every",
  },
  slug: OrganizationSlug.make("acme-inc"),
  organization: receipt.organization,
};

const presigner = Presigner.of({
  put: () => Effect.die("no PUT is signed here"),
  get: () => Effect.succeed({ method: "GET", url: "http://store/", headers: {}, expiresAt: NOW }),
  isRemote: false,
  publicOrigin: "http://store",
});

/** A store that a real one would have to be broken for: its copies are what the test says. */
function storeWith(
  objects: Readonly<Record<string, ObjectFacts>>,
  copied: Effect.Effect<ObjectFacts> = Effect.succeed(facts),
  outcome: CopyOutcome = "copied",
  isOnce = true,
) {
  const stored = new Map(Object.entries(objects));
  const removed: Array<string> = [];
  let copies = 0;
  const store = ObjectStore.of({
    abilities: new Set(isOnce ? ["copies once"] : []),
    ensureBucket: Effect.void,
    head: (key) => Effect.sync(() => Option.fromUndefinedOr(stored.get(key))),
    remove: ({ key }) =>
      Effect.sync(() => {
        removed.push(key);
        stored.delete(key);
      }),
    copies: {
      copy: ({ to }) =>
        Effect.map(copied, (made) => {
          copies++;
          if (outcome !== "changed") stored.set(to, made);
          return outcome;
        }),
      writeEmpty: () => Effect.void,
    },
  });
  const tokens = tokensOf([{ id: "a", secret: receiptKey("a") }]);
  const promote = Effect.result(promoteUpload(receipt, policy, { state: "copying" })).pipe(
    Effect.provideService(ObjectStore, store),
    Effect.provideService(Tokens, tokens),
  );
  const events: Array<UploadEvent> = [];
  const confirm = Effect.result(confirmUpload({ member, receipt })).pipe(
    Effect.provideService(ObjectStore, store),
    Effect.provideService(Policies, new Map([[receipt.policy, policy]])),
    Effect.provideService(Presigner, presigner),
    Effect.provideService(Tokens, tokens),
    Effect.provideService(Events, {
      publish: (event) =>
        Effect.sync(() => {
          // Until then, what waits is there for whoever goes on after a crash.
          expect(stored.has(from)).toBe(true);
          events.push(event);
        }),
      check: Effect.void,
    }),
  );
  return { store, tokens, stored, removed, promote, confirm, events, copies: () => copies };
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

it.effect(
  "a file that another has made meanwhile is never removed, and a copy of nothing is none",
  () =>
    Effect.gen(function* () {
      const other = Effect.succeed({ ...facts, size: 6 });
      for (const [outcome, kept, _tag] of [
        ["exists", [from, key], "StoreUnavailable"],
        ["changed", [from], "UploadIncomplete"],
      ] as const) {
        const { promote, removed, stored } = storeWith({ [from]: facts }, other, outcome);
        expect(yield* promote).toMatchObject({ failure: { _tag } });
        expect([removed, [...stored.keys()]]).toEqual([[], kept]);
      }
    }),
);

it.effect("a copy whose file was removed meanwhile is removed again", () =>
  Effect.gen(function* () {
    const removal = Effect.sync(() => (made.stored.set(removedKey(key), facts), facts));
    const made = storeWith({ [from]: facts }, removal);
    expect(yield* made.promote).toMatchObject({ failure: { _tag: "OrganizationNotFound" } });
    expect(made.removed).toEqual([key]);
  }),
);

it.effect("what was scanned becomes the file only while neither that nor a removal is there", () =>
  Effect.gen(function* () {
    for (const [scan, came, expected] of [
      ["none", [], undefined],
      ["tags", [], true],
      ["tags", [key], false],
      ["tags", [removedKey(key)], false],
    ] as const) {
      const { store, tokens, stored } = storeWith({ [from]: facts });
      let said: boolean | undefined;
      const asking = ObjectStore.of({
        ...store,
        scanTag: () => Effect.succeed("NO_THREATS_FOUND"),
        copies: {
          writeEmpty: () => Effect.void,
          copy: ({ mayPublish }) =>
            Effect.gen(function* () {
              for (const each of came) stored.set(each, facts);
              said = mayPublish && (yield* mayPublish);
              return "changed" as const;
            }),
        },
      });
      yield* promoteUpload(receipt, { ...policy, scan }, { state: "copying" }).pipe(
        Effect.result,
        Effect.provideService(ObjectStore, asking),
        Effect.provideService(Tokens, tokens),
      );
      expect(said).toBe(expected);
    }
  }),
);

it.effect("a copy that takes longer than a request goes on, and later requests wait for it", () =>
  Effect.gen(function* () {
    const copied = Effect.as(Effect.sleep("40 seconds"), facts);
    const { confirm, copies, stored, events } = storeWith({ [from]: facts }, copied);
    for (const _ of ["the first request", "the second"]) {
      const request = yield* Effect.forkChild(confirm);
      yield* TestClock.adjust("16 seconds");
      expect(yield* Fiber.join(request)).toMatchObject({
        failure: { _tag: "UploadPending", state: "copying" },
      });
    }
    const last = yield* Effect.forkChild(confirm);
    yield* TestClock.adjust("16 seconds");
    expect(yield* Fiber.join(last)).toMatchObject({ success: { key, final: true } });
    expect([copies(), [...stored.keys()]]).toEqual([1, [key]]);
    expect(events).toMatchObject([{ type: "upload.confirmed", slug: member.slug, data: { key } }]);
  }),
);

it.effect("an upload that was asked for too early is confirmed once it is there", () =>
  Effect.gen(function* () {
    const { confirm, stored } = storeWith({});
    expect(yield* confirm).toMatchObject({ failure: { _tag: "UploadIncomplete" } });
    stored.set(from, facts);
    expect(yield* confirm).toMatchObject({ success: { key } });
  }),
);

it.effect("an upload is published though nobody asks again after a first answer", () =>
  Effect.gen(function* () {
    const copied = Effect.as(Effect.sleep("40 seconds"), facts);
    const { confirm, stored, events } = storeWith({ [from]: facts }, copied);
    const request = yield* Effect.forkChild(confirm);
    yield* TestClock.adjust("16 seconds");
    expect(yield* Fiber.join(request)).toMatchObject({ failure: { _tag: "UploadPending" } });
    yield* TestClock.adjust("30 seconds");
    expect(events).toMatchObject([{ type: "upload.confirmed", data: { key } }]);
    expect([...stored.keys()]).toEqual([key]);
  }),
);

it.effect("a mismatch that a copy shows is published though nobody asks again", () =>
  Effect.gen(function* () {
    const { confirm, events } = storeWith({ [from]: { ...facts, size: 6 } });
    expect(yield* confirm).toMatchObject({ failure: { _tag: "UploadMismatch" } });
    expect(events).toMatchObject([{ type: "upload.mismatched", data: { key } }]);
  }),
);
