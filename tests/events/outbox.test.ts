import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Logger from "effect/Logger";
import * as Result from "effect/Result";
import * as Scope from "effect/Scope";
import { copyFileSync, renameSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { messageFrom } from "../../adapters/events/events.ts";
import { LEASE, type Outbox } from "../../adapters/events/outbox.ts";
import { redisOutbox } from "../../adapters/events/redis-outbox.ts";
import { CLAIM, PUT, sqliteOutbox } from "../../adapters/events/sqlite-outbox.ts";
import { read } from "../../adapters/redis/settings.ts";
import { variables } from "../../adapters/settings/source.ts";
import type { UploadEvent } from "../../domain/upload-event.ts";
import { makeFolder } from "../support/make-folder.ts";
import { waitingReceipt } from "../support/receipt.ts";
import { need } from "../support/need.ts";
import { grantFacts } from "../../application/publish.ts";
import { type Redis, startLimitedRedis, startRedisCluster } from "../support/redis.ts";

const message = (name: string, lane = name) => ({
  id: `evt_${name}`,
  lane: `orgs/acme/${lane}`,
  body: JSON.stringify({ name }),
});

/** On a busy machine Redis may answer later than a request waits; nobody waits here. */
const ask = <A, E>(asked: Effect.Effect<A, E>): Promise<A> =>
  Effect.runPromise(
    Effect.flatMap(Clock.Clock, (clock) => {
      const patient = Object.assign(Object.create(clock) as Clock.Clock, {
        sleep: () => Effect.never,
      });
      return Effect.provideService(asked, Clock.Clock, patient);
    }),
  );

const granted = grantFacts(waitingReceipt("png", 5));
const { key, organization } = granted;
const confirmed = (over: object): UploadEvent => ({
  type: "upload.confirmed",
  data: { ...granted, etag: '"a"', version: "1", final: false, ...over },
});
const mismatched = (property: string, actual: string, expected = ""): UploadEvent => ({
  type: "upload.mismatched",
  data: { ...granted, differences: [{ property, expected, actual }] },
});
const removed = (subject: string): UploadEvent => ({
  type: "upload.removed",
  data: { key, organization, subject },
});

it.each([
  ["is confirmed again once it is final", confirmed({}), confirmed({ final: true }), true],
  ["has another version of the same bytes", confirmed({}), confirmed({ version: "2" }), true],
  ["was replaced by other bytes", confirmed({}), confirmed({ etag: '"b"' }), false],
  [
    "differs by its time, seen at another moment",
    mismatched("last-modified", "00:00:01", "not after 01:00"),
    mismatched("last-modified", "00:00:02", "not after 02:00"),
    true,
  ],
  ["differs in another way", mismatched("size", "6"), mismatched("size", "7"), false],
  ["is removed again by somebody else", removed("a"), removed("b"), true],
  ["is removed and not confirmed", confirmed({}), removed("a"), false],
] as const)("the event of an upload that %s", (_, one, other, isSame) => {
  expect(messageFrom(one, 0).id === messageFrom(other, 1).id).toBe(isSame);
});

/** Something that keeps messages, opened by as many processes as there are scopes. */
interface Engine {
  readonly open: (most?: number) => Effect.Effect<Outbox, never, Scope.Scope>;
  readonly pass: (milliseconds: number) => unknown;
}

const path = (await need("redis")) ?? "";

describe("a queue in a file", () => {
  let folder = "";
  const file = () => join(folder, "deep/events.db");
  beforeEach(() => {
    folder = makeFolder();
    vi.useFakeTimers({ toFake: ["Date"] });
  });
  afterEach(() => vi.useRealTimers());
  const opened = (most?: number) => Effect.orDie(sqliteOutbox(join(folder, "deep"), most));
  promises({
    open: opened,
    pass: (milliseconds) => vi.setSystemTime(Date.now() + milliseconds),
  });

  const other = () => join(folder, "other/events.db");
  const another = () => Effect.orDie(sqliteOutbox(join(folder, "other")));

  it.each<readonly [string, () => void]>([
    ["was removed", () => rmSync(file())],
    ["was emptied", () => truncateSync(file())],
    ["lost its log", () => rmSync(`${file()}-wal`)],
    ["lost its index", () => rmSync(`${file()}-shm`)],
    [
      "was replaced by a copy of itself",
      () => {
        copyFileSync(file(), join(folder, "copy"));
        renameSync(join(folder, "copy"), file());
      },
    ],
  ])("a queue whose file %s keeps nothing more, and is not ready", async (_, change) => {
    const use = Effect.gen(function* () {
      const outboxes = [yield* opened(), yield* opened()];
      for (const outbox of outboxes) yield* outbox.put(message("a"));
      change();
      for (const outbox of outboxes) {
        expect(yield* Effect.flip(outbox.check)).toMatchObject({
          reason: expect.stringContaining(file()),
        });
        yield* Effect.flip(outbox.put(message("b")));
      }
    });
    await ask(Effect.scoped(use));
  });

  it("a queue whose folder is renamed keeps nothing until it is back", async () => {
    const use = Effect.gen(function* () {
      const outbox = yield* opened();
      renameSync(join(folder, "deep"), join(folder, "away"));
      yield* Effect.flip(outbox.check);
      renameSync(join(folder, "away"), join(folder, "deep"));
      yield* outbox.check;
      yield* outbox.put(message("a"));
    });
    await ask(Effect.scoped(use));
  });

  const warnings = async () => {
    const said: Array<string> = [];
    const logger = Logger.make(({ message: text }) => said.push(String(text)));
    await ask(Effect.scoped(another()).pipe(Effect.provide(Logger.layer([logger]))));
    return said.map((text) => /removed or emptied/.test(text));
  };
  it("a queue that was removed or emptied since it was used says so once, and a new one does not", async () => {
    expect([await warnings(), await warnings()]).toEqual([[], []]);
    truncateSync(other());
    expect([await warnings(), await warnings()]).toEqual([[true], []]);
    rmSync(other());
    expect([await warnings(), await warnings()]).toEqual([[true], []]);
  });

  it("a claim reads one message of a lane, however long its queue is", async () => {
    const use = Effect.gen(function* () {
      const outbox = yield* opened();
      for (const name of Array(300).keys()) yield* outbox.put(message(String(name), "file"));
      yield* outbox.put(message("other"));
      expect((yield* outbox.claim)?.id).toBe("evt_0");
      expect((yield* outbox.claim)?.id).toBe("evt_other");
    });
    await ask(Effect.scoped(use));
    const database = new DatabaseSync(file());
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${CLAIM}`).all({ now: 0 });
    expect(
      plan
        .map(({ detail }) => String(detail))
        .filter((text) => /SCAN |SEARCH |SORT|TEMP/.test(text)),
    ).toEqual([
      "SEARCH events USING INTEGER PRIMARY KEY (rowid=?)",
      "SEARCH firsts USING COVERING INDEX firsts_due (at<?)",
      "SEARCH firsts USING COVERING INDEX firsts_since (since>?)",
    ]);
    expect(database.prepare("SELECT lane FROM firsts").all()).toHaveLength(2);
    database.close();
  });

  it("a put counts nothing, however many wait", async () => {
    await ask(Effect.scoped(opened()));
    const database = new DatabaseSync(file());
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${PUT}`).all({ now: 0 });
    expect(plan.map(({ detail }) => String(detail)).filter((text) => /events/.test(text))).toEqual(
      [],
    );
    database.close();
  });

  it("only its owner can read the file", async () => {
    await ask(Effect.scoped(opened()));
    expect(statSync(file()).mode & 0o077).toBe(0);
  });
});

describe.skipIf(path === "").each([
  ["Redis, by a user of few rights", startLimitedRedis],
  ["a cluster of three nodes", startRedisCluster],
] as const)("a queue in %s", (_, start) => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await start({ path });
  });
  afterAll(() => redis.stop());
  afterEach(() => redis.ask("FLUSHALL"));
  promises({
    open: (most) =>
      redisOutbox(Result.getOrThrow(read(variables(redis.env))) ?? expect.unreachable(), most),
    // Moves all times that are kept back.
    pass: (milliseconds) => redis.ask("EVAL", AGE, "0", String(milliseconds)),
  });

  it("events that were delivered or given up expire, and those that wait do not", async () => {
    const scope = Scope.makeUnsafe();
    const settings = Result.getOrThrow(read(variables(redis.env))) ?? expect.unreachable();
    const outbox = await ask(Scope.provide(redisOutbox(settings), scope));
    for (const name of ["delivered", "dead", "waiting"]) await ask(outbox.put(message(name)));
    for (const state of ["delivered", "dead"] as const) {
      const attempt = (await ask(outbox.claim)) ?? expect.fail("nothing is due");
      await ask(outbox.settle(attempt, { state, failure: "" }));
    }
    const left = async (name: string) => {
      const all = await redis.ask("EVAL", LIFETIME, "0", `valetkey:{events}:event:evt_${name}`);
      const milliseconds = Math.max(...all.map(Number));
      return milliseconds < 0 ? "forever" : Math.ceil(milliseconds / DAY);
    };
    expect([await left("delivered"), await left("dead")]).toEqual([10, 30]);
    expect(await left("waiting")).toBe("forever");
    await ask(outbox.resend("evt_dead"));
    expect(await left("dead")).toBe("forever");
    await ask(Scope.close(scope, Exit.void));
  });
});

const LIFETIME = `for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  return redis.call('PTTL', key)
end
return -2`;

const AGE = `for _, key in ipairs(redis.call('KEYS', 'valetkey:{events}:*')) do
  if key:find(':event:') then
    redis.call('HINCRBYFLOAT', key, 'at', -ARGV[1])
    local left = redis.call('PTTL', key)
    if left > 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end
  elseif key:find(':lanes$') or key:find(':since$') or key:find(':delivered$') or key:find(':dead$') then
    for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
      redis.call('ZINCRBY', key, -ARGV[1], member)
    end
  end
end`;

function promises({ open: openIn, pass }: Engine): void {
  let scope: Scope.Closeable;
  let outbox: Outbox;
  const open = (most?: number) => ask(Scope.provide(openIn(most), scope));
  const reopen = async (most?: number) => {
    await ask(Scope.close(scope, Exit.void));
    scope = Scope.makeUnsafe();
    outbox = await open(most);
  };
  beforeEach(async () => {
    scope = Scope.makeUnsafe();
    outbox = await open();
  });
  afterEach(() => ask(Scope.close(scope, Exit.void)));
  const claimed = async (from: Outbox = outbox) => {
    const attempt = await ask(from.claim);
    return attempt ?? expect.fail("nothing is due");
  };

  it("a message is there once, however often it is put, also after it was delivered", async () => {
    await ask(outbox.put(message("a")));
    await ask(outbox.put(message("a")));
    const attempt = await claimed();
    expect(attempt).toMatchObject({ ...message("a"), attempt: 1 });
    await ask(outbox.settle(attempt, { state: "delivered" }));
    await ask(outbox.put(message("a")));
    expect(await ask(outbox.claim)).toBeUndefined();
    expect(await ask(outbox.counts)).toEqual({ waiting: 0, dead: 0 });
  });

  it("two processes never have one message, and another takes it over once the first is late", async () => {
    const other = await open();
    await ask(outbox.put(message("a")));
    const first = await claimed();
    expect(await ask(other.claim)).toBeUndefined();
    await pass(LEASE);
    const second = await claimed(other);
    expect(second).toMatchObject({ id: first.id, attempt: 2 });
    // The first comes back, and has nothing to say any more.
    await ask(outbox.settle(first, { state: "dead", failure: "late" }));
    expect(await ask(outbox.find(first.id))).toMatchObject({ state: "waiting" });
    await ask(other.settle(second, { state: "delivered" }));
    expect(await ask(outbox.find(first.id))).toMatchObject({ state: "delivered", attempts: 2 });
  });

  it("a clock that is set back by an hour holds up no message, and by seconds gives none to two", async () => {
    await ask(outbox.put(message("tried")));
    await ask(outbox.settle(await claimed(), { state: "waiting", failure: "500", after: 300_000 }));
    await ask(outbox.put(message("held")));
    expect((await claimed()).id).toBe("evt_held");
    await ask(outbox.put(message("new")));
    await pass(-30_000);
    expect(await ask(outbox.claim)).toBeUndefined();
    await pass(-3_600_000);
    const ids = [];
    for (let left = 3; left > 0; left -= 1) {
      const attempt = await claimed();
      ids.push(attempt.id);
      await ask(outbox.settle(attempt, { state: "delivered" }));
    }
    expect(ids.toSorted()).toEqual(["evt_held", "evt_new", "evt_tried"]);
    expect(await ask(outbox.claim)).toBeUndefined();
  });

  it("messages of a lane come in order, and those of another lane do not wait for them", async () => {
    await ask(outbox.put(message("first", "file")));
    await ask(outbox.put(message("second", "file")));
    await ask(outbox.put(message("other")));
    const first = await claimed();
    expect(first.id).toBe("evt_first");
    const other = await claimed();
    expect(other.id).toBe("evt_other");
    await ask(outbox.settle(other, { state: "delivered" }));
    await ask(outbox.settle(first, { state: "waiting", failure: "500", after: 60_000 }));
    await pass(50_000);
    expect(await ask(outbox.claim)).toBeUndefined();
    await pass(10_000);
    const again = await claimed();
    expect(again).toMatchObject({ id: "evt_first", attempt: 2 });
    await ask(outbox.settle(again, { state: "dead", failure: "410" }));
    expect((await claimed()).id).toBe("evt_second");
  });

  it("events that wait are there after the process has ended", async () => {
    await ask(outbox.put(message("a")));
    await reopen();
    expect((await claimed()).body).toBe('{"name":"a"}');
  });

  it("a dead message is listed with its reason, and can be sent again or dropped", async () => {
    await ask(outbox.put(message("a")));
    await ask(outbox.settle(await claimed(), { state: "dead", failure: "410 Gone" }));
    expect(await ask(outbox.counts)).toEqual({ waiting: 0, dead: 1 });
    expect(await ask(outbox.list("dead", { limit: 10 }))).toMatchObject([
      { id: "evt_a", state: "dead", attempts: 1, failure: "410 Gone" },
    ]);
    expect(await ask(outbox.resend("evt_a"))).toBe(true);
    expect(await claimed()).toMatchObject({ id: "evt_a", attempt: 1 });
    expect(await ask(outbox.drop("evt_a"))).toBe(true);
    expect(await ask(outbox.drop("evt_a"))).toBe(false);
    expect(await ask(outbox.resend("evt_a"))).toBe(false);
    expect(await ask(outbox.find("evt_a"))).toBeUndefined();
  });

  it("a full queue refuses what is new, keeps the oldest, and takes what it knows", async () => {
    await reopen(2);
    await ask(outbox.put(message("a")));
    await ask(outbox.put(message("b")));
    await ask(outbox.put(message("a")));
    await expect(ask(outbox.put(message("c")))).rejects.toMatchObject({
      reason: expect.stringContaining("full"),
    });
    expect((await claimed()).id).toBe("evt_a");
  });

  it("what waits and what is dead is counted right, whichever process changes it", async () => {
    const processes = [outbox, await open()];
    let turn = 0;
    const use = () => processes[turn++ % 2] ?? outbox;
    for (const name of ["a", "b", "c", "d", "e"]) await ask(use().put(message(name)));
    await ask(use().put(message("a")));
    for (const state of ["delivered", "dead", "dead", "dead"] as const) {
      await ask(use().settle(await claimed(use()), { state, failure: "410" }));
    }
    await ask(use().settle(await claimed(), { state: "waiting", failure: "500", after: 1 }));
    for (const process of processes) {
      expect(await ask(process.counts)).toEqual({ waiting: 1, dead: 3 });
    }
    await ask(use().resend("evt_b"));
    await ask(use().drop("evt_c"));
    await reopen();
    expect(await ask(outbox.counts)).toEqual({ waiting: 2, dead: 1 });
    await pass(31 * DAY);
    await ask(outbox.forget);
    expect(await ask(outbox.counts)).toEqual({ waiting: 2, dead: 0 });
  });

  it("delivered events are forgotten after 10 days, and dead ones after 30", async () => {
    for (const name of ["delivered", "dead", "waiting"]) await ask(outbox.put(message(name)));
    await ask(outbox.settle(await claimed(), { state: "delivered" }));
    await ask(outbox.settle(await claimed(), { state: "dead", failure: "410" }));
    const known = async () => {
      await ask(outbox.forget);
      const names = ["delivered", "dead", "waiting"];
      const found = await Promise.all(names.map((name) => ask(outbox.find(`evt_${name}`))));
      return found.map((kept) => kept?.state);
    };
    await pass(10 * DAY - HOUR);
    expect(await known()).toEqual(["delivered", "dead", "waiting"]);
    await pass(2 * HOUR);
    expect(await known()).toEqual([undefined, "dead", "waiting"]);
    await pass(20 * DAY);
    expect(await known()).toEqual([undefined, undefined, "waiting"]);
  });
}

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
