import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as TestClock from "effect/testing/TestClock";
import fc from "fast-check";
import { expect, it } from "vitest";
import { counterIn } from "../../../adapters/limits/usage/counter.ts";
import { ledgerInMemory } from "../../../adapters/limits/usage/memory.ts";
import type { GrantToCount } from "../../../application/ports/usage.ts";
import { OrganizationId } from "../../../domain/organization.ts";
import type { StorageKey } from "../../../domain/storage-key.ts";
import { tries } from "../../support/tries.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const KEYS = 3;

/** What happens next: to a key, or by time. Whoever is in the middle of something may never go on. */
const happening = fc.record({
  what: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("put", "confirm", "remove") },
    { weight: 6, arbitrary: fc.constant("go on") },
    { weight: 2, arbitrary: fc.constantFrom("grant", "look", "count", "wait") },
  ),
  key: fc.nat(KEYS - 1),
  size: fc.integer({ min: 1, max: 3 }),
  which: fc.nat(20),
});

type Step = Effect.Effect<unknown, unknown>;

it("whatever happens to files, in whatever order and half done, in the end they are counted", async () => {
  const counted = fc.asyncProperty(
    fc.array(happening, { minLength: 10, maxLength: 80 }),
    fc.boolean(),
    (happenings, isOnce) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(Date.UTC(2026, 10, 24));
        const counter = counterIn(ledgerInMemory(), { refusesUnknown: false });
        const organization = OrganizationId.make("org_1");
        const files = new Map<StorageKey, { size: number; at: number }>();
        const grants: Array<GrantToCount | undefined> = [];
        /** Work that has begun, of which each step may come later, or never. */
        const begun: Array<{ readonly at: number; readonly steps: Array<Step> }> = [];
        const put = new Set<number>();
        const counts: Array<Array<Step>> = [];
        const decide = (doubts: Effect.Success<ReturnType<typeof counter.doubts>> = []) =>
          doubts.map((doubt) => {
            const size = files.get(doubt.key)?.size;
            return counter.seen(doubt, size);
          });
        const listed = Effect.map(Clock.currentTimeMillis, (now) =>
          [...files].map(([key, { size, at }]) => ({ key, size, age: now - at })),
        );
        // Two files are older than all receipts.
        for (const index of [0, 1]) {
          const key = `orgs/org_1/files/2026/01/${crypto.randomUUID()}.bin` as StorageKey;
          files.set(key, { size: 5 + index, at: 0 });
          grants[index] = { key, size: 5 + index, urlUntil: 0, confirmUntil: 0 };
        }
        const first = (yield* counter.recount(organization)) ?? expect.unreachable();
        yield* first.add(yield* listed);
        yield* first.unseen;
        yield* first.finish;
        for (const { what, key: index, size, which } of happenings) {
          const now = yield* Clock.currentTimeMillis;
          const grant = grants[index];
          if (what === "wait")
            yield* TestClock.adjust([MINUTE, 20 * MINUTE, 5 * HOUR, DAY][which % 4] ?? 0);
          else if (what === "grant" && grant === undefined) {
            const key = `orgs/org_1/files/2026/11/${crypto.randomUUID()}.bin` as StorageKey;
            const granted = {
              key,
              size,
              urlUntil: now + 15 * MINUTE,
              confirmUntil: now + 15 * MINUTE + DAY,
            };
            grants[index] = granted;
            yield* counter.reserve([granted], { folder: "u-1", care: Effect.void });
          } else if (what === "put" && grant !== undefined && now < grant.urlUntil) {
            // A store that takes one PUT only takes what was granted.
            if (isOnce && put.has(index)) continue;
            put.add(index);
            files.set(grant.key, { size: isOnce ? grant.size : size, at: now });
          } else if (what === "confirm" && grant !== undefined && now < grant.confirmUntil) {
            if (files.get(grant.key)?.size === grant.size) {
              begun.push({ at: now, steps: [counter.stored({ ...grant, isFinal: isOnce })] });
            }
          } else if (what === "remove" && grant !== undefined) {
            const file = files.get(grant.key);
            begun.push({
              at: now,
              steps: [
                counter.removing({ key: grant.key, size: file?.size }),
                Effect.sync(() => files.delete(grant.key)),
                counter.removed(grant.key),
              ],
            });
          } else if (what === "look")
            begun.push({ at: now, steps: decide(yield* counter.doubts(organization)) });
          else if (what === "count") {
            const recount = yield* counter.recount(organization);
            if (recount === undefined) continue;
            const steps: Array<Step> = [];
            steps.push(
              Effect.flatMap(listed, (page) => {
                steps.unshift(recount.add(page));
                return Effect.void;
              }),
              Effect.flatMap(recount.unseen, (doubts) => {
                steps.unshift(...decide(doubts));
                return Effect.void;
              }),
              recount.finish,
            );
            begun.push({ at: now, steps });
            counts.push(steps);
          } else if (what === "go on") {
            const open = begun.filter(({ steps }) => steps.length > 0);
            const work = open[which % Math.max(1, open.length)];
            // No request lasts for an hour.
            if (work !== undefined && now < work.at + HOUR)
              yield* work.steps.shift() ?? Effect.void;
          }
        }
        // Counts go on until their end: in Redis one that does not ends by itself.
        for (const steps of counts) while (steps.length > 0) yield* steps.shift() ?? Effect.void;
        for (let hours = 0; hours < 60; hours += 2) {
          yield* TestClock.adjust("2 hours");
          for (let doubts; (doubts = yield* counter.doubts(organization)) !== undefined;) {
            yield* Effect.all(decide(doubts));
          }
        }
        const stored = [...files.values()].reduce(
          (sum, { size }) => ({ files: sum.files + 1, bytes: sum.bytes + size }),
          { files: 0, bytes: 0 },
        );
        expect(yield* counter.read({ organization })).toMatchObject({
          ...stored,
          granted: 0,
          open: 0,
        });
      }).pipe(Effect.provide(TestClock.layer()), Effect.runPromise),
  );
  await fc.assert(counted, { numRuns: tries(3000) });
});

it.each(["removed", "confirmed and removed", "refused"])(
  "what is uploaded after it was %s is counted when its URL has ended",
  (what) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 10, 24));
      const now = yield* Clock.currentTimeMillis;
      const counter = counterIn(ledgerInMemory(), { refusesUnknown: false });
      const organization = OrganizationId.make("org_1");
      const key = `orgs/org_1/files/2026/11/${crypto.randomUUID()}.bin` as StorageKey;
      const urlUntil = now + 15 * MINUTE;
      const granted = { organization, key, size: 5, urlUntil, confirmUntil: urlUntil + DAY };
      yield* counter.reserve([granted], { folder: "u-1", care: Effect.void });
      if (what === "confirmed and removed") {
        yield* counter.stored({ ...granted, isFinal: true });
        yield* counter.removing(granted);
      }
      if (what === "refused") {
        const doubt = (yield* counter.doubt(key)) ?? expect.unreachable();
        yield* counter.seen(doubt, undefined);
      } else yield* counter.removed(key);
      yield* TestClock.adjust("15 minutes");
      for (const doubt of (yield* counter.doubts(organization)) ?? [])
        yield* counter.seen(doubt, 5);
      expect(yield* counter.read({ organization })).toMatchObject({ bytes: 5, granted: 0 });
    }).pipe(Effect.provide(TestClock.layer()), Effect.runPromise),
);

it("Retry-After is that of the limit which lasts longer, and of none that has room", () =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.UTC(2026, 10, 24));
    const now = yield* Clock.currentTimeMillis;
    const counter = counterIn(ledgerInMemory(), {
      refusesUnknown: false,
      open: 4,
      openPerSubject: 2,
    });
    const ask = (folder: string, ...seconds: ReadonlyArray<number>) =>
      counter.reserve(
        seconds.map((each) => {
          const key = `orgs/org_1/files/2026/11/${crypto.randomUUID()}.bin` as StorageKey;
          const urlUntil = now + each * 1000;
          return { key, size: 1, urlUntil, confirmUntil: urlUntil + DAY };
        }),
        { folder, care: Effect.void },
      );
    yield* ask("u-1", 20, 30);
    yield* ask("u-2", 10);
    const one = yield* Effect.flip(ask("u-1", 90));
    expect(one).toMatchObject({ isSubject: true, open: 2, retryAfter: 20 });
    const two = yield* Effect.flip(ask("u-1", 90, 90));
    expect(two).toMatchObject({ isSubject: true, open: 2, retryAfter: 30 });
    const all = yield* Effect.flip(ask("u-1", 90, 90, 90));
    // These would never fit.
    expect(all).not.toHaveProperty("retryAfter");
  }).pipe(Effect.provide(TestClock.layer()), Effect.runPromise));

it("what makes room goes on when an upload no longer waits for it", () =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.UTC(2026, 10, 24));
    const now = yield* Clock.currentTimeMillis;
    const counter = counterIn(ledgerInMemory(), { refusesUnknown: false, open: 1 });
    const ask = (care: Effect.Effect<void>) => {
      const key = `orgs/org_1/files/2026/11/${crypto.randomUUID()}.bin` as StorageKey;
      const urlUntil = now + HOUR;
      const granted = { key, size: 1, urlUntil, confirmUntil: urlUntil + DAY };
      return counter.reserve([granted], { folder: "u-1", care });
    };
    yield* ask(Effect.void);
    let isDone = false;
    const care = Effect.sync(() => void (isDone = true)).pipe(Effect.delay("2 seconds"));
    const refused = yield* Effect.forkChild(Effect.flip(ask(care)));
    yield* TestClock.adjust("1 second");
    expect(yield* Fiber.join(refused)).toMatchObject({ _tag: "TooManyOpenUploads" });
    expect(isDone).toBe(false);
    yield* TestClock.adjust("1 second");
    expect(isDone).toBe(true);
  }).pipe(Effect.provide(TestClock.layer()), Effect.runPromise));
