import * as jose from "jose";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { parseArgs } from "node:util";
import { openFolder } from "../../adapters/storage/local/folder.ts";
import { objectPath, writeObject } from "../../adapters/storage/local/objects.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { findRedis, startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { memoryOf } from "./cpu.ts";
import { heapSettings, type Held, heldIn } from "./heaps.ts";
import { presignRequest, sendLoad } from "./load.ts";
import { writePart } from "./pages.ts";
import { costOfRequest, type Server, service } from "./requests.ts";
import { type Contender, markdown, measure, medianOf, type Result, short } from "./rounds.ts";

// Measures what a request costs as there is more of something, and how much memory
// a million requests leave behind. Writes docs/performance.md, in about eight minutes.

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "1" },
    requests: { type: "string", default: "1000000" },
    only: { type: "string", default: "" },
    files: { type: "string", default: "1000000" },
    "no-write": { type: "boolean", default: false },
  },
});

/** The service as it is asked in one row of the table. */
interface Variant {
  readonly name: string;
  /** How many there are of what grows; left out where it is another kind. */
  readonly count?: number;
  readonly start: () => Promise<Server>;
  readonly connections?: number;
}

/** What grows, from the least on. */
interface Growth {
  readonly title: string;
  readonly variants: ReadonlyArray<Variant>;
}

const folder = mkdtempSync(join(tmpdir(), "valetkey-bench-"));
const keyOf = (name: string) => `${name}:${receiptKey(name).toString("base64")}`;
const count = (n: number) => n.toLocaleString("en");

const organizations: Growth = {
  title: "organizations",
  variants: [1, 100, 10_000].map((n) => ({
    name: count(n),
    count: n,
    start: () =>
      service(
        { ORGANIZATIONS: Array.from({ length: n }, (_, i) => `o${i}=${i}`).join(",") },
        { requestOf: (token) => (i) => presignRequest({ token, slug: `o${i % n}` }) },
      ),
  })),
};

const policies: Growth = {
  title: "policies",
  variants: [1, 100].map((n) => ({
    name: count(n),
    count: n,
    start: () => {
      const named = Array.from({ length: n }, (_, i) => [`p${i}`, { max_size: "10 MiB" }] as const);
      const body = { filename: "a.png", content_type: "image/png", size: 123_456 };
      const bodies = named.map(([policy]) => JSON.stringify({ ...body, policy }));
      return service(
        { STORAGE_POLICIES: JSON.stringify(Object.fromEntries(named)) },
        { requestOf: (token) => (i) => presignRequest({ token, body: bodies[i % n] ?? "" }) },
      );
    },
  })),
};

const receipts: Growth = {
  title: "keys of receipts; a link is made of a receipt of the oldest",
  variants: [1, 20].map((n) => ({
    name: count(n),
    count: n,
    start: async () => {
      const names = Array.from({ length: n }, (_, i) => `k${n - 1 - i}`);
      const policy = { files: { link_lifetime: "1 day" } };
      const links = { STORAGE_POLICIES: JSON.stringify(policy) };
      const old = await service({ ...links, RECEIPT_KEYS: keyOf("k0") });
      const receipt = await receiptOf(old);
      await old.stop();
      const path = "/api/v1/orgs/acme/files/links";
      const body = JSON.stringify({ receipt });
      return service(
        { ...links, RECEIPT_KEYS: names.map(keyOf).join(",") },
        { requestOf: (token) => () => presignRequest({ token, path, body }) },
      );
    },
  })),
};

/** A receipt that a service gives. */
async function receiptOf({ port, request }: Server): Promise<string> {
  const [head = "", body = ""] = request().split("\r\n\r\n");
  const authorization = /^Authorization: (.*)$/m.exec(head)?.[1]?.trim() ?? "";
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/orgs/acme/files/presign`, {
    method: "POST",
    headers: { Authorization: authorization, "Content-Type": "application/json" },
    body,
  });
  return (await answer.json()).receipt;
}

const STATIC = { AUTH: "static", ORGANIZATIONS: "acme=org_1", RECEIPT_KEYS: keyOf("bench") };
const staticTokens: Growth = {
  title: "static tokens",
  // A file of tokens has at most 1 MiB.
  variants: [1, 5000].map((n) => ({
    name: count(n),
    count: n,
    start: () => {
      const ids = Array.from({ length: n }, (_, i) => i.toString(16).padStart(16, "0"));
      const tokens = ids.map((id) => `vk_${id}_${"A".repeat(43)}`);
      const known = ids.map((id, i) => ({
        id,
        sha256: createHash("sha256")
          .update(tokens[i] ?? "")
          .digest("hex"),
        kind: "user",
        subject: `user-${i}`,
        scopes: ["write"],
        organizations: ["acme"],
      }));
      const file = join(folder, `tokens-${n}.json`);
      writeFileSync(file, JSON.stringify({ tokens: known }));
      return service(
        { ...STATIC, AUTH_TOKENS_FILE: file },
        { requestOf: () => (i) => presignRequest({ token: tokens[i % n] ?? "" }) },
      );
    },
  })),
};

const jwt: Growth = {
  title: "JSON Web Tokens (ES256)",
  variants: [1, 1000, 10_000].map((n) => ({
    name: count(n),
    count: n,
    start: async () => {
      const { privateKey, publicKey } = await jose.generateKeyPair("ES256", { extractable: true });
      const tokens = await Promise.all(
        Array.from({ length: n }, (_, i) =>
          new jose.SignJWT({ organizations: ["acme"] })
            .setProtectedHeader({ alg: "ES256" })
            .setIssuer("https://login.example.com")
            .setAudience("valetkey")
            .setSubject(`user-${i}`)
            .setExpirationTime("2 hours")
            .sign(privateKey),
        ),
      );
      return service(
        {
          AUTH: "jwt",
          JWT_ISSUER: "https://login.example.com",
          JWT_AUDIENCE: "valetkey",
          JWT_ALGORITHMS: "ES256",
          JWT_PUBLIC_KEY: await jose.exportSPKI(publicKey),
          ORGANIZATIONS: "acme=org_1",
          RECEIPT_KEYS: keyOf("bench"),
        },
        { requestOf: () => (i) => presignRequest({ token: tokens[i % n] ?? "" }) },
      );
    },
  })),
};

const LIST_TOKEN = `vk_${"0".repeat(16)}_${"A".repeat(43)}`;
const files: Growth = {
  title: "files of an organization in the embedded store",
  variants: [1000, 100_000, 1_000_000].flatMap((n) =>
    n > Number(values.files)
      ? []
      : [
          {
            name: `${count(n)}; a page of another one, without files`,
            start: () => listing(n, "o2"),
          },
          { name: `${count(n)}; its first page of 1,000`, start: () => listing(n, "o1") },
        ],
  ),
};

const keyOfFile = (i: number) => {
  const start = createHash("md5").update(String(i)).digest("hex").slice(0, 8);
  return `/files/orgs/1/files/2026/11/${start}-0000-4000-8000-${String(i).padStart(12, "0")}.png`;
};

async function listing(n: number, slug: string): Promise<Server> {
  const directory = mkdtempSync(join(folder, "files-"));
  const store = await openFolder(directory);
  await writeObject(store, {
    path: () => objectPath(store, keyOfFile(0)),
    mediaType: "image/png",
    writeOnce: false,
    bytes: Readable.from([Buffer.from("a")]),
  });
  const object = await readFile(objectPath(store, keyOfFile(0)));
  for (let i = 1; i < n; i += 1) {
    const path = objectPath(store, keyOfFile(i));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, object);
  }
  const sha256 = createHash("sha256").update(LIST_TOKEN).digest("hex");
  const known = { id: "0".repeat(16), sha256, kind: "user", subject: "u", scopes: ["list"] };
  const file = join(directory, "tokens.json");
  writeFileSync(file, JSON.stringify({ tokens: [{ ...known, organizations: ["o1", "o2"] }] }));
  return service(
    {
      AUTH: "static",
      AUTH_TOKENS_FILE: file,
      ORGANIZATIONS: "o1=1,o2=2",
      RECEIPT_KEYS: keyOf("bench"),
      STORAGE_ADAPTER: "local",
      STORAGE_LOCAL_DIR: directory,
    },
    {
      requestOf: () => () =>
        `GET /api/v1/orgs/${slug}/files HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${LIST_TOKEN}\r\n\r\n`,
    },
  );
}

const WIDE_LIMITS = {
  LIMIT_REQUESTS_PER_SUBJECT: "1000000 per second",
  LIMIT_REQUESTS_PER_ORGANIZATION: "1000000 per second",
  LIMIT_BYTES_PER_DAY: "4000 TiB",
  LIMIT_OBJECTS_PER_DAY: "1000000000",
};
const inManyOrganizations = (token: string) => (i: number) =>
  presignRequest({ token, slug: `o${i % 10_000}` });

function limits(redis: string | undefined): Growth {
  const kinds: ReadonlyArray<Variant> = [
    { name: "none", start: () => service({}) },
    { name: "in memory", start: () => service(WIDE_LIMITS) },
    {
      name: "in memory, of 10,000 organizations",
      start: () => service(WIDE_LIMITS, { requestOf: inManyOrganizations }),
    },
  ];
  if (redis === undefined) return { title: LIMITS, variants: kinds };
  const shared = { ...WIDE_LIMITS, REDIS_URL: redis };
  return {
    title: LIMITS,
    variants: [
      ...kinds,
      { name: "in Redis", start: () => service(shared) },
      {
        name: "in Redis, of 10,000 organizations",
        start: () => service(shared, { requestOf: inManyOrganizations }),
      },
    ],
  };
}
const LIMITS = "limits of requests, bytes and objects";

const connections: Growth = {
  title: "connections",
  variants: [32, 128, 512].map((n) => ({
    name: count(n),
    count: n,
    connections: n,
    start: () => service({}),
  })),
};

async function run(): Promise<void> {
  const { value: redisServer, source } = findRedis();
  const redis = redisServer === undefined ? undefined : await startRedis({ path: redisServer });
  if (redis === undefined) console.log(`Not measured: limits in Redis (${source})`);
  try {
    const all = [
      organizations,
      policies,
      receipts,
      staticTokens,
      files,
      jwt,
      limits(redis?.urls[0]),
      connections,
    ].filter(({ title }) => title.includes(values.only));
    const rows: Array<ReadonlyArray<string>> = [];
    for (const growth of all) {
      const grown = await rowsOf(growth);
      for (const row of grown) console.log(row.join("  "));
      rows.push(...grown);
    }
    const head = ["what", "how many", "µs of CPU", "of the first", "for each tenfold", "MiB"];
    const million = await memoryOfRequests(Number(values.requests));
    const text = `${markdown([head, ...rows])}\n\n${million}`;
    console.log(`\n${text}`);
    if (!values["no-write"]) writePart("docs/performance.md", "npm run bench -- growth", text);
  } finally {
    await redis?.stop();
    rmSync(folder, { recursive: true });
  }
}

/** Measures all variants in turn, and tells how the cost of a request grows with their count. */
async function rowsOf({ title, variants }: Growth): Promise<ReadonlyArray<ReadonlyArray<string>>> {
  const servers: Array<Server> = [];
  try {
    const milliseconds = Number(values.seconds) * 1000;
    const contenders: Array<Contender> = [];
    for (const { name, connections, count = 0, start } of variants) {
      const server = await start();
      servers.push(server);
      // All of them have been seen before.
      await sendLoad({ ...server, connections: 32, isEnough: (sent) => sent >= count });
      contenders.push({
        name,
        run: () => costOfRequest(server, milliseconds, connections),
        notes: () => ({ MiB: mebibytes(memoryOf(server.pid).resident) }),
      });
    }
    const results = await measure(contenders, Number(values.rounds));
    const [first] = results;
    return results.map((result, i) => {
      const relative = first === undefined ? Number.NaN : costTo(first, result);
      return [
        i === 0 ? title : "",
        result.name,
        short(medianOf(result.costs)),
        relative.toFixed(2),
        i === variants.length - 1 ? slopeOf(variants, relative) : "",
        result.notes["MiB"] ?? "",
      ];
    });
  } finally {
    for (const { stop } of servers) await stop();
  }
}

/** What an operation costs where the first one's cost is 1: the median over the rounds. */
const costTo = (first: Result, { costs }: Result) =>
  medianOf(costs.map((cost, i) => cost / (first.costs[i] ?? Number.NaN)));

/** By what share of its first cost a request becomes dearer where there is ten times as much. */
function slopeOf(variants: ReadonlyArray<Variant>, relative: number): string {
  const [least, most] = [variants[0]?.count, variants.at(-1)?.count];
  if (least === undefined || most === undefined) return "";
  const slope = ((relative - 1) / Math.log10(most / least)) * 100;
  return `${slope < 0 ? "−" : "+"}${Math.abs(slope).toFixed(1)} %`;
}

/** The memory of a service after each tenth of so many requests. */
async function memoryOfRequests(requests: number): Promise<string> {
  const server = await service(heapSettings(folder));
  const file = join(folder, "first process");
  try {
    const held: Array<Held> = [];
    for (let tenth = 1; tenth <= 10; tenth++) {
      await sendLoad({
        ...server,
        connections: 32,
        isEnough: (sent) => sent >= requests / 10,
      });
      process.kill(server.pid, "SIGUSR2");
      const now = await until("a collection", async () => heldIn(file)[tenth - 1]);
      held.push(now);
      console.log(
        `after ${count((tenth * requests) / 10)} requests: ${mebibytes(now.resident)} MiB, ${mebibytes(now.live)} live`,
      );
    }
    return markdown([
      ["requests", ...held.map((_, i) => count(((i + 1) * requests) / 10))],
      ["resident MiB", ...held.map(({ resident }) => mebibytes(resident))],
      ["MiB of live heap, after a full collection", ...held.map(({ live }) => mebibytes(live))],
    ]);
  } finally {
    await server.stop();
  }
}

const mebibytes = (bytes: number) => (bytes / 1024 ** 2).toFixed(0);

await run();
