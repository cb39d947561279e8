import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connectLedger } from "../../adapters/limits/redis/ledger.ts";
import { counterIn } from "../../adapters/limits/usage/counter.ts";
import { read as readRedis } from "../../adapters/redis/settings.ts";
import { variables } from "../../adapters/settings/source.ts";
import type { UsageReading } from "../../application/ports/usage.ts";
import { organizationOf, type StorageKey } from "../../domain/storage-key.ts";
import { answerOf, ask, TEXT, upload } from "../support/ask.ts";
import { freePort } from "../support/free-port.ts";
import { isFullRun } from "../support/full-run.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { type Redis, startRedis } from "../support/redis.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { startToxiproxy, type Way } from "./toxiproxy.ts";

const path = (await need("redis")) ?? "";
const KILLS = isFullRun ? 50 : 3;
const CONFIRMS = isFullRun ? 200 : 40;

let redis: Redis;
let way: Way;
const folder = makeFolder();
beforeAll(async () => {
  redis = await startRedis({ path, isPersistent: true });
  way = await startToxiproxy(Number(new URL(redis.urls[0]).port));
});
afterAll(async () => {
  await way.end();
  await redis.stop();
});

/** Starts a service that counts, or one in the place of another. */
async function start(env: Readonly<Record<string, string>> = {}, before?: ServiceProcess) {
  return startProcess({
    PORT: before === undefined ? String(await freePort()) : new URL(before.address).port,
    ...(before && { DEV_TOKEN: before.token }),
    ...redis.env,
    USAGE: "on",
    STORAGE_LOCAL_DIR: folder,
    STORAGE_POLICIES: JSON.stringify({ waiting: { arrival: "incoming", verify_content: false } }),
    RECEIPT_KEYS: `own:${receiptKey("usage").toString("base64")}`,
    ...env,
  });
}

type Granted = Awaited<ReturnType<typeof upload>>;

const uploads = (service: ServiceProcess, count: number) =>
  Promise.all(
    Array.from({ length: count }, (_, index) =>
      upload(
        service,
        { ...TEXT, ...(index % 2 === 0 && { policy: "waiting" }) },
        "a".repeat(1 + index),
      ),
    ),
  );

const confirm = (service: ServiceProcess, { receipt }: Granted) =>
  ask(service, "confirm", { receipt });

const remove = (service: ServiceProcess, { key }: Granted) =>
  ask(service, key.replace(/^orgs\/[^/]+\/files\//, ""), undefined, "DELETE");

/** What Redis has counted. */
function counted(key: StorageKey): Promise<UsageReading> {
  const settings = Result.getOrThrow(readRedis(variables(redis.env))) ?? expect.unreachable();
  const reading = Effect.flatMap(connectLedger(settings), (ledger) =>
    counterIn(ledger, { refusesUnknown: false }).read({ organization: organizationOf(key) }),
  );
  // On a busy machine it may take longer than a service waits for it.
  return until("what is counted", () => Effect.runPromise(Effect.scoped(reading)));
}

/** What the store has, by a list of it. */
async function listed({ address, token }: ServiceProcess) {
  let [files, bytes, after] = [0, 0, ""];
  do {
    const answer = await fetch(`${address}/api/v1/orgs/acme/files${after}`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    const body = await answer.json();
    files += body.files.length;
    for (const { size } of body.files) bytes += size;
    after = body.next === undefined ? "" : `?after=${body.next}`;
  } while (after !== "");
  return { files, bytes };
}

/** Does this for all, and kills the service when so many have been answered. */
async function killedAfter<A>(
  service: ServiceProcess,
  all: ReadonlyArray<A>,
  answers: number,
  act: (each: A) => Promise<unknown>,
): Promise<void> {
  let answered = 0;
  await Promise.allSettled(
    all.map(async (each) => {
      await act(each);
      answered += 1;
      if (answered === answers) service.signal("SIGKILL");
    }),
  );
  await service.ended;
}

/** A number below `most`. */
const any = (most: number) => Math.floor(Math.random() * most);

/** Acts until the answer is good. */
const persist = (act: () => Promise<Response>) =>
  until("a good answer", async () => (await act()).ok || undefined);

it(
  "what is counted is what is stored, however often the service is killed",
  { timeout: KILLS * 300_000 },
  async () => {
    let service = await start();
    let kept: ReadonlyArray<Granted> = [];
    for (let round = 0; round < KILLS; round += 1) {
      const granted = await uploads(service, CONFIRMS);
      const [{ key }] = granted as [Granted, ...Array<Granted>];
      await killedAfter(service, granted, 1 + any(CONFIRMS - 1), (each) => confirm(service, each));
      service = await start({}, service);
      // A client that got no answer asks again, and others ask twice.
      await Promise.all(granted.map((each) => persist(() => confirm(service, each))));
      await Promise.all(granted.slice(0, 5).map((each) => confirm(service, each)));
      expect(await counted(key)).toMatchObject({ ...(await listed(service)), granted: 0, open: 0 });
      const going = granted.slice(0, CONFIRMS / 2);
      await killedAfter(service, going, 1 + any(going.length - 1), (each) =>
        Promise.all([remove(service, each), remove(service, each), confirm(service, each)]),
      );
      service = await start({}, service);
      await Promise.all(going.map((each) => persist(() => remove(service, each))));
      kept = [...kept, ...granted.slice(CONFIRMS / 2)];
      const stored = await listed(service);
      expect(stored.files).toBe(kept.length);
      expect(await counted(key)).toMatchObject({ ...stored, granted: 0, open: 0 });
    }
    await service.stop();
  },
);

it.each([
  {
    how: "refuses connections",
    begin: () => way.open(false),
    end: () => way.heal(),
  },
  {
    how: "is half open",
    begin: () => way.poison({ type: "timeout", attributes: { timeout: 0 } }),
    end: () => way.heal(),
  },
  {
    how: "is full",
    begin: () => redis.ask("CONFIG", "SET", "maxmemory", "1"),
    end: () => redis.ask("CONFIG", "SET", "maxmemory", "0"),
  },
  { how: "is killed", begin: () => redis.kill(), end: () => redis.restart() },
])(
  "while Redis $how, nothing is confirmed or removed without its count",
  async ({ begin, end }) => {
    const url = new URL(redis.urls[0]);
    url.port = String(way.port);
    const service = await start({ REDIS_URL: url.href });
    const [first, second, third] = await uploads(service, 3);
    await persist(() => confirm(service, first));
    await begin();
    try {
      for (const act of [() => confirm(service, second), () => remove(service, first)]) {
        const refused = await act();
        expect([refused.status, (await refused.json()).code]).toEqual([503, "LIMITS_UNAVAILABLE"]);
      }
      // Uploads go on, since it is not known what is stored.
      expect((await answerOf(service, "presign", { ...TEXT, size: 1 })).status).toBe(200);
    } finally {
      await end();
    }
    await persist(() => confirm(service, second));
    await persist(() => remove(service, first));
    await persist(() => confirm(service, third));
    expect(await counted(second.key)).toMatchObject(await listed(service));
    await service.stop();
  },
);

it("a Redis that comes back older is not believed until the files were listed", async () => {
  const own = await startRedis({ path });
  const env = { ...own.env, STORED_BYTES_UNKNOWN: "refuse", LIMIT_STORED_BYTES: "1 GiB" };
  const service = await start({ ...env, STORAGE_LOCAL_DIR: makeFolder() });
  const asked = () => answerOf(service, "presign", { ...TEXT, size: 1 });
  await until("the list of files", async () => (await asked()).status === 200 || undefined);
  const granted = await uploads(service, 4);
  const [before, after, gone, late] = granted as [Granted, Granted, Granted, Granted];
  for (const each of [before, gone]) await persist(() => confirm(service, each));
  await own.ask("SAVE");
  await persist(() => confirm(service, after));
  await persist(() => remove(service, gone));
  await own.kill();
  await own.restart();
  await until("a refusal", async () => {
    const { status, body } = await asked();
    return (status === 503 && body.code === "LIMITS_UNAVAILABLE") || undefined;
  });
  await until("the list of files", async () => (await asked()).status === 200 || undefined);
  await persist(() => confirm(service, after));
  await persist(() => confirm(service, late));
  const whole = redis;
  redis = own;
  try {
    expect(await counted(before.key)).toMatchObject({ ...(await listed(service)), isKnown: true });
  } finally {
    redis = whole;
  }
  await service.stop();
  await own.stop();
});
