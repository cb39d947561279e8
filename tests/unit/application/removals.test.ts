import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Option from "effect/Option";
import * as TestClock from "effect/testing/TestClock";
import { counterIn } from "../../../adapters/limits/usage/counter.ts";
import { ledgerInMemory } from "../../../adapters/limits/usage/memory.ts";
import type { Member } from "../../../application/admit.ts";
import { Events } from "../../../application/ports/events.ts";
import { ObjectStore, type Parts, type Page } from "../../../application/ports/object-store.ts";
import { Usage } from "../../../application/ports/usage.ts";
import { Policies } from "../../../application/ports/policies.ts";
import { isGone } from "../../../application/files/open-file.ts";
import { removeCounted, removeFile } from "../../../application/files/remove-file.ts";
import { type Leftover, sweepUploads } from "../../../application/files/sweep-uploads.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { OrganizationId, OrganizationSlug } from "../../../domain/organization.ts";
import { incomingKey, removedKey, StorageKey } from "../../../domain/storage-key.ts";
import type { UploadEvent } from "../../../domain/upload-event.ts";
import { defaultPolicy, type UploadPolicy } from "../../../domain/upload-policy.ts";

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 9);
const newKey = (month: string, at = 0) =>
  StorageKey.make(`orgs/acme/files/${month}/00000000-0000-4000-8000-00000000000${at}.png`);
const file = newKey("2026/11");
const waiting = incomingKey(file);
const mark = removedKey(file);

interface Version {
  readonly version?: string;
  readonly age?: number;
  /** The age of what was there when the store made its list. */
  readonly listed?: number;
}

/** The first of those below a prefix and after a name. */
const pageOf = <A, N>(
  all: ReadonlyArray<A>,
  { prefix, after = "" }: { readonly prefix: string; readonly after?: string | undefined },
  nameOf: (each: A) => string,
  next: (each: A) => N,
): Effect.Effect<Page<A, N>> =>
  Effect.sync(() => {
    const [found, more] = all
      .filter((each) => nameOf(each).startsWith(prefix) && nameOf(each) > after)
      .toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
    if (found === undefined) return { found: [] };
    return { found: [found], ...(more !== undefined && { next: next(found) }) };
  });

/**
 * A store with these versions of objects, newest first, and these uploads in parts with their ages,
 * in pages of one. `before` sees each call that changes something, and may be in its way.
 */
function storeOf(
  objects: Readonly<Record<string, ReadonlyArray<Version>>>,
  parts: Readonly<Record<string, number>> = {},
  before: (call: string) => Effect.Effect<void, StoreUnavailable> = () => Effect.void,
) {
  const stored = new Map(Object.entries(objects));
  const open = new Map(Object.entries(parts));
  const done: Array<string> = [];
  const doing = (call: string, change: () => void) =>
    Effect.andThen(
      before(call),
      Effect.sync(() => (done.push(call), change())),
    );
  const store: Partial<ObjectStore["Service"]> = {
    head: (key) =>
      Effect.sync(() =>
        Option.map(Option.fromUndefinedOr(stored.get(key)?.[0]), (found) => ({
          size: 5,
          contentType: "image/png",
          etag: '"e"',
          checksums: {},
          extraHeaders: {},
          version: found.version,
          age: found.age ?? 0,
        })),
      ),
    remove: ({ key, version }) =>
      doing(`remove ${key} ${version}`, () => {
        const left = stored.get(key)?.filter((each) => each.version !== version) ?? [];
        if (left.length === 0) stored.delete(key);
        else stored.set(key, left);
      }),
    copies: {
      copy: () => Effect.die("nothing is copied here"),
      writeEmpty: (key) => doing(`write ${key}`, () => stored.set(key, [{}])),
    },
    list: {
      objects: (below) =>
        pageOf(
          [...stored].map(([key, [newest]]) => ({
            key,
            size: 5,
            etag: '"e"',
            age: newest?.listed ?? newest?.age ?? 0,
            storedAt: 0,
          })),
          below,
          ({ key }) => key,
          ({ key }) => key,
        ),
      versions: (below) =>
        pageOf(
          [...stored].flatMap(([key, versions]) =>
            versions.map(({ version }) => ({ key: key as StorageKey, version })),
          ),
          below,
          ({ key, version }) => `${key} ${version}`,
          ({ key, version }) => `${key} ${version}`,
        ),
    },
    parts: {
      listOpen: ({ prefix, after }) =>
        pageOf(
          [...open].map(([key, age]) => ({ key, uploadId: `of ${key}`, age })),
          { prefix, after: after?.key },
          ({ key }) => key,
          (each) => each,
        ),
      abort: ({ key }) => doing(`abort ${key}`, () => open.delete(key)),
    } as Partial<Parts> as Parts,
  };
  const events: Array<UploadEvent> = [];
  const publish = (event: UploadEvent) => Effect.sync(() => void events.push(event));
  const use = <A, E>(program: Effect.Effect<A, E, ObjectStore | Policies>, policy: Policy = {}) =>
    TestClock.setTime(NOW).pipe(
      Effect.andThen(Effect.result(program)),
      Effect.provideService(ObjectStore, store as ObjectStore["Service"]),
      Effect.provideService(Policies, new Map([["files", { ...defaultPolicy, ...policy }]])),
      Effect.provideService(Events, { publish, check: Effect.void }),
    );
  return { stored, store, done, events, use };
}

type Policy = Partial<UploadPolicy>;

const member: Member = {
  principal: { kind: "user", subject: "mia", scopes: new Set(["remove"]), organizations: "every" },
  slug: OrganizationSlug.make("acme-inc"),
  organization: OrganizationId.make("acme"),
};
const removing = (key: string = file) => removeFile({ member, key });
const INCOMING = { arrival: "incoming" } as const;

it.effect("a removal is marked before anything is removed, and told of with its person", () =>
  Effect.gen(function* () {
    const beside = `${file}-beside`;
    const { done, events, use, stored } = storeOf(
      {
        [file]: [{ version: "2" }, { version: "1" }],
        [waiting]: [{ version: "3" }],
        [beside]: [{ version: "4" }],
      },
      { [file]: 0, [waiting]: 0, [beside]: 0 },
    );
    expect(yield* use(removing(), INCOMING)).toMatchObject({ _tag: "Success" });
    expect(done).toEqual([
      `write ${mark}`,
      `abort ${waiting}`,
      `remove ${waiting} 3`,
      `abort ${file}`,
      `remove ${file} 1`,
      `remove ${file} 2`,
    ]);
    expect([...stored.keys()]).toEqual([beside, mark]);
    const data = { key: file, organization: "acme", subject: "mia", size: 5 };
    expect(events).toEqual([{ type: "upload.removed", slug: "acme-inc", data }]);
  }),
);

it.effect("a removal is marked only while an upload could still become the file", () =>
  Effect.gen(function* () {
    for (const [key, policy, marks] of [
      [file, INCOMING, 1],
      [newKey("2026/10"), INCOMING, 1],
      [newKey("2026/09"), INCOMING, 0],
      [file, {}, 0],
    ] as const) {
      const { done, use } = storeOf({});
      yield* use(removing(key), policy);
      expect(done).toEqual(marks === 0 ? [] : [`write ${removedKey(key)}`]);
    }
  }),
);

it.effect("a removal that the store breaks off is told of only once it is done again", () =>
  Effect.gen(function* () {
    let isDown = true;
    const { done, events, use, stored } = storeOf({ [file]: [{}], [waiting]: [{}] }, {}, (call) =>
      isDown && call.startsWith(`remove ${waiting}`)
        ? Effect.fail(new StoreUnavailable({ kind: "timeout", reason: "late" }))
        : Effect.void,
    );
    expect(yield* use(removing(), INCOMING)).toMatchObject({ failure: { kind: "timeout" } });
    expect([done, events, stored.has(file)]).toEqual([[`write ${mark}`], [], true]);
    isDown = false;
    yield* use(removing(), INCOMING);
    expect([[...stored.keys()], events.length]).toEqual([[mark], 1]);
  }),
);

it.effect("a removal from a store without versions ends uploads in parts too", () =>
  Effect.gen(function* () {
    const { done, store, use } = storeOf({}, { [file]: 0, [waiting]: 0 });
    const { objects } = store.list ?? expect.unreachable();
    const without = { ...store, list: { objects } } as ObjectStore["Service"];
    yield* use(Effect.provideService(removing(), ObjectStore, without));
    expect(done.filter((call) => call.startsWith("abort"))).toEqual([
      `abort ${waiting}`,
      `abort ${file}`,
    ]);
  }),
);

it.effect("a store that says nothing for a second keeps no file from being opened", () =>
  Effect.gen(function* () {
    const silent = { head: () => Effect.never } as Partial<ObjectStore["Service"]>;
    const looking = Effect.provideService(
      isGone(file),
      ObjectStore,
      silent as ObjectStore["Service"],
    );
    const looked = yield* Effect.forkChild(looking);
    yield* TestClock.adjust("1 second");
    expect(looked.pollUnsafe()).toEqual(Exit.succeed(false));
  }),
);

const sweeping = (found: Array<Leftover> = []) =>
  sweepUploads(3, (each, remove) => (found.push(each), remove));
const OLD = 4 * DAY;

it.effect.each<[string, Readonly<Record<string, ReadonlyArray<Version>>>, Array<string>, number]>([
  ["that waited too long", { [waiting]: [{ version: "1", age: OLD }] }, [`remove ${waiting} 1`], 1],
  ["that still waits", { [waiting]: [{ version: "1", age: 2 * DAY }] }, [], 0],
  [
    "with older versions",
    {
      [waiting]: [
        { version: "2", age: OLD },
        { version: "1", age: 2 * OLD },
      ],
    },
    [`remove ${waiting} 2`, `remove ${waiting} 1`],
    1,
  ],
  [
    "of a store without versions",
    { [waiting]: [{ age: OLD }] },
    [`remove ${waiting} undefined`],
    1,
  ],
  [
    "that was confirmed",
    { [waiting]: [{ version: "1", age: OLD }], [file]: [{ age: OLD }] },
    [`remove ${waiting} 1`],
    0,
  ],
  ["of nobody's", { "incoming/a.png": [{ age: OLD }] }, [], 0],
  [
    "whose file was removed, and is there",
    { [mark]: [{}], [file]: [{ version: "1" }] },
    [`remove ${file} 1`],
    0,
  ],
  ["whose file was removed", { [mark]: [{ age: OLD }] }, [`remove ${mark} undefined`], 0],
])("a sweep of an upload %s removes that alone", ([, objects, removed, expired]) =>
  Effect.gen(function* () {
    const { done, events, use } = storeOf(objects);
    yield* use(sweeping());
    expect(done).toEqual(removed);
    const data = { key: file, organization: "acme", size: 5 };
    expect(events).toEqual(
      Array.from({ length: expired }, () => ({ type: "upload.expired", data })),
    );
  }),
);

it.effect("an upload that was sent again since it was listed stays", () =>
  Effect.gen(function* () {
    const newer = { version: "2", age: HOUR, listed: OLD };
    const { done, events, use } = storeOf({ [waiting]: [newer] });
    yield* use(sweeping());
    expect([done, events]).toEqual([[], []]);
    // The same where it comes between the look and its end.
    const older = { version: "1", age: OLD };
    const again = storeOf({ [waiting]: [older] }, {}, () =>
      Effect.sync(() => void again.stored.set(waiting, [newer, older])),
    );
    yield* again.use(sweeping());
    expect([again.done, again.stored.get(waiting)]).toEqual([[`remove ${waiting} 1`], [newer]]);
  }),
);

it.effect("uploads in parts are removed once nobody can complete them, on every page", () =>
  Effect.gen(function* () {
    const keys = [0, 1, 2].map((at) => newKey("2026/11", at));
    const old = 8 * DAY;
    const parts = Object.fromEntries(
      [...keys, ...keys.map(incomingKey), "incoming/backup"].map((key) => [key, old]),
    );
    const { done, use } = storeOf({}, { ...parts, [newKey("2026/11", 3)]: HOUR });
    yield* use(sweeping());
    expect(done.toSorted()).toEqual(
      [...keys, ...keys.map(incomingKey)].map((key) => `abort ${key}`).toSorted(),
    );
  }),
);

const killed = (call: string) => (call.startsWith("remove") ? Effect.die("killed") : Effect.void);

it.effect("a file whose removal was interrupted once it was gone is counted no more", () =>
  Effect.gen(function* () {
    yield* TestClock.setTime(NOW);
    const { store, stored, use } = storeOf({ [file]: [{}] }, {}, killed);
    const counter = counterIn(ledgerInMemory(), { refusesUnknown: false });
    const organization = OrganizationId.make("acme");
    yield* counter.stored({ key: file, size: 5, urlUntil: 0, confirmUntil: NOW, isFinal: true });
    const removal = use(removeCounted(file, { size: 5 }));
    yield* Effect.exit(Effect.provideService(removal, Usage, counter));
    expect(yield* counter.read({ organization })).toMatchObject({ files: 1, bytes: 5 });
    stored.delete(file);
    yield* TestClock.adjust("1 minute");
    for (const doubt of (yield* counter.doubts(organization)) ?? []) {
      const looked = yield* store.head?.(doubt.key) ?? expect.unreachable();
      yield* counter.seen(doubt, Option.getOrUndefined(looked)?.size);
    }
    expect(yield* counter.read({ organization })).toMatchObject({ files: 0, bytes: 0 });
  }),
);
