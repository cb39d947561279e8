import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Option from "effect/Option";
import * as TestClock from "effect/testing/TestClock";
import { counterIn } from "../../../adapters/limits/usage/counter.ts";
import { ledgerInMemory } from "../../../adapters/limits/usage/memory.ts";
import { careFor, recountFiles } from "../../../application/files/count-files.ts";
import { forgetOrganization } from "../../../application/files/forget-organization.ts";
import { type ObjectFacts, ObjectStore } from "../../../application/ports/object-store.ts";
import { Usage } from "../../../application/ports/usage.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { OrganizationId } from "../../../domain/organization.ts";
import { StorageKey } from "../../../domain/storage-key.ts";

const organization = OrganizationId.make("org_1");
const keyOf = (at: number) =>
  StorageKey.make(`orgs/org_1/files/2026/11/00000000-0000-4000-8000-00000000000${at}.png`);

/** An organization's files by their sizes, whose store notes each of its lists. */
function storing(...sizes: ReadonlyArray<number>) {
  const files = new Map(sizes.map((size, at) => [keyOf(at), { size, age: 0, etag: '"e"' }]));
  let lists = 0;
  let failures = 0;
  const store = {
    remove: () => Effect.die("killed"),
    head: (key: StorageKey) => Effect.sync(() => Option.fromUndefinedOr(files.get(key))),
    list: {
      objects: () =>
        Effect.suspend(() => {
          lists += 1;
          if (failures-- > 0)
            return Effect.fail(new StoreUnavailable({ kind: "timeout", reason: "busy" }));
          return Effect.succeed({ found: [...files].map(([key, file]) => ({ key, ...file })) });
        }),
    },
  } as unknown as ObjectStore["Service"];
  const counter = counterIn(ledgerInMemory(), { refusesUnknown: false });
  return {
    files: files as Map<StorageKey, Partial<ObjectFacts>>,
    counter,
    lists: () => lists,
    failTimes: (times: number) => (failures = times),
    use: <A, E>(program: Effect.Effect<A, E, ObjectStore>) =>
      program.pipe(
        Effect.provideService(ObjectStore, store),
        Effect.provideService(Usage, counter),
      ),
  };
}

it.effect("a count looks for recorded files that the list does not have", () =>
  Effect.gen(function* () {
    const { files, counter, use } = storing(5, 6);
    for (const [key, { size = 0 }] of files) {
      yield* counter.stored({ key, size, urlUntil: 0, confirmUntil: 0, isFinal: true });
    }
    files.delete(keyOf(0));
    expect(yield* use(recountFiles(organization))).toBe(true);
    expect(yield* counter.read({ organization })).toMatchObject({ files: 1, bytes: 6 });
  }),
);

it.effect("the store is listed while an account is unknown, and not again", () =>
  Effect.gen(function* () {
    const { counter, lists, use } = storing(5);
    for (let times = 0; times < 2; times += 1) {
      yield* use(careFor(organization));
      expect([lists(), (yield* counter.read({ organization })).isKnown]).toEqual([1, true]);
    }
  }),
);

it.effect("a list that fails is asked for again soon, and ends its count in the end", () =>
  Effect.gen(function* () {
    const { counter, lists, failTimes, use } = storing(5);
    failTimes(4);
    for (const isKnown of [false, true]) {
      const caring = yield* Effect.forkChild(use(careFor(organization)));
      yield* TestClock.adjust("10 seconds");
      yield* Fiber.join(caring);
      expect((yield* counter.read({ organization })).isKnown).toBe(isKnown);
    }
    expect(lists()).toBe(5);
  }),
);

it.effect("an account is unknown when not all of an organization could be forgotten", () =>
  Effect.gen(function* () {
    const { counter, use } = storing(5);
    yield* use(recountFiles(organization));
    yield* Effect.exit(
      use(forgetOrganization({ organization, apply: true, keepsMarks: false, report: () => {} })),
    );
    expect((yield* counter.read({ organization })).isKnown).toBe(false);
  }),
);

it.effect.each([
  [false, { files: 1, bytes: 5, isKnown: true }],
  [true, { isKnown: false }],
] as const)(
  "what is left is counted after an organization was forgotten, but not by one of several stores: %s",
  ([isOneOfSeveral, reading]) =>
    Effect.gen(function* () {
      const { files, counter, use } = storing(5, 6);
      // The service counts while files go.
      const remove = ({ key }: { readonly key: string }) =>
        key === keyOf(0)
          ? Effect.fail(new StoreUnavailable({ kind: "refused", reason: "it is locked" }))
          : Effect.as(
              Effect.ignore(use(recountFiles(organization))),
              files.delete(key as StorageKey),
            );
      const request = { organization, apply: true, keepsMarks: false, report: () => {} };
      yield* use(forgetting({ ...request, isOneOfSeveral }, remove));
      expect(yield* counter.read({ organization })).toMatchObject(reading);
    }),
);

const forgetting = (
  request: Parameters<typeof forgetOrganization>[0],
  remove: ObjectStore["Service"]["remove"],
) =>
  ObjectStore.use((store) =>
    Effect.provideService(forgetOrganization(request), ObjectStore, { ...store, remove }),
  );
