import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { randomFrom } from "../fuzz/mutate.ts";
import { findChromium } from "../support/chromium.ts";
import { minioEnv, type MinioServer, startMinio } from "../support/minio.ts";
import { RUNTIMES, startProcess } from "../support/service-process.ts";
import { installTools } from "../support/tools.ts";
import { type Condition, conditions, draw, type Drawn } from "./lines/conditions.ts";
import { type Outcome, startSite, type Upload, uploadOver } from "./lines/world.ts";
import { writePart } from "./pages.ts";
import { markdown } from "./rounds.ts";

// Uploads from Chromium over lines that fail, by our client and by others: whether the bytes arrived
// as they were, how many were sent, and how long it took. Everything is on this machine.

const USAGE = `npm run bench -- lines [options]
  --only TEXTS   conditions, by parts of their names with commas between them
  --by TEXT      clients, by a part of their names
  --size N       bytes of the file (24000000)
  --drawn N      N uploads of our client over lines that a seed draws
  --seed N       what is drawn (1)
  --hasten N     all clocks are N times as fast (10)
  --parallel N   uploads at a time (3)
  --write        writes the table, or what was drawn, into docs/performance.md`;

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    by: { type: "string", default: "" },
    size: { type: "string", default: "24000000" },
    drawn: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    hasten: { type: "string", default: "10" },
    parallel: { type: "string", default: "3" },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit();
}
const drawn = Number(values.drawn);
const hasten = Number(values.hasten);
/** After so many seconds an upload counts as one that does not arrive. */
const MOST = 1200;

const OTHERS = [
  "tus-js-client",
  "@uppy/aws-s3",
  "better-upload",
  "@aws-sdk/lib-storage",
  "@vercel/blob",
];

const minioServer = await startMinio();
const minio = minioServer.value;
const { value: executablePath } = findChromium();
if (minio === undefined || executablePath === undefined) {
  throw new Error("this needs a MinIO and a Chromium");
}
const folder = mkdtempSync(join(tmpdir(), "valetkey-lines-"));
const others = drawn > 0 ? undefined : await openOthers(minio);
const site = await startSite(others?.modules, others?.answer);
const env = {
  CORS_ORIGINS: site.origin,
  STORAGE_MAX_FILE_SIZE: "200 MiB",
  LOG_LEVEL: "error",
  AUDIT: "off",
};
const embedded = await startProcess(env, RUNTIMES.node);
const onMinio = await startProcess({ ...env, ...minioEnv(minio) }, RUNTIMES.node);
// The first readiness check creates the bucket.
await fetch(`${onMinio.address}/readyz`);
const COLUMNS: ReadonlyArray<readonly [string, Upload["by"]]> = [
  ["valetkey, embedded store", embedded],
  ["valetkey, MinIO", onMinio],
  ...OTHERS.map((name) => [name, name] as const),
];

const between = (seed: number) => {
  const random = randomFrom(seed);
  return (least: number, most: number) => least + ((most - least) * random(1e9)) / 1e9;
};

/** What the other clients need; ours runs without their packages. */
async function openOthers(server: MinioServer) {
  await installTools("bench");
  const { bundleOthers, otherServers } = await import("./lines/servers.ts");
  const modules = await bundleOthers();
  return { modules, ...(await otherServers(server, folder)) };
}

const launch = () =>
  chromium.launchServer({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
  });
const shared = await launch();

async function upload(by: Upload["by"], condition: Condition, size: number, seed: number) {
  // One that sleeps must not stop the others.
  const server = condition.sleep === undefined ? shared : await launch();
  const browser = await chromium.connect(server.wsEndpoint());
  const group = -(server.process().pid ?? NaN);
  const freeze = (isFrozen: boolean) =>
    void (server !== shared && process.kill(group, isFrozen ? "SIGSTOP" : "SIGCONT"));
  const read = others?.read ?? (() => Promise.reject(new Error("nobody else is here")));
  const place = { browser, origin: site.origin, hasten, most: MOST, freeze, read };
  try {
    return await uploadOver(place, { by, size, seed, condition });
  } finally {
    await browser.close();
    if (server !== shared) await server.kill();
  }
}

/** Calls `work` for each item, so many at a time, and returns what came of them, in their order. */
async function inParallel<A, B>(items: ReadonlyArray<A>, work: (item: A) => Promise<B>) {
  const results: Array<B> = [];
  const left = items.entries();
  const worker = async () => {
    for (const [index, item] of left) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Number(values.parallel) }, worker));
  return results;
}

async function runTable(): Promise<void> {
  const size = Number(values.size);
  const columns = COLUMNS.filter(([name]) => name.includes(values.by));
  const rows = conditions(between(0)).filter(({ name }) =>
    values.only.split(",").some((text) => name.includes(text)),
  );
  const cells = rows.flatMap(({ name: condition }) =>
    columns.map(([name, by]) => ({ condition, name, by })),
  );
  const outcomes = await inParallel(cells, async ({ condition: named, name, by }) => {
    // The same for each client.
    const condition = conditions(between(Number(values.seed))).find(({ name }) => name === named);
    if (condition === undefined) throw new Error(named);
    try {
      const outcome = await upload(by, condition, size, 1);
      const why = outcome.fault === undefined ? "" : ` (${outcome.fault})`;
      const seconds = outcome.seconds.toFixed(0);
      console.log(`${named}, ${name}: ${cellOf(outcome)}${why}, ${seconds} s`);
      return outcome;
    } catch (cause) {
      // The others are tried all the same.
      console.log(`${named}, ${name}: ${cellOf(undefined)} (${cause})`);
      return undefined;
    }
  });
  const table = markdown([
    ["", ...columns.map(([name]) => name)],
    ...rows.map(({ name }, row) => [
      name,
      ...columns.map((_, column) => cellOf(outcomes[row * columns.length + column])),
    ]),
    [
      "arrived",
      ...columns.map((_, column) => {
        const own = outcomes.filter((_, index) => index % columns.length === column);
        const tried = own.filter((outcome) => outcome !== undefined);
        return `${tried.filter(({ fault }) => fault === undefined).length} of ${tried.length}`;
      }),
    ],
  ]);
  show("npm run bench -- lines", table);
}

function show(command: string, text: string): void {
  console.log(`\n${text}`);
  if (values.write) writePart("docs/performance.md", command, text);
}

/** Bytes sent over those of the file. */
function cellOf(outcome: Outcome | undefined): string {
  if (outcome === undefined) return "not tried";
  if (outcome.fault !== undefined) return "no";
  return outcome.sent.toFixed(2);
}

async function runDrawn(): Promise<void> {
  const random = between(Number(values.seed));
  const all = Array.from({ length: drawn }, (_, index) => ({ index, line: draw(random) }));
  let [sent, total, arrived] = [0, 0, 0];
  await inParallel(all, async ({ index, line }: { index: number; line: Drawn }) => {
    const by = index % 2 === 0 ? embedded : onMinio;
    const outcome = await upload(by, line, line.size, index);
    sent += outcome.sent * line.size;
    total += line.size;
    if (outcome.fault === undefined) arrived += 1;
    const [times, fault] = [outcome.sent.toFixed(2), outcome.fault ?? "arrived"];
    console.log(`${index}: ${line.size} bytes, ${times} times, ${line.name}: ${fault}`);
    return outcome;
  });
  show(
    "npm run bench -- lines, drawn",
    `${arrived} of ${drawn} uploads drawn by the seed ${values.seed} arrived, with ${(sent / total).toFixed(2)} times their bytes.`,
  );
  if (arrived < drawn * 0.999) process.exitCode = 1;
}

try {
  await (drawn > 0 ? runDrawn() : runTable());
} finally {
  await shared.kill();
  await embedded.stop();
  await onMinio.stop();
  await minioServer.stop?.();
  await site.close();
  rmSync(folder, { recursive: true, force: true });
}
// Of a thousand connections that were cut, Node may wait for one without end.
process.exit();
