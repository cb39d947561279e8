import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { Client } from "minio";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { freePort } from "../support/free-port.ts";
import { type MinioServer, startMinio } from "../support/minio.ts";
import { RUNTIMES, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { memoryOf } from "./cpu.ts";
import { type Line, openLink } from "./link.ts";
import { type Cell, chartOf, type Outcome, told } from "./502-chart.ts";
import { rewrite, writePart } from "./pages.ts";
import { markdown, short } from "./rounds.ts";

// Sends the same uploads over the same lines into the same MinIO, through a backend
// that waits for 15 seconds and straight into the store. Writes its table and picture into
// docs/why.md, in about two minutes.

const MiB = 1024 ** 2;
const BUCKET = "bench";
const TYPE = "image/png";

const LINES: ReadonlyArray<readonly [string, Line, ReadonlyArray<number>]> = [
  ["fibre", { roundTrip: 10, bandwidth: 50e6 }, [50, 100]],
  ["cable", { roundTrip: 20, bandwidth: 20e6 }, [20, 40]],
  ["DSL", { roundTrip: 40, bandwidth: 10e6 }, [10, 20]],
  ["4G", { roundTrip: 80, bandwidth: 5e6 }, [5, 10]],
  ["3G", { roundTrip: 200, bandwidth: 2e6 }, [3, 5]],
  ["satellite", { roundTrip: 600, bandwidth: 1e6 }, [1, 5]],
];
const CELLS: ReadonlyArray<Cell> = LINES.flatMap(([name, line, sizes]) =>
  sizes.map((size) => ({ name, ...line, size: size * MiB })),
);

/** Forms with the files go to backends, one for each, which send them on to the store. */
async function throughBackends(minio: MinioServer): Promise<ReadonlyArray<Outcome>> {
  const backends = await Promise.all(CELLS.map(() => startOldDesign(minio)));
  return Promise.all(
    CELLS.map(async (cell, i) => {
      const backend = backends[i] ?? (await startOldDesign(minio));
      const link = await openLink(cell, backend.port);
      const start = performance.now();
      const { head, tail, length } = form(cell.size);
      const upload = post(link.port, "/upload", {
        "Content-Type": `multipart/form-data; boundary=${BOUNDARY}`,
        "Content-Length": length,
      });
      const status = await statusOf(upload, async () => {
        upload.write(head);
        await sendFile(upload, cell.size);
        upload.end(tail);
      });
      const seconds = (performance.now() - start) / 1000;
      const { peak } = memoryOf(backend.pid);
      link.close();
      await backend.stop();
      return { status, seconds, bytes: link.bytes(), peak };
    }),
  );
}

/** One service signs for all, and the files go straight to the store. */
async function straightIntoTheStore(minio: MinioServer): Promise<ReadonlyArray<Outcome>> {
  const service = await startService(minio);
  const outcomes = await Promise.all(
    CELLS.map(async (cell) => {
      const toService = await openLink(cell, Number(new URL(service.address).port));
      const toStore = await openLink(cell, Number(new URL(minio.endpoint).port));
      const start = performance.now();
      const { put_url, put_headers } = await presign(toService.port, service.token, cell.size);
      const { host, pathname, search } = new URL(put_url);
      const upload = request({
        host: "127.0.0.1",
        port: toStore.port,
        path: pathname + search,
        method: "PUT",
        agent: false,
        headers: { ...put_headers, Host: host, "Content-Length": cell.size },
      });
      const status = await statusOf(upload, async () => {
        await sendFile(upload, cell.size);
        upload.end();
      });
      const seconds = (performance.now() - start) / 1000;
      toStore.close();
      toService.close();
      return { status, seconds, bytes: toService.bytes() };
    }),
  );
  const { peak } = memoryOf(service.pid);
  await service.stop();
  return outcomes.map((outcome) => ({ ...outcome, peak }));
}

const LIMIT = 256 * MiB;
const HELD_SIZE = 8 * MiB;
const ENOUGH = 500;

/** What a backend has that holds uploads which are under way. */
export interface Held {
  readonly uploads: number;
  /** Bytes of memory. */
  readonly resident: number;
}

/** How many uploads of 8 MiB, each all but done, a backend of the old design holds in 256 MiB. */
async function heldByTheBackend(minio: MinioServer): Promise<Held> {
  const backend = await startOldDesign(minio);
  const { head, length } = form(HELD_SIZE);
  const uploads: Array<ClientRequest> = [];
  let resident = 0;
  for (;;) {
    const upload = post(backend.port, "/upload", {
      "Content-Type": `multipart/form-data; boundary=${BOUNDARY}`,
      "Content-Length": length,
    });
    upload.on("error", () => undefined);
    uploads.push(upload);
    upload.write(head);
    await sendFile(upload, HELD_SIZE);
    // Once it answers another request, it has read what came before that.
    await fetch(`http://127.0.0.1:${backend.port}/`);
    const now = memoryOf(backend.pid).resident;
    if (now > LIMIT) break;
    resident = now;
  }
  for (const upload of uploads) upload.destroy();
  await backend.stop();
  return { uploads: uploads.length - 1, resident };
}

/** As many as are tried: what a service has that granted uploads which the store now receives. */
async function heldByTheStore(minio: MinioServer): Promise<Held> {
  const service = await startService(minio);
  const port = Number(new URL(service.address).port);
  const uploads = await Promise.all(
    Array.from({ length: ENOUGH }, async () => {
      const { put_url, put_headers } = await presign(port, service.token, HELD_SIZE);
      const headers = { ...put_headers, "Content-Length": HELD_SIZE };
      const upload = request(put_url, { method: "PUT", agent: false, headers });
      upload.on("error", () => undefined);
      await new Promise((resolve) => upload.write(Buffer.alloc(1024), resolve));
      return upload;
    }),
  );
  const { resident } = memoryOf(service.pid);
  for (const upload of uploads) upload.destroy();
  await service.stop();
  return { uploads: uploads.length, resident };
}

async function makeBucket({ endpoint, accessKey, secretKey }: MinioServer): Promise<void> {
  const { hostname, port } = new URL(endpoint);
  const at = { endPoint: hostname, port: Number(port), useSSL: false };
  const client = new Client({ ...at, accessKey, secretKey });
  if (!(await client.bucketExists(BUCKET))) await client.makeBucket(BUCKET);
}

async function startOldDesign({ endpoint, accessKey, secretKey }: MinioServer) {
  const port = await freePort();
  const script = new URL("old-design.ts", import.meta.url).pathname;
  const child: ChildProcess = spawn(process.execPath, [script, `${port}`, endpoint, BUCKET], {
    stdio: "inherit",
    env: { ...process.env, STORAGE_ACCESS_KEY: accessKey, STORAGE_SECRET_KEY: secretKey },
  });
  await until(
    "the start of the old design",
    async () => (await fetch(`http://127.0.0.1:${port}/`)).ok,
  );
  const stop = async () => {
    child.kill();
    await once(child, "exit");
  };
  return { port, pid: child.pid ?? 0, stop };
}

const startService = (minio: MinioServer) =>
  startProcess(
    {
      STORAGE_ADAPTER: "minio",
      STORAGE_ENDPOINT: minio.endpoint,
      STORAGE_ACCESS_KEY: minio.accessKey,
      STORAGE_SECRET_KEY: minio.secretKey,
      STORAGE_BUCKET: BUCKET,
      STORAGE_MAX_FILE_SIZE: "1024",
      LOG_LEVEL: "warn",
      AUDIT: "off",
    },
    RUNTIMES.node,
  );

async function presign(port: number, token: string, size: number) {
  const body = JSON.stringify({ filename: "a.png", content_type: TYPE, size });
  const asked = post(port, "/api/v1/orgs/acme/files/presign", {
    "Content-Type": "application/json",
    "Content-Length": body.length,
    Authorization: `Bearer ${token}`,
  }).end(body);
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  return JSON.parse(await text(answer)) as {
    readonly put_url: string;
    readonly put_headers: Readonly<Record<string, string>>;
  };
}

const post = (port: number, path: string, headers: Readonly<Record<string, string | number>>) =>
  request({ host: "127.0.0.1", port, path, method: "POST", agent: false, headers });

const BOUNDARY = "a-boundary-that-no-file-has";

/** What stands around a file in a form, and how long all of it is. */
function form(size: number) {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: ${TYPE}\r\n\r\n`;
  const tail = `\r\n--${BOUNDARY}--\r\n`;
  return { head, tail, length: head.length + size + tail.length };
}

/** Sends so many bytes, as fast as they are taken. */
const sendFile = (to: ClientRequest, size: number): Promise<void> =>
  pipeline(Readable.from(chunksOf(size)), to, { end: false });

function* chunksOf(size: number) {
  for (let left = size; left > 0; left -= CHUNK.length) yield CHUNK.subarray(0, left);
}

const CHUNK = Buffer.alloc(64 * 1024, 7);

/** The status of the answer to an upload, which may come before all is sent; 0 without any. */
async function statusOf(upload: ClientRequest, send: () => Promise<void>): Promise<number> {
  upload.on("error", () => undefined);
  send().catch(() => undefined);
  try {
    const [answer] = (await once(upload, "response")) as [IncomingMessage];
    answer.resume().on("error", () => undefined);
    if (answer.statusCode === 200) await once(answer, "end");
    return answer.statusCode ?? 0;
  } catch {
    return 0;
  } finally {
    upload.destroy();
  }
}

function write(measured: {
  readonly proxied: ReadonlyArray<Outcome>;
  readonly direct: ReadonlyArray<Outcome>;
  readonly held: { readonly proxied: Held; readonly direct: Held };
}): void {
  const { proxied, direct, held } = measured;
  const rows = CELLS.map(({ name, roundTrip, bandwidth, size }, i) => [
    `${name}, ${bandwidth / 1e6} Mbit/s, ${roundTrip} ms`,
    `${size / MiB} MiB`,
    ...[proxied[i], direct[i]].map((outcome) => (outcome === undefined ? "" : told(outcome))),
    megabytes(proxied[i]?.peak ?? Number.NaN),
    megabytes(proxied[i]?.bytes ?? Number.NaN),
    `${((direct[i]?.bytes ?? Number.NaN) / 1024).toFixed(1)} KiB`,
  ]);
  const head = ["line, upwards", "file", "proxy", "Valetkey"];
  const table = markdown([
    [...head, "proxy's memory", "proxy's traffic", "Valetkey's traffic"],
    ...rows,
  ]);
  const lead = `Of ${CELLS.length} uploads over slow lines, a proxy with a 15-second limit lost ${lost(proxied)}, and Valetkey ${lost(direct)}`;
  const summary =
    `${lead}. One process of Valetkey signed all of them and held ${megabytes(direct[0]?.peak ?? Number.NaN)} ` +
    `of memory. In 256 MiB the proxy held ${held.proxied.uploads} uploads of 8 MiB at once; with ` +
    `${held.direct.uploads} under way, Valetkey held ${megabytes(held.direct.resident)}.`;
  writePart("docs/why.md", "npm run bench -- 502", `${summary}\n\n${table}`);
  rewrite("README.md", /\[[^\]]*\](?=\(docs\/why\.md\))/, `[${lead}]`);
  const picture = new URL("../../docs/images/502.svg", import.meta.url);
  writeFileSync(picture, chartOf(CELLS, proxied, direct));
  console.log(`${summary}\n\n${table}`);
}

const lost = (outcomes: ReadonlyArray<Outcome>) =>
  outcomes.filter(({ status }) => status !== 200).length || "none";
const megabytes = (bytes: number) => `${short(bytes / MiB)} MiB`;

const { value: minio, source, stop = async () => undefined } = await startMinio();
if (minio === undefined) throw new Error(`MinIO is missing: ${source}`);
try {
  await makeBucket(minio);
  // One design after the other: each has the machine to itself.
  const proxied = await throughBackends(minio);
  const direct = await straightIntoTheStore(minio);
  const held = { proxied: await heldByTheBackend(minio), direct: await heldByTheStore(minio) };
  write({ proxied, direct, held });
} finally {
  await stop();
}
