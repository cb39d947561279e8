import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startReceiver } from "../events/backend.ts";
import { ask, upload } from "../support/ask.ts";
import { freePort } from "../support/free-port.ts";
import { isFullRun } from "../support/full-run.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { type Redis, startRedis } from "../support/redis.ts";
import { startWatchedRedis } from "../support/replicated-redis.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { type Allowed, Ledger, type Upload } from "./ledger.ts";

const path = (await need("redis")) ?? "";
const POINTS = isFullRun ? 50 : 4;
const ROUNDS = isFullRun ? 10 : 3;

let redis: Redis;
beforeAll(async () => {
  redis = await startRedis({ path, isPersistent: true });
});
afterAll(() => redis.stop());

type Backend = Awaited<ReturnType<typeof startReceiver>>;

const keysIn = ({ received }: Backend) =>
  new Set(received.map(({ data }) => new URL(data.file_url).pathname.replace("/api/v1/", "")));

const isConfirmed = ({ answers }: Upload) => answers.length > 0;

/** Waits until the backend has heard of each upload whose confirm was answered. */
const untilHeard = (backend: Backend, { uploads }: Ledger, fails = false) =>
  until(
    "the events of all confirmed uploads",
    () => {
      const keys = keysIn(backend);
      return uploads.filter(isConfirmed).every(({ key }) => keys.has(key()));
    },
    fails ? 5 : undefined,
  );

function expectOnlyConfirmed(backend: Backend, ledger: Ledger): void {
  const known = new Set(ledger.uploads.map(({ key }) => key()));
  expect([...keysIn(backend)].filter((key) => !known.has(key))).toEqual([]);
  // An event keeps its id, however often it is sent.
  expect(new Set(backend.received.map(({ id }) => id)).size).toBe(keysIn(backend).size);
}

const KILLED: Allowed = { confirm: ["200", "none", "503 EVENTS_UNAVAILABLE"] };

const endLeasesInRedis = () =>
  redis.ask(
    "EVAL",
    `for _, lane in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
      redis.call('ZADD', KEYS[1], 0, lane)
    end`,
    "1",
    "valetkey:{events}:lanes",
  );

describe.each([
  {
    name: "a file",
    env: () => ({}),
    endLeases: (folder: string) => {
      const database = new DatabaseSync(join(folder, "events.db"), { timeout: 300_000 });
      database.exec("UPDATE events SET at = 0 WHERE state = 'waiting'");
      database.close();
    },
  },
  {
    name: "Redis",
    env: () => redis.env,
    endLeases: () => endLeasesInRedis(),
  },
])("with $name", ({ name, env, endLeases }) => {
  it(
    "the service is killed while it confirms and sends, and no event is lost or made up",
    { timeout: POINTS * 300_000 },
    async () => {
      const folder = makeFolder();
      const backend = await startReceiver();
      const start = async (before?: ServiceProcess) =>
        startProcess({
          ...backend.env,
          ...env(),
          STORAGE_LOCAL_DIR: folder,
          PORT: before === undefined ? String(await freePort()) : new URL(before.address).port,
          ...(before && { DEV_TOKEN: before.token }),
        });
      let service = await start();
      const ledger = new Ledger(() => service);
      const unconfirmed = new Ledger(() => service);
      ledger.allow(KILLED);
      for (let point = 0; point < POINTS; point++) {
        const uploads = Array.from({ length: 8 }, () => ledger.file());
        await Promise.all(uploads.map((each) => ledger.advance(each, 2)));
        await unconfirmed.advance(unconfirmed.file(), 2);
        const confirming = Promise.all(uploads.map((each) => ledger.advance(each)));
        // From the first answer to the last event.
        const before = ledger.count("confirm");
        const answers = Math.floor(Math.random() * 9);
        await until("answers", () => ledger.count("confirm") - before >= answers);
        await pause(Math.random() * 40);
        service.signal("SIGKILL");
        await service.ended;
        await confirming;
        service = await start(service);
      }
      const acknowledged = ledger.uploads.filter(isConfirmed).length;
      await endLeases(folder);
      await untilHeard(backend, ledger);
      const unanswered = [...keysIn(backend)].length - acknowledged;
      await ledger.settle();
      await untilHeard(backend, ledger);
      expectOnlyConfirmed(backend, ledger);
      expect(ledger.wrong).toEqual([]);
      const { length } = backend.received;
      process.stdout.write(
        `killed at ${POINTS} points with ${name}: ${acknowledged} of ${ledger.uploads.length} confirms answered, ${unanswered} others heard of too, ${length} messages for ${keysIn(backend).size} events, none lost (${ledger.summary()})\n`,
      );
      await service.stop();
    },
  );
});

/** On a busy disk a service holds the file for longer than a request to another waits for it. */
const statusOf = (send: () => Promise<Response>) =>
  until("an answer that is not 503", async () => {
    const { status } = await send();
    return status !== 503 && status;
  });

it.each([
  { name: "two services with Redis", env: () => redis.env },
  { name: "two services with a file", env: () => ({}) },
])("$name send each event once, and those of a file in order", async ({ env, name }) => {
  // What a killed process had begun to send is sent again once its lease is over.
  await redis.ask("FLUSHALL");
  const folder = makeFolder();
  const backend = await startReceiver();
  const DEV_TOKEN = crypto.randomUUID();
  const running: Array<ServiceProcess> = [];
  for (let count = 0; count < 2; count++) {
    const settings = { ...backend.env, ...env(), STORAGE_LOCAL_DIR: folder, DEV_TOKEN };
    running.push(await startProcess(settings));
  }
  let turn = 0;
  const next = () => running[turn++ % running.length] ?? expect.unreachable();
  const uploadAndRemove = async () => {
    const { receipt, key } = await upload(next());
    expect(await statusOf(() => ask(next(), "confirm", { receipt }))).toBe(200);
    const [, path] = key.split("/files/");
    expect(await statusOf(() => ask(next(), path, undefined, "DELETE"))).toBe(204);
  };
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(Array.from({ length: 20 }, uploadAndRemove));
  }
  const files = ROUNDS * 20;
  await until("all events", () => backend.received.length >= 2 * files);
  // Whatever was sent twice would be under way by now.
  for (const service of running) await service.stop();
  expect(backend.received).toHaveLength(2 * files);
  const types = Map.groupBy(backend.received, ({ data }) => new URL(data.file_url).pathname);
  expect(types.size, name).toBe(files);
  for (const events of types.values()) {
    expect(events.map(({ type }) => type)).toEqual(["upload.confirmed", "upload.removed"]);
  }
});

it.each([
  { how: "is gone", begin: () => redis.kill(), end: () => redis.restart() },
  { how: "does not answer", begin: () => redis.pause(), end: () => redis.resume() },
  {
    how: "is out of memory",
    begin: () => redis.ask("CONFIG", "SET", "maxmemory", "1"),
    end: () => redis.ask("CONFIG", "SET", "maxmemory", "0"),
  },
  {
    how: "is read-only",
    begin: () => redis.ask("REPLICAOF", "127.0.0.1", "1"),
    end: () => redis.ask("REPLICAOF", "NO", "ONE"),
  },
])("while Redis $how nothing is confirmed, and nothing is lost", async ({ begin, end }) => {
  const backend = await startReceiver();
  const service = await startProcess({ ...backend.env, ...redis.env });
  const { receipt, key } = await upload(service);
  await begin();
  try {
    const refused = await ask(service, "confirm", { receipt });
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: "EVENTS_UNAVAILABLE" });
    await until("the state of events", async () => {
      const { parts } = await (await fetch(`${service.address}/readyz`)).json();
      return parts.events.state === "failing";
    });
  } finally {
    await end();
  }
  await until(
    "the confirm",
    async () => (await ask(service, "confirm", { receipt })).status === 200,
  );
  await until("the event", async () => {
    // Redis may have given it to somebody who was no longer waiting.
    await endLeasesInRedis();
    return keysIn(backend).has(key);
  });
  // Another test may have left an event in the same Redis.
  const own = backend.received.filter(({ data }) =>
    data.file_url.endsWith(key.split("/").pop() ?? ""),
  );
  expect(new Set(own.map(({ id }) => id)).size).toBe(1);
  expect(await service.stop()).toBe(0);
});

it("a replica takes over, and what it lost is published by a confirm that is repeated", async () => {
  const watched = await startWatchedRedis({ path });
  const backend = await startReceiver();
  const service = await startProcess({ ...backend.env, ...watched.env });
  const ledger = new Ledger(() => service);
  ledger.allow({ confirm: ["200", "503 EVENTS_UNAVAILABLE"] });
  const confirmMany = async () => {
    const uploads = Array.from({ length: 20 }, () => ledger.file());
    await Promise.all(uploads.map((each) => ledger.advance(each)));
  };
  await confirmMany();
  const during = confirmMany();
  await watched.killMaster();
  await during;
  await confirmMany();
  await ledger.settle();
  const isWhole = await untilHeard(backend, ledger, true).catch(() => false);
  const lost = ledger.uploads.filter(({ key }) => !keysIn(backend).has(key()));
  for (const each of ledger.uploads) await ledger.repeat(each);
  await untilHeard(backend, ledger);
  expectOnlyConfirmed(backend, ledger);
  expect(ledger.wrong).toEqual([]);
  process.stdout.write(
    `a replica took over: ${isWhole ? 0 : lost.length} of ${ledger.uploads.length} events lost until confirmed again, ${backend.received.length} messages (${ledger.summary()})\n`,
  );
  await service.stop();
  await watched.stop();
});
