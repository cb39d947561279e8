import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import type * as client from "../../adapters/client/client.ts";
import { ask } from "../support/ask.ts";
import { findChromium, launchChromium } from "../support/chromium.ts";
import { makePng } from "../support/make-png.ts";
import { minioEnv, startMinio } from "../support/minio.ts";
import { freePort } from "../support/free-port.ts";
import { RUNTIMES, startProcess, untilReady } from "../support/service-process.ts";
import { startSite } from "./lines/world.ts";
import { writePart } from "./pages.ts";
import { markdown } from "./rounds.ts";
import { makeLine, startFarServer } from "./speed/far-server.ts";

// Measures what a person waits for: files from Chromium to a MinIO, both it and the service so far
// away. The bytes of each file are compared.

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    by: { type: "string", default: "" },
    rounds: { type: "string", default: "3" },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(`npm run bench -- speed [options]
  --only TEXT  rows, by a part of their names
  --by TEXT    columns, by a part of their names
  --rounds N   rounds, of which the median counts (3)
  --write      writes the table into docs/performance.md`);
  process.exit();
}

interface Row {
  readonly name: string;
  readonly files: number;
  readonly size: number;
  /** Of a round trip, in milliseconds. */
  readonly roundTrip: number;
  /** Bytes a second. */
  readonly rate?: number;
}

const ROWS: ReadonlyArray<Row> = [
  { name: "300 files of 50 kB", files: 300, size: 50_000, roundTrip: 0 },
  { name: "300 files of 50 kB, 100 ms", files: 300, size: 50_000, roundTrip: 100 },
  { name: "10 of 2 MB, 100 ms", files: 10, size: 2_000_000, roundTrip: 100 },
  { name: "1 of 50 kB, 100 ms, first of a page", files: 1, size: 50_000, roundTrip: 100 },
  { name: "1 of 300 MB", files: 1, size: 300_000_000, roundTrip: 0 },
  { name: "1 of 300 MB, 100 ms", files: 1, size: 300_000_000, roundTrip: 100 },
  {
    name: "1 of 300 MB, 60 ms, 20 MB/s",
    files: 1,
    size: 300_000_000,
    roundTrip: 60,
    rate: 20_000_000,
  },
];

/** What a browser opens to one host. */
const CONNECTIONS = 6;

const minioServer = await startMinio();
const { value: executablePath } = findChromium();
if (minioServer.value === undefined || executablePath === undefined) {
  throw new Error("this needs a MinIO and a Chromium");
}
const minio = minioServer.value;
const folder = mkdtempSync(join(tmpdir(), "valetkey-speed-"));
const line = makeLine();
const site = await startSite();
const farStore = await startFarServer(line, Number(new URL(minio.endpoint).port));
const port = await freePort();
const farService = await startFarServer(line, port);
const service = await startProcess(
  {
    ...minioEnv(minio),
    PORT: `${port}`,
    STORAGE_PUBLIC_ENDPOINT: `http://127.0.0.1:${farStore.port}`,
    STORAGE_POLICIES: JSON.stringify({ incoming: { arrival: "incoming" } }),
    STORAGE_MAX_FILE_SIZE: "400 MB",
    CORS_ORIGINS: site.origin,
    LOG_LEVEL: "error",
    AUDIT: "off",
  },
  RUNTIMES.node,
);
await untilReady(service);
const browser = await launchChromium(executablePath);

const COLUMNS = [
  ["bare PUTs, granted before", "bare"],
  ["valetkey", "files"],
  ["valetkey, `arrival: incoming`", "incoming"],
] as const;
type By = (typeof COLUMNS)[number][1];

/** Writes the files of a row, whose bytes no two share, and returns their paths and hashes. */
function writeFiles({ name, files, size }: Row) {
  const png = makePng(1, 1);
  return Array.from({ length: files }, (_, index) => {
    const bytes = Buffer.alloc(size);
    png.copy(bytes);
    const seed = createHash("sha256").update(`${name} ${index}`).digest();
    for (let at = png.length; at < size; at += 4096) seed.copy(bytes, at);
    const path = join(folder, `${index}-${size}.png`);
    writeFileSync(path, bytes);
    return { path, hash: createHash("sha256").update(bytes).digest("hex") };
  });
}

declare const ready: Promise<readonly [typeof client]>;

interface Asked {
  readonly by: By;
  readonly endpoint: string;
  readonly token: string;
  readonly grants: ReadonlyArray<{ readonly put_url: string; readonly put_headers: object }>;
  readonly connections: number;
}

/** Runs in the page; returns milliseconds, and where each file is. */
async function uploadInPage({ by, endpoint, token, grants, connections }: Asked) {
  const [{ createClient }] = await ready;
  const input = document.querySelector("input");
  const files = [...(input?.files ?? [])];
  const begun = performance.now();
  if (by === "bare") {
    const left = files.entries();
    const worker = async () => {
      for (const [index, body] of left) {
        const { put_url = "", put_headers } = grants[index] ?? {};
        const headers = put_headers as Record<string, string>;
        const { ok, status } = await fetch(put_url, { method: "PUT", headers, body });
        if (!ok) throw new Error(`a PUT was answered with ${status}`);
      }
    };
    await Promise.all(Array.from({ length: connections }, worker));
    return { time: performance.now() - begun, urls: [] };
  }
  const uploads = createClient({ endpoint, token, organization: "acme" });
  const [file = new File([], "")] = files;
  const results =
    files.length === 1
      ? [await uploads.upload(file, { policy: by })]
      : (await uploads.uploadAll(files, { policy: by })).map((outcome) => {
          if (outcome.status === "rejected") throw outcome.reason;
          return outcome.value;
        });
  return { time: performance.now() - begun, urls: results.map(({ getUrl }) => getUrl) };
}

async function grant(row: Row) {
  const file = { filename: "a.png", content_type: "image/png", size: row.size };
  const grants: Array<Asked["grants"][number] & { readonly get_url: string }> = [];
  while (grants.length < row.files) {
    const files = Array.from({ length: Math.min(50, row.files - grants.length) }, () => file);
    const answer = await ask(service, "batch", { files });
    grants.push(...(await answer.json()).uploads);
  }
  return grants;
}

/** Uploads the files of a row in a new page, and returns the seconds. */
async function upload(row: Row, by: By, files: ReturnType<typeof writeFiles>): Promise<number> {
  line.roundTrip = 0;
  line.rate = Infinity;
  const grants = by === "bare" ? await grant(row) : [];
  const context = await browser.newContext();
  try {
    const page: Page = await context.newPage();
    await page.goto(site.origin);
    await page.evaluate("ready.then(() => undefined)");
    await page.evaluate("document.body.innerHTML = '<input type=file multiple>'");
    await page.setInputFiles(
      "input",
      files.map(({ path }) => path),
    );
    line.roundTrip = row.roundTrip;
    line.rate = row.rate ?? Infinity;
    const { time, urls } = await page.evaluate(uploadInPage, {
      by,
      endpoint: `http://127.0.0.1:${farService.port}`,
      token: service.token,
      grants,
      connections: CONNECTIONS,
    });
    line.roundTrip = 0;
    line.rate = Infinity;
    const places = by === "bare" ? grants.map(({ get_url }) => get_url) : urls;
    for (const [index, { hash }] of files.entries()) {
      const arrived = await (await fetch(places[index] ?? "")).bytes();
      if (createHash("sha256").update(arrived).digest("hex") !== hash) {
        throw new Error(`other bytes arrived than were sent: ${row.name}, ${by}`);
      }
    }
    return time / 1000;
  } finally {
    await context.close();
  }
}

/** The seconds that bytes and round trips of bare PUTs take at least: each asks first. */
function floorOf({ files, size, roundTrip, rate = Infinity }: Row): number {
  const connecting = roundTrip;
  const each = 2 * roundTrip;
  return (connecting + Math.ceil(files / CONNECTIONS) * each) / 1000 + (files * size) / rate;
}

const median = (numbers: ReadonlyArray<number>) =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;

try {
  const columns = COLUMNS.filter(([name]) => name.includes(values.by));
  const rows: Array<Array<string>> = [];
  for (const row of ROWS.filter(({ name }) => name.includes(values.only))) {
    const files = writeFiles(row);
    const seconds = columns.map(() => new Array<number>());
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const [index, [, by]] of columns.entries()) {
        seconds[index]?.push(await upload(row, by, files));
      }
    }
    for (const { path } of files) rmSync(path);
    const cells = [floorOf(row), ...seconds.map(median)].map((each) => each.toFixed(2));
    rows.push([row.name, ...cells]);
    console.log(rows.at(-1)?.join(" | "));
  }
  const table = markdown([["", "floor of PUTs", ...columns.map(([name]) => name)], ...rows]);
  console.log(`\n${table}`);
  if (values.write) writePart("docs/performance.md", "npm run bench -- speed", table);
} finally {
  await browser.close();
  await service.stop();
  await Promise.all([farStore.close(), farService.close(), site.close()]);
  await minioServer.stop?.();
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
