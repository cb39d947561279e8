import { AssumeRoleProvider } from "minio/dist/esm/AssumeRoleProvider.mjs";
import { createHash } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { randomFrom } from "../fuzz/mutate.ts";
import { type CuttingProxy, startCuttingProxy } from "../support/cutting-proxy.ts";
import { startMinio } from "../support/minio.ts";
import { findRedis, type Redis, startRedis } from "../support/redis.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { RUNTIMES, type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { heapSettings } from "./heaps.ts";
import { writePart } from "./pages.ts";
import { markdown, medianOf } from "./rounds.ts";
import { faultsFor, LONGEST_RECOVERY } from "./soak-faults.ts";
import { judgeMemory } from "./soak-memory.ts";
import { type Acknowledged, ACTIONS, type Answer, type Ask, type World } from "./soak-traffic.ts";

// Honest and hostile requests at a bounded rate to a service on a real MinIO and a real Redis,
// while keys rotate and faults come and go. Ends with 1 if a status was unexpected, an answer wrong,
// an acknowledged upload lost, or if the live heap grows.

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    rate: { type: "string", default: "30" },
    seed: { type: "string", default: "1" },
    quick: { type: "boolean", default: false },
    // Bytes of each request that the service is made to keep, which has to be found.
    leak: { type: "string", default: "0" },
    write: { type: "boolean", default: false },
  },
});
const minutes = values.quick ? 1 : Number(values.minutes);
const rate = Number(values.rate);
/** In seconds: between faults, how long they last, and how long keys stay. */
const [FAULT_EVERY, FAULT_LASTS, KEY_LASTS] = values.quick ? [8, 2, 10] : [40, 5, 60];
/** In a shorter run, what the first requests make for good cannot be told from a leak. */
const JUDGED_MINUTES = 10;
const BUCKET = "soak";

let keys = 0;
const counts = new Map<string, number>();
const unexpected: Array<string> = [];
const wrong = (text: string) => void unexpected.push(text);
const acknowledged: Array<Acknowledged> = [];
const random = randomFrom(Number(values.seed));
const count = (n: number) => n.toLocaleString("en");

async function run(): Promise<void> {
  const minio = await startMinio();
  const { value: redisPath } = findRedis();
  if (minio.value === undefined || redisPath === undefined) {
    throw new Error("this needs a MinIO and a redis-server");
  }
  const store = minio.value;
  const redis = await startRedis({ path: redisPath });
  const proxy = await startCuttingProxy(() => Number(new URL(store.endpoint).port));
  const folder = mkdtempSync(join(tmpdir(), "valetkey-soak-"));
  const credentials = join(folder, "credentials.json");
  const heap = join(folder, "heap");
  const inHeap = heapSettings(heap, values.leak);

  /** Another key in the place of the one that signs; those before it stay valid at the store. */
  async function rotate(): Promise<void> {
    const given = await new AssumeRoleProvider({
      stsEndpoint: store.endpoint,
      accessKey: store.accessKey,
      secretKey: store.secretKey,
      region: "us-east-1",
      policy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Action: ["s3:*"], Resource: ["arn:aws:s3:::*"] }],
      }),
    }).getCredentials();
    const text = {
      access_key: given.getAccessKey(),
      secret_key: given.getSecretKey(),
      session_token: given.getSessionToken(),
    };
    writeFileSync(`${credentials}.new`, JSON.stringify(text));
    renameSync(`${credentials}.new`, credentials);
    keys += 1;
  }

  try {
    const { accessKey, secretKey } = store;
    writeFileSync(credentials, JSON.stringify({ access_key: accessKey, secret_key: secretKey }));
    const service = await startProcess(
      {
        STORAGE_ADAPTER: "minio",
        STORAGE_BUCKET: BUCKET,
        STORAGE_CREATE_BUCKET: "on",
        STORAGE_ENDPOINT: `http://127.0.0.1:${proxy.port}`,
        STORAGE_PUBLIC_ENDPOINT: store.endpoint,
        STORAGE_CREDENTIALS_FILE: credentials,
        STORAGE_POLICIES: JSON.stringify({ documents: { max_size: "1 MiB" } }),
        REDIS_URL: redis.urls[0],
        // So nothing may be refused for want of Redis.
        LIMITS_ON_FAILURE: "allow",
        LIMIT_REQUESTS_PER_ORGANIZATION: "1000000 per minute",
        RECEIPT_KEYS: `soak:${receiptKey("soak").toString("base64")}`,
        LOG_LEVEL: "warn",
        AUDIT: "off",
        ...inHeap,
        // As in the image.
        NODE_OPTIONS: `--max-semi-space-size=16 ${inHeap.NODE_OPTIONS}`,
      },
      RUNTIMES.node,
    );
    try {
      await soak(service, { redis, proxy, rotate, heap });
    } finally {
      await service.stop();
    }
  } finally {
    await proxy.close();
    await redis.stop();
    await minio.stop?.();
    rmSync(folder, { recursive: true });
  }
}

interface Surroundings {
  readonly redis: Redis;
  readonly proxy: CuttingProxy;
  readonly rotate: () => Promise<void>;
  /** The file in which the service leaves what it holds, a line for each collection. */
  readonly heap: string;
}

async function soak(
  { address, token, signal, output }: ServiceProcess,
  { redis, proxy, rotate, heap }: Surroundings,
): Promise<void> {
  const send: (path: string, options: Parameters<Ask>[2]) => Promise<Answer> = async (
    path,
    { method = "POST", body, headers = {} },
  ) => {
    const from = performance.now();
    const response = await fetch(`${address}${path}`, {
      method,
      redirect: "manual",
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    return {
      status: response.status,
      body: isJson ? JSON.parse(text) : {},
      headers: response.headers,
      from,
      to: performance.now(),
    };
  };
  const GET = { method: "GET", expect: [] };
  const FILES = "/api/v1/orgs/acme/files";
  const probe = async (path: string, options: Parameters<Ask>[2]) =>
    (await send(path, options).catch(() => undefined))?.status ?? 0;
  // A receipt of a file that is there: to confirm it again asks the store.
  const { body: grant } = await send(`${FILES}/presign`, {
    body: { filename: "a.txt", content_type: "text/plain", size: 1 },
    expect: [],
  });
  // The bucket is made while the service starts.
  await until("the first upload", async () => {
    const put = await fetch(String(grant["put_url"]), {
      method: "PUT",
      headers: grant["put_headers"] as Record<string, string>,
      body: "a",
    });
    return put.ok;
  });
  const faults = faultsFor({
    proxy,
    redis,
    works: {
      store: async () =>
        (await probe(`${FILES}/confirm`, { body: { receipt: grant["receipt"] }, expect: [] })) ===
        200,
      redis: async () => (await send("/readyz", GET)).body["status"] === "ready",
    },
  });
  await rotate();

  const ask: Ask = async (action, path, options) => {
    let answer: Answer;
    const from = performance.now();
    try {
      answer = await send(path, options);
    } catch (cause) {
      const reason = cause instanceof Error ? String(cause.cause ?? cause) : String(cause);
      wrong(`${action}: no answer after ${Math.round(performance.now() - from)} ms, ${reason}`);
      return { status: 0, body: {}, headers: new Headers(), from, to: performance.now() };
    }
    const { status, body, headers, to } = answer;
    const name = `${action} ${status}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    const isExcused =
      status === 503 &&
      headers.has("retry-after") &&
      options.needs === "store" &&
      faults.excuses(from, to);
    if (!options.expect.includes(status) && !isExcused) {
      wrong(
        `after ${((from - start) / 1000).toFixed(1)} s: ${name} ${String(body["code"] ?? "")}, request ${headers.get("x-request-id") ?? "without id"}`,
      );
    }
    return answer;
  };
  const world: World = { ask, random, acknowledged, wrong, port: Number(new URL(address).port) };

  const start = performance.now();
  const end = start + minutes * 60_000;
  const isOver = () => performance.now() >= end;
  const underWay = new Set<Promise<unknown>>();

  const traffic = async () => {
    for (let n = 0; !isOver(); n++) {
      await pause(Math.max(0, start + (n * 1000) / rate - performance.now()));
      // A machine that cannot keep up sends less, and not more at once.
      if (underWay.size >= 64) continue;
      const doing = drawn()(world)
        .catch((cause: unknown) =>
          wrong(String(cause instanceof Error ? (cause.cause ?? cause) : cause)),
        )
        .finally(() => underWay.delete(doing));
      underWay.add(doing);
    }
  };
  const every = async (seconds: number, act: () => Promise<unknown> | void) => {
    for (let n = 1; ; n++) {
      const at = start + n * seconds * 1000;
      if (at >= end) return;
      await pause(Math.max(0, at - performance.now()));
      await act();
    }
  };
  await Promise.all([
    traffic(),
    every(KEY_LASTS, rotate),
    every(FAULT_EVERY, () => faults.next(FAULT_LASTS * 1000)),
    every(10, () => signal("SIGUSR2")),
  ]);
  await Promise.all(underWay);
  const memory = judgeMemory(heap);

  let lost = 0;
  const left = acknowledged.values();
  const readBack = async () => {
    for (const { fileUrl, sha256 } of left) {
      const location = await until(
        "the address of a file",
        async () => {
          const { status, headers } = await send(new URL(fileUrl).pathname, GET);
          return status === 302 ? (headers.get("location") ?? undefined) : undefined;
        },
        60,
      );
      const file = await fetch(location);
      const bytes = Buffer.from(await file.arrayBuffer());
      if (createHash("sha256").update(bytes).digest("hex") === sha256) continue;
      lost += 1;
      wrong(`${fileUrl}: ${file.status}, ${bytes.length} bytes, other than were acknowledged`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, readBack));
  report({ faults: faults.faults, memory, lost, log: output() });
}

function drawn() {
  let left = random(ACTIONS.reduce((sum, [weight]) => sum + weight, 0));
  const found = ACTIONS.find(([weight]) => (left -= weight) < 0);
  return (found ?? ACTIONS[0] ?? [0, async () => undefined])[1];
}

function report({
  faults,
  memory,
  lost,
  log,
}: {
  readonly faults: ReturnType<typeof faultsFor>["faults"];
  readonly memory: ReturnType<typeof judgeMemory>;
  readonly lost: number;
  /** All that the service has written. */
  readonly log: string;
}): void {
  const requests = [...counts.values()].reduce((sum, n) => sum + n, 0);
  const isJudged = minutes >= JUDGED_MINUTES;
  const slow = faults.filter(
    ({ end, recovered = Infinity }) => recovered - end >= LONGEST_RECOVERY,
  );
  const failures = [
    ...(unexpected.length > 0 ? [`${unexpected.length} unexpected answers`] : []),
    ...(lost > 0 ? [`${lost} acknowledged uploads lost`] : []),
    ...(isJudged && memory.grows ? ["live heap grows"] : []),
    ...(slow.length > 0 ? [`${slow.length} faults that lasted`] : []),
    ...(acknowledged.length === 0 ? ["nothing was uploaded"] : []),
  ];

  for (const [name, n] of [...counts].sort()) console.log(`${String(n).padStart(7)}  ${name}`);
  const lines = log.split("\n");
  for (const text of unexpected.slice(0, 50)) {
    const id = /request ([\w-]{36})$/.exec(text)?.[1] ?? "";
    console.log(`UNEXPECTED  ${text}`, id && lines.find((line) => line.includes(id)));
  }
  const byKind = Map.groupBy(faults, ({ name }) => name);
  const rows = [
    ["minutes", String(minutes)],
    ["requests to the service", count(requests)],
    ["refused during a fault (503)", count(sumWhere((name) => name.endsWith(" 503")))],
    ["unexpected answers", count(unexpected.length)],
    ["uploads acknowledged", count(acknowledged.length)],
    ["of these, missing or other bytes at the end", count(lost)],
    ["keys that signed", count(keys + 1)],
    ...[...byKind].map(([name, all]) => [
      `${name}: times; seconds until all was well, median and most`,
      `${all.length}; ${secondsOf(all, medianOf)}, ${secondsOf(all, (times) => Math.max(...times))}`,
    ]),
    ...memory.rows,
  ];
  const text = markdown([["", "counted"], ...rows]);
  console.log(`\n${text}\n`);
  if (!isJudged) console.log(`Memory is judged in runs of ${JUDGED_MINUTES} minutes or more.`);
  console.log(failures.length === 0 ? "passed" : `FAILED: ${failures.join(", ")}`);
  if (values.write) writePart("docs/performance.md", "npm run bench -- soak", text);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

const secondsOf = (
  faults: ReturnType<typeof faultsFor>["faults"],
  pick: (times: ReadonlyArray<number>) => number,
) => (pick(faults.map(({ end, recovered = Infinity }) => recovered - end)) / 1000).toFixed(1);

const sumWhere = (isCounted: (name: string) => boolean) =>
  [...counts].reduce((sum, [name, n]) => sum + (isCounted(name) ? n : 0), 0);

await run();
