import * as Effect from "effect/Effect";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LEASE, type Outbox } from "../../adapters/events/outbox.ts";
import { sqliteOutbox } from "../../adapters/events/sqlite-outbox.ts";

const message = (name: string, lane = name) => ({
  id: `evt_${name}`,
  lane: `orgs/acme/${lane}`,
  body: JSON.stringify({ name }),
});

const ask = Effect.runPromise;

describe("a queue in a file", () => {
  let folder = "";
  let outbox: ReturnType<typeof sqliteOutbox>;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "valetkey-events-"));
    vi.useFakeTimers({ toFake: ["Date"] });
    outbox = open();
  });
  afterEach(() => {
    vi.useRealTimers();
    outbox.close();
    rmSync(folder, { recursive: true });
  });
  const path = () => join(folder, "deep/events.db");
  const open = (most?: number) => sqliteOutbox(path(), most);
  const claimed = async (from: Outbox = outbox) => {
    const attempt = await ask(from.claim);
    return attempt ?? expect.fail("nothing is due");
  };

  it("only its owner can read the file", () => {
    expect(statSync(path()).mode & 0o077).toBe(0);
  });

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
    const other = open();
    await ask(outbox.put(message("a")));
    const first = await claimed();
    expect(await ask(other.claim)).toBeUndefined();
    pass(LEASE);
    const second = await claimed(other);
    expect(second).toMatchObject({ id: first.id, attempt: 2 });
    // The first comes back, and has nothing to say any more.
    await ask(outbox.settle(first, { state: "dead", failure: "late" }));
    expect(await ask(outbox.find(first.id))).toMatchObject({ state: "waiting" });
    await ask(other.settle(second, { state: "delivered" }));
    expect(await ask(outbox.find(first.id))).toMatchObject({ state: "delivered", attempts: 2 });
    other.close();
  });

  it("messages of a lane come in order, and those of another lane do not wait for them", async () => {
    await ask(outbox.put(message("first", "file")));
    await ask(outbox.put(message("second", "file")));
    await ask(outbox.put(message("other")));
    const first = await claimed();
    expect(first.id).toBe("evt_first");
    const other = await claimed();
    expect(other.id).toBe("evt_other");
    await ask(outbox.settle(first, { state: "waiting", failure: "500", after: 60_000 }));
    pass(59_000);
    expect(await ask(outbox.claim)).toBeUndefined();
    pass(1000);
    const again = await claimed();
    expect(again).toMatchObject({ id: "evt_first", attempt: 2 });
    await ask(outbox.settle(again, { state: "dead", failure: "410" }));
    expect((await claimed()).id).toBe("evt_second");
  });

  it("what waits is there after the process has ended", async () => {
    await ask(outbox.put(message("a")));
    outbox.close();
    outbox = open();
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
    outbox.close();
    outbox = open(2);
    await ask(outbox.put(message("a")));
    await ask(outbox.put(message("b")));
    await ask(outbox.put(message("a")));
    await expect(ask(outbox.put(message("c")))).rejects.toMatchObject({
      reason: expect.stringContaining("full"),
    });
    expect((await claimed()).id).toBe("evt_a");
  });

  it("what was delivered is forgotten after 10 days, and what is dead after 30", async () => {
    for (const name of ["delivered", "dead", "waiting"]) await ask(outbox.put(message(name)));
    await ask(outbox.settle(await claimed(), { state: "delivered" }));
    await ask(outbox.settle(await claimed(), { state: "dead", failure: "410" }));
    const known = async () => {
      await ask(outbox.forget);
      const names = ["delivered", "dead", "waiting"];
      const found = await Promise.all(names.map((name) => ask(outbox.find(`evt_${name}`))));
      return found.map((kept) => kept?.state);
    };
    pass(10 * DAY - 1000);
    expect(await known()).toEqual(["delivered", "dead", "waiting"]);
    pass(2000);
    expect(await known()).toEqual([undefined, "dead", "waiting"]);
    pass(20 * DAY);
    expect(await known()).toEqual([undefined, undefined, "waiting"]);
  });
});

const pass = (milliseconds: number) => vi.setSystemTime(Date.now() + milliseconds);

const DAY = 24 * 60 * 60 * 1000;
