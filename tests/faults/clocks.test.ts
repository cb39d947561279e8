import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { bundled } from "../support/bundled.ts";
import { commandPath } from "../support/command-path.ts";
import { isFullRun } from "../support/full-run.ts";
import { makeFolder } from "../support/make-folder.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { type Redis, startRedis } from "../support/redis.ts";
import { counted } from "../service/over-redis.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { conclude, endure, isReady } from "./endure.ts";
import { COUNTED, Ledger } from "./ledger.ts";
import { startToxiproxy } from "./toxiproxy.ts";

// libfaketime gives a real process another clock: its wall clock alone, as a correction of the
// machine's does; timers go on.

const library = (await need("faketime")) ?? "";
const minio = await need("minio");
const redisPath = (await need("redis")) ?? "";

const folder = makeFolder();

/** A clock for one process, which starts at the true time. */
function makeClock(name: string) {
  const file = join(folder, name);
  /** Seconds ahead of the true time, or behind it. */
  const set = (seconds: number) => {
    writeFileSync(`${file}.new`, `${seconds < 0 ? "" : "+"}${seconds}`);
    renameSync(`${file}.new`, file);
  };
  set(0);
  const command = async () => [
    "/usr/bin/env",
    `LD_PRELOAD=${library}`,
    `FAKETIME_TIMESTAMP_FILE=${file}`,
    "FAKETIME_NO_CACHE=1",
    "FAKETIME_DONT_FAKE_MONOTONIC=1",
    commandPath("node"),
    await bundled("node"),
  ];
  return { set, command };
}

const stored = (bucket: string) => ({
  ...minioEnv(minio),
  STORAGE_BUCKET: bucket,
});

describe.each([
  ...(isFullRun ? [{ store: "the embedded store", env: () => ({}) }] : []),
  { store: "MinIO", env: () => stored(`clock-${crypto.randomUUID()}`) },
])("with $store", ({ store, env }) => {
  it.each([
    // What was granted before is over by then, and refused as such; a client asks anew.
    { by: 120, words: "two minutes forward" },
    { by: -120, words: "two minutes back" },
  ])("a clock that steps $words changes no answer", async ({ by, words }) => {
    const clock = makeClock("stepping");
    const service = await startProcess(env(), clock.command);
    await isReady(service);
    await endure(() => service, {
      name: `${store}: the clock steps ${words}`,
      begin: () => clock.set(by),
      end: () => clock.set(0),
      allowed: {},
      answers: { presign: 60, confirm: 30, complete: 5 },
    });
  });
});

it("a state that was found before the clock was set back by an hour is not believed for an hour", async () => {
  const clock = makeClock("back");
  const way = await startToxiproxy(Number(new URL(minio?.endpoint ?? "").port));
  const bucket = `clock-${crypto.randomUUID()}`;
  const endpoint = `http://127.0.0.1:${way.port}`;
  const env = { ...stored(bucket), STORAGE_ENDPOINT: endpoint };
  const service = await startProcess(env, clock.command);
  const reads = (status: string) =>
    until(`/readyz that reads ${status}`, async () => {
      const answer = await fetch(`${service.address}/readyz`);
      return (await answer.json()).status === status;
    });
  await reads("ready");
  clock.set(-3600);
  // The store's clock is an hour ahead of this now.
  await reads("degraded");
  clock.set(0);
  await reads("ready");
  await service.stop();
});

describe.each([
  ...(isFullRun ? [{ by: 60, words: "ahead of" }] : []),
  { by: -60, words: "behind" },
])("two replicas, one a minute $words the other", ({ by, words }) => {
  let redis: Redis;
  let replicas: readonly [ServiceProcess, ServiceProcess];
  beforeAll(async () => {
    redis = await startRedis({ path: redisPath });
    const env = {
      ...stored(`replicas-${crypto.randomUUID()}`),
      RECEIPT_KEYS: `own:${receiptKey("replicas").toString("base64")}`,
      DEV_TOKEN: crypto.randomUUID(),
      REDIS_URL: redis.urls.join(","),
      LIMIT_REQUESTS_PER_SUBJECT: "1000000 per day",
      LIMIT_OBJECTS_PER_DAY: "100000",
      LIMITS_ON_FAILURE: "refuse",
    };
    const other = makeClock("other");
    other.set(by);
    const [first, second] = await Promise.all([
      startProcess(env, makeClock("true").command),
      startProcess(env, other.command),
    ]);
    replicas = [first, second];
    // The store of one whose clock is wrong never reads well.
    await Promise.all([isReady(first), counted(second)]);
  });
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.stop()));
    await redis.stop();
  });

  it("finish what the other began, in one PUT and in parts", async () => {
    let calls = 0;
    // Each step of an upload goes to the other replica than the one before it.
    const ledger = new Ledger(() => replicas[calls++ % 2 === 0 ? 0 : 1]);
    ledger.allow(COUNTED);
    for (let index = 0; index < 20; index++) {
      calls = index;
      const upload = index % 2 === 0 ? ledger.file() : ledger.parts();
      await until("its end", async () => {
        const isDone = await ledger.advance(upload);
        // The same replica is asked again for what it refused.
        if (!isDone) calls -= 1;
        return isDone || ledger.wrong.length > 0;
      });
    }
    await conclude(`two replicas, one a minute ${words} the other`, ledger, 0);
  });
});
