import { describe, expect, it } from "@effect/vitest";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import type * as Scope from "effect/Scope";
import * as TestClock from "effect/testing/TestClock";
import { afterAll, beforeAll } from "vitest";
import { connectLedger } from "../../adapters/limits/redis/ledger.ts";
import { counterIn, type UsageSettings } from "../../adapters/limits/usage/counter.ts";
import type { Ledger } from "../../adapters/limits/usage/ledger.ts";
import { ledgerInMemory } from "../../adapters/limits/usage/memory.ts";
import { read as readRedis } from "../../adapters/redis/settings.ts";
import { variables } from "../../adapters/settings/source.ts";
import type { GrantToCount, UsageCounter } from "../../application/ports/usage.ts";
import { OrganizationId } from "../../domain/organization.ts";
import type { StorageKey } from "../../domain/storage-key.ts";
import { need } from "../support/need.ts";
import { type Redis, startLimitedRedis, startRedis, startRedisCluster } from "../support/redis.ts";

type Connect = () => Effect.Effect<Ledger, never, Scope.Scope>;

const path = (await need("redis")) ?? "";
const valkey = (await need("valkey")) ?? "";

describe("in memory", () => promises(() => Effect.sync(ledgerInMemory)));

describe.skipIf(path === "").each([
  ["one Redis", startRedis],
  ["a cluster of three nodes", startRedisCluster],
] as const)("in %s", (_, start) => inStarted(() => start({ path })));

describe.skipIf(valkey === "")("in Valkey, by a user of few rights", () =>
  inStarted(() => startLimitedRedis({ path: valkey })),
);

function inStarted(start: () => Promise<Redis>): void {
  let redis: Redis;
  beforeAll(async () => {
    redis = await start();
  });
  afterAll(() => redis.stop());

  promises(() =>
    connectLedger(Result.getOrThrow(readRedis(variables(redis.env))) ?? expect.unreachable()),
  );

  it("every key of a count expires", async () => {
    const lifetimes = (await redis.ask("EVAL", LIFETIMES, "0")).flat();
    expect(lifetimes.length).toBeGreaterThan(10);
    for (const milliseconds of lifetimes) expect(milliseconds).toBeGreaterThan(0);
  });
}

const LIFETIMES = `local found = {}
for index, key in ipairs(redis.call('KEYS', 'valetkey:*usage*')) do
  found[index] = redis.call('PTTL', key)
end
return found`;

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
const PERSON = `u-${"0".repeat(32)}`;
const OTHER = `u-${"1".repeat(32)}`;

/** An organization with a counter, and the files of its store. */
const account = (connect: Connect, settings: Partial<UsageSettings> = {}) =>
  Effect.gen(function* () {
    const ledger = yield* connect();
    const now = yield* Clock.currentTimeMillis;
    const counter = counterIn(ledger, { refusesUnknown: false, ...settings });
    const organization = OrganizationId.make(`o-${crypto.randomUUID()}`);
    const files = new Map<StorageKey, number>();
    const cared: Array<string> = [];
    const grant = (
      size: number,
      { folder = "files/2026/11", urlUntil = now + HOUR, lasts = DAY } = {},
    ): GrantToCount => {
      const key = `orgs/${organization}/${folder}/${crypto.randomUUID()}.bin` as StorageKey;
      return { key, size, urlUntil, confirmUntil: urlUntil + lasts };
    };
    const decide = (doubts: Effect.Success<ReturnType<UsageCounter["doubts"]>>) =>
      Effect.forEach(doubts ?? [], (doubt) => counter.seen(doubt, files.get(doubt.key)));
    const care = Effect.gen(function* () {
      for (let doubts; (doubts = yield* counter.doubts(organization)) !== undefined;) {
        yield* decide(doubts);
      }
    }).pipe(Effect.orDie);
    const recount = Effect.fnUntraced(function* (
      during: Effect.Effect<unknown, unknown> = Effect.void,
    ) {
      const begun = (yield* counter.recount(organization)) ?? expect.unreachable();
      const listed = [...files].map(([key, size]) => ({ key, size, age: 30 * DAY }));
      yield* begun.add(listed.slice(0, 2));
      yield* Effect.orDie(during);
      yield* begun.add(listed.slice(2).filter(({ key }) => files.has(key)));
      yield* decide(yield* begun.unseen);
      yield* begun.finish;
    });
    return {
      counter,
      ledger,
      now,
      organization,
      files,
      cared,
      grant,
      care,
      recount,
      reserve: (grants: ReadonlyArray<GrantToCount>, options = {}) =>
        counter.reserve(grants, { folder: PERSON, care, ...options }),
      store: (granted: GrantToCount, isFinal = true) => {
        files.set(granted.key, granted.size);
        return counter.stored({ ...granted, isFinal });
      },
      remove: Effect.fnUntraced(function* ({ key, size }: GrantToCount) {
        if (files.has(key)) yield* counter.removing({ key, size });
        files.delete(key);
        yield* counter.removed(key);
      }),
      counted: (folder?: string) =>
        Effect.map(counter.read({ organization, folder }), ({ files, bytes, granted, open }) => [
          files,
          bytes,
          granted,
          open,
        ]),
    };
  });

function promises(connect: Connect): void {
  const promise = (
    title: string,
    use: (made: Effect.Success<ReturnType<typeof account>>) => Effect.Effect<unknown, unknown>,
    settings?: Partial<UsageSettings>,
  ) =>
    it.effect(title, () =>
      Effect.scoped(
        // The clock stands still, so that no answer of Redis is too late. Redis has its own.
        TestClock.setTime(Date.now()).pipe(
          Effect.andThen(account(connect, settings)),
          Effect.flatMap(use),
        ),
      ),
    );

  promise("a file is granted, then stored once, then removed once", (made) =>
    Effect.gen(function* () {
      const granted = made.grant(10);
      yield* made.reserve([granted]);
      expect(yield* made.counted()).toEqual([0, 0, 10, 1]);
      for (let times = 0; times < 2; times += 1) {
        yield* made.store(granted);
        expect(yield* made.counted()).toEqual([1, 10, 0, 0]);
      }
      yield* made.remove(granted);
      yield* made.remove(granted);
      expect(yield* made.counted()).toEqual([0, 0, 0, 0]);
    }),
  );

  promise("a person's folder has an account of its own", (made) =>
    Effect.gen(function* () {
      const [own, others] = [made.grant(10, { folder: PERSON }), made.grant(5, { folder: OTHER })];
      const open = made.grant(3, { folder: `public/${PERSON}/2026` });
      yield* made.reserve([own, open]);
      yield* made.reserve([others], { folder: OTHER });
      yield* made.store(own);
      expect(yield* made.counted(PERSON)).toEqual([1, 10, 3, 1]);
      expect(yield* made.counted(OTHER)).toEqual([0, 0, 5, 1]);
      expect(yield* made.counted()).toEqual([1, 10, 8, 2]);
    }),
  );

  promise("a removal that was interrupted goes on, and is not counted again", (made) =>
    Effect.gen(function* () {
      const { counter } = made;
      const granted = made.grant(10);
      yield* made.store(granted);
      yield* counter.removing({ key: granted.key, size: 10 });
      made.files.delete(granted.key);
      yield* Effect.all([made.remove(granted), made.remove(granted)], { concurrency: 2 });
      yield* counter.removing({ key: granted.key, size: 10 });
      yield* counter.removed(granted.key);
      expect(yield* made.counted()).toEqual([0, 0, 0, 0]);
    }),
  );

  promise("a confirm that ends after the removal of its file counts nothing", (made) =>
    Effect.gen(function* () {
      const granted = made.grant(10);
      yield* made.reserve([granted]);
      yield* made.remove(granted);
      yield* made.counter.stored({ ...granted, isFinal: true });
      yield* made.care;
      expect(yield* made.counted()).toEqual([0, 0, 0, 0]);
    }),
  );

  promise(
    "a removal frees no upload that can still be made by its URL",
    (made) =>
      Effect.gen(function* () {
        yield* made.recount();
        const granted = made.grant(60);
        yield* made.reserve([granted]);
        for (const isThere of [false, true]) {
          if (isThere) made.files.set(granted.key, 60);
          yield* made.remove(granted);
          expect(yield* made.counted()).toEqual([0, 0, 60, 1]);
          expect((yield* Effect.flip(made.reserve([made.grant(60)])))._tag).toBe("StorageFull");
        }
        yield* made.store(granted);
        yield* made.care;
        expect(yield* made.counted()).toEqual([1, 60, 0, 0]);
      }),
    { bytes: 100 },
  );

  promise("a file that is uploaded again after its removal is counted again", (made) =>
    Effect.gen(function* () {
      const granted = made.grant(10);
      yield* made.store(granted, false);
      yield* made.remove(granted);
      yield* made.store(granted, false);
      yield* made.care;
      expect(yield* made.counted()).toEqual([1, 10, 0, 0]);
    }),
  );

  promise("what has ended is decided by the store", (made) =>
    Effect.gen(function* () {
      const ended = { urlUntil: made.now - 3 * HOUR, lasts: HOUR };
      const [sent, never, changed] = [
        made.grant(10, ended),
        made.grant(5, ended),
        made.grant(7, ended),
      ];
      yield* made.reserve([sent, never, changed], { care: Effect.void });
      made.files.set(sent.key, 10);
      yield* made.store(changed, false);
      made.files.set(changed.key, 8);
      yield* made.care;
      expect(yield* made.counted()).toEqual([2, 18, 0, 0]);
      // Nothing is left of them but the sums.
      expect(yield* made.ledger.scan(made.organization, "")).toMatchObject({ entries: {} });
      yield* made.remove(sent);
      yield* made.remove({ ...changed, size: 8 });
      expect(yield* made.counted()).toEqual([0, 0, 0, 0]);
    }),
  );

  promise("a URL that has ended is not open, and its grant counts until its receipt ends", (made) =>
    Effect.gen(function* () {
      yield* made.reserve([made.grant(10, { urlUntil: made.now - 1 })]);
      yield* made.care;
      expect(yield* made.counted()).toEqual([0, 0, 10, 0]);
    }),
  );

  promise("a refused upload frees its grant, unless it left a file", (made) =>
    Effect.gen(function* () {
      const [gone, kept] = [made.grant(10), made.grant(5)];
      yield* made.reserve([gone, kept]);
      made.files.set(kept.key, 6);
      for (const { key } of [gone, kept]) {
        const doubt = (yield* made.counter.doubt(key)) ?? expect.unreachable();
        yield* made.counter.seen(doubt, made.files.get(key));
      }
      expect(yield* made.counted()).toEqual([1, 6, 0, 0]);
    }),
  );

  promise("a look at the store counts only if nothing happened since it was asked", (made) =>
    Effect.gen(function* () {
      const granted = made.grant(10);
      yield* made.reserve([granted]);
      const doubt = (yield* made.counter.doubt(granted.key)) ?? expect.unreachable();
      yield* made.store(granted);
      yield* made.counter.seen(doubt, undefined);
      expect(yield* made.counted()).toEqual([1, 10, 0, 0]);
    }),
  );

  promise(
    "of ten uploads at once, only as many are granted as there is room for",
    (made) =>
      Effect.gen(function* () {
        yield* made.recount();
        const one = Effect.result(Effect.suspend(() => made.reserve([made.grant(30)])));
        const all = yield* Effect.all(
          Array.from({ length: 10 }, () => one),
          { concurrency: 10 },
        );
        const refused = all.filter(Result.isFailure).map(({ failure }) => failure);
        expect(refused).toHaveLength(7);
        expect(refused[0]).toMatchObject({ _tag: "StorageFull", used: 0, limit: 100 });
        expect((yield* Effect.flip(made.reserve([made.grant(1), made.grant(10)])))._tag).toBe(
          "StorageFull",
        );
        expect(yield* made.counted()).toEqual([0, 0, 90, 3]);
      }),
    { bytes: 100 },
  );

  promise(
    "a grant that has ended makes room at once",
    (made) =>
      Effect.gen(function* () {
        yield* made.recount();
        yield* made.reserve([made.grant(90, { urlUntil: made.now - 3 * HOUR, lasts: HOUR })]);
        yield* made.reserve([made.grant(90)]);
        expect(yield* made.counted()).toEqual([0, 0, 90, 1]);
      }),
    { bytes: 100 },
  );

  promise(
    "a plan takes the place of the limit on a person, or of that on the organization",
    (made) =>
      Effect.gen(function* () {
        yield* made.recount();
        const tag = (size: number, folder: string | undefined, storedBytes?: number) =>
          Effect.match(
            Effect.suspend(() => made.reserve([made.grant(size, { folder })], { storedBytes })),
            { onFailure: (refusal) => refusal, onSuccess: () => "granted" },
          );
        const full = { _tag: "StorageFull", isSubject: true };
        expect(yield* tag(11, PERSON)).toMatchObject({ ...full, limit: 10 });
        expect(yield* tag(11, PERSON, 20)).toBe("granted");
        expect(yield* tag(11, PERSON, 20)).toMatchObject({ ...full, granted: 11, limit: 20 });
        expect(yield* tag(100, undefined)).toMatchObject({ isSubject: false, limit: 100 });
        expect(yield* tag(100, undefined, 200)).toBe("granted");
        expect(yield* made.counter.read({ organization: made.organization })).toMatchObject({
          plan: 200,
        });
      }),
    { bytes: 100, bytesPerSubject: 10 },
  );

  promise(
    "open uploads are limited for a person whatever the keys are, and for the organization",
    (made) =>
      Effect.gen(function* () {
        const [first, second] = [made.grant(1), made.grant(1, { folder: PERSON })];
        yield* made.reserve([first, second]);
        const own = yield* Effect.flip(made.reserve([made.grant(1)]));
        expect(own).toMatchObject({
          _tag: "TooManyOpenUploads",
          open: 2,
          limit: 2,
          isSubject: true,
        });
        expect(own).toHaveProperty("retryAfter");
        yield* made.reserve([made.grant(1)], { folder: OTHER });
        const all = yield* Effect.flip(made.reserve([made.grant(1)], { folder: OTHER }));
        expect(all).toMatchObject({ open: 3, limit: 3, isSubject: false });
        yield* made.store(first);
        yield* made.reserve([made.grant(1)]);
      }),
    { open: 3, openPerSubject: 2 },
  );

  promise(
    "while it is unknown what is stored, uploads are refused if the policy says so",
    (made) =>
      Effect.gen(function* () {
        expect((yield* Effect.flip(made.reserve([made.grant(1)])))._tag).toBe("LimitsUnavailable");
        yield* made.recount();
        yield* made.reserve([made.grant(1)]);
        yield* made.counter.forget(made.organization);
        expect((yield* Effect.flip(made.reserve([made.grant(1)])))._tag).toBe("LimitsUnavailable");
      }),
    { bytes: 100, refusesUnknown: true },
  );

  promise(
    "what is granted is held to the limit before it is known what is stored",
    (made) =>
      Effect.gen(function* () {
        const one = (counter: UsageCounter) =>
          Effect.result(counter.reserve([made.grant(40)], { folder: PERSON, care: made.care }));
        const other = counterIn(made.ledger, { bytes: 100, refusesUnknown: false });
        const asked = Array.from({ length: 200 }, (_, at) => one(at % 2 ? made.counter : other));
        const outcomes = yield* Effect.all(asked, { concurrency: "unbounded" });
        expect(outcomes.filter(Result.isSuccess)).toHaveLength(2);
        expect(yield* made.counted()).toEqual([0, 0, 80, 2]);
      }),
    { bytes: 100 },
  );

  promise(
    "the first uploads wait until it is known what is stored",
    (made) =>
      Effect.gen(function* () {
        made.files.set(made.grant(0).key, 90);
        const care = Effect.orDie(made.recount());
        const one = Effect.suspend(() => Effect.result(made.reserve([made.grant(5)], { care })));
        const outcomes = yield* Effect.all([one, one, one], { concurrency: "unbounded" });
        expect(outcomes.filter(Result.isSuccess)).toHaveLength(2);
        // Of an account that is unknown again they do, too.
        yield* made.counter.forget(made.organization);
        made.files.clear();
        yield* made.reserve([made.grant(85)], { care });
      }),
    { bytes: 100 },
  );

  promise("an account is looked after once a minute, by one process", (made) =>
    Effect.gen(function* () {
      let times = 0;
      const care = Effect.sync(() => void (times += 1));
      const one = Effect.suspend(() => made.reserve([made.grant(1)], { care }));
      yield* Effect.all(
        Array.from({ length: 10 }, () => one),
        { concurrency: 10 },
      );
      yield* Effect.yieldNow;
      expect(times).toBe(1);
      yield* made.counter.forget(made.organization);
      yield* one;
      yield* Effect.yieldNow;
      expect(times).toBe(2);
    }),
  );

  promise("a count of all files is exact while files are stored and removed", (made) =>
    Effect.gen(function* () {
      const old = [10, 20, 30, 40, 50].map((size) => made.grant(size));
      for (const { key, size } of old) made.files.set(key, size);
      const [a, b, c, , e] = old as [GrantToCount, ...Array<GrantToCount>] & Required<typeof old>;
      const recent = made.grant(100);
      yield* made.recount(
        Effect.gen(function* () {
          // One that was listed, and one that was not yet.
          yield* made.remove(a);
          yield* made.remove(e ?? expect.unreachable());
          yield* made.store(recent);
          expect(yield* made.counter.recount(made.organization)).toBeUndefined();
        }),
      );
      const reading = yield* made.counter.read({ organization: made.organization });
      expect(reading).toMatchObject({ isKnown: true, files: 4, bytes: 190 });
      expect(reading.since).toBeGreaterThan(0);
      for (const each of [b, c, recent]) yield* made.remove(each ?? expect.unreachable());
      expect(yield* made.counted()).toEqual([1, 40, 0, 0]);
    }),
  );

  promise("a count that is given up leaves no file to wait for it", (made) =>
    Effect.gen(function* () {
      const old = made.grant(10);
      made.files.set(old.key, 10);
      yield* made.recount();
      const begun = (yield* made.counter.recount(made.organization)) ?? expect.unreachable();
      yield* begun.end;
      yield* made.remove(old);
      expect(yield* made.counted()).toEqual([0, 0, 0, 0]);
      // An end that comes late ends no other.
      const next = (yield* made.counter.recount(made.organization)) ?? expect.unreachable();
      yield* begun.end;
      yield* next.unseen;
      yield* next.finish;
    }),
  );

  promise("a count corrects what another program has stored or removed", (made) =>
    Effect.gen(function* () {
      const [gone, sent, foreign, replaced] = [
        made.grant(10),
        made.grant(20),
        made.grant(30, { folder: OTHER }),
        made.grant(40),
      ];
      yield* made.store(gone);
      yield* made.store(replaced);
      made.files.set(replaced.key, 45);
      yield* made.reserve([sent]);
      made.files.delete(gone.key);
      made.files.set(sent.key, 20);
      made.files.set(foreign.key, 30);
      yield* made.recount();
      yield* made.care;
      expect(yield* made.counted()).toEqual([3, 95, 0, 0]);
      expect(yield* made.counted(OTHER)).toEqual([1, 30, 0, 0]);
      yield* made.store(sent);
      expect(yield* made.counted()).toEqual([3, 95, 0, 0]);
    }),
  );

  promise("a count has the files of uploads whose receipts have ended", (made) =>
    Effect.gen(function* () {
      const ended = made.grant(10, { urlUntil: made.now - 3 * HOUR, lasts: HOUR });
      yield* made.reserve([ended], { care: Effect.void });
      made.files.set(ended.key, 10);
      yield* made.recount();
      expect(yield* made.counted()).toEqual([1, 10, 0, 0]);
    }),
  );

  promise("files that are confirmed while a count has their page are counted once", (made) =>
    Effect.gen(function* () {
      const [confirmed, other] = [made.grant(10), made.grant(20)];
      const during: Ledger["during"] = (...asked) =>
        Effect.tap(made.ledger.during(...asked), made.store(confirmed));
      const counter = counterIn({ ...made.ledger, during }, { refusesUnknown: false });
      const begun = (yield* counter.recount(made.organization)) ?? expect.unreachable();
      yield* begun.add([confirmed, other].map(({ key, size }) => ({ key, size, age: HOUR })));
      yield* begun.unseen;
      yield* begun.finish;
      expect(yield* made.counted()).toEqual([2, 30, 0, 0]);
    }),
  );

  promise(
    "a confirm after a count of its file counts nothing, also if its grant was lost",
    (made) =>
      Effect.gen(function* () {
        const granted = made.grant(10);
        const begun = (yield* made.counter.recount(made.organization)) ?? expect.unreachable();
        yield* begun.add([{ key: granted.key, size: 10, age: HOUR }]);
        yield* begun.unseen;
        yield* begun.finish;
        yield* made.care;
        yield* made.store(granted);
        expect(yield* made.counted()).toEqual([1, 10, 0, 0]);
      }),
  );

  promise(
    "thresholds are told once, until the account falls below them",
    (made) =>
      Effect.gen(function* () {
        const { counter } = made;
        const whole = { organization: made.organization };
        const untold = Effect.map(counter.thresholds(whole), (found) => found?.reached ?? []);
        const percents = Effect.map(untold, (all) => all.map(({ percent }) => percent));
        expect(yield* counter.thresholds(whole)).toBeUndefined();
        yield* made.recount();
        const file = made.grant(96);
        yield* made.store(file);
        const reached = yield* untold;
        expect(yield* percents).toEqual([80, 95]);
        expect(yield* untold).toEqual(reached);
        // What is noted is no file to look at.
        expect(yield* counter.doubts(made.organization)).toBeUndefined();
        yield* counter.told(whole, reached);
        expect(yield* counter.thresholds(whole)).toMatchObject({ files: 1, bytes: 96, limit: 100 });
        expect(yield* percents).toEqual([]);
        yield* made.remove(file);
        expect(yield* percents).toEqual([]);
        yield* made.store(made.grant(85));
        const again = yield* untold;
        expect(again.map(({ percent }) => percent)).toEqual([80]);
        expect(again[0]?.occurrence).not.toBe(reached[0]?.occurrence);
      }),
    { bytes: 100 },
  );

  promise(
    "thresholds are parts of the plan where there is one",
    (made) =>
      Effect.gen(function* () {
        yield* made.recount();
        for (const [folder, account] of [
          [PERSON, { organization: made.organization, folder: PERSON }],
          [undefined, { organization: made.organization }],
        ] as const) {
          const file = made.grant(50, { folder });
          yield* made.reserve([file], { storedBytes: 105 });
          yield* made.store(file);
          const found = yield* made.counter.thresholds(account);
          const percents = found?.reached.map(({ percent }) => percent);
          expect([found?.limit, percents]).toEqual([105, folder ? [] : [80, 95]]);
        }
      }),
    { bytes: 1000, bytesPerSubject: 60 },
  );

  promise(
    "Retry-After is the end of as many uploads as are too many, also of more than a page",
    (made) =>
      Effect.gen(function* () {
        const open = (count: number) =>
          Array.from({ length: count }, (_, at) =>
            made.grant(1, { urlUntil: made.now + HOUR + at * 1000 }),
          );
        yield* made.reserve(open(1100));
        const refused = yield* Effect.flip(made.reserve(open(1050)));
        expect(refused).toMatchObject({ open: 1100, retryAfter: 3600 + 1049 });
      }),
    { open: 1100 },
  );

  promise(
    "all organizations are read together",
    (made) =>
      Effect.gen(function* () {
        const before = yield* made.counter.totals;
        yield* made.reserve([made.grant(5)]);
        yield* made.store(made.grant(90));
        yield* made.recount();
        const after = yield* Effect.repeat(made.counter.totals, {
          until: ({ organizations }) => organizations > before.organizations,
        });
        expect(after.bytes - before.bytes).toBe(90);
        expect(after.nearLimit - before.nearLimit).toBe(1);
        expect(after.unknown - before.unknown).toBe(0);
        yield* made.counter.forget(made.organization);
        expect((yield* made.counter.totals).unknown - before.unknown).toBe(1);
      }),
    { bytes: 100 },
  );

  promise("sums of more than 14 digits are exact", (made) =>
    Effect.gen(function* () {
      const large = 2 ** 52 + 1;
      yield* made.store(made.grant(large));
      yield* made.store(made.grant(1));
      expect(yield* made.counted()).toEqual([2, large + 1, 0, 0]);
    }),
  );
}
