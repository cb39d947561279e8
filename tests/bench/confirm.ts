import { parseArgs } from "node:util";
import { ask } from "../support/ask.ts";
import { makePng } from "../support/make-png.ts";
import { startMinio } from "../support/minio.ts";
import { RUNTIMES, startProcess, untilReady } from "../support/service-process.ts";
import { installTools } from "../support/tools.ts";
import { cpuOf } from "./cpu.ts";
import { BY_HAND } from "./goals.ts";
import { presignRequest, sendLoad } from "./load.ts";
import { writePart } from "./pages.ts";
import { listening } from "./requests.ts";
import { type Contender, measure, tableOf } from "./rounds.ts";

// Measures what a confirm costs the service, in microseconds of its CPU, on a real MinIO and with the
// embedded store: warm, eight at once. How often the store is asked is in
// tests/contract/requests.test.ts.

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    files: { type: "string", default: "300" },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(`npm run bench -- confirm [options]
  --rounds N  rounds that count (5)
  --files N   uploads that are confirmed in each (300)
  --write     writes the table into the page that has it`);
  process.exit();
}

const CONNECTIONS = 8;
const FILES = Number(values.files);
/** A picture that is larger than what is looked at of it. */
const PNG = Buffer.concat([makePng(1, 1), Buffer.alloc(50_000)]);

await installTools("bench");
const keys = { accessKey: "access-key", secretKey: "secret-key" };
const minio = await startMinio(
  { MINIO_ROOT_USER: keys.accessKey, MINIO_ROOT_PASSWORD: keys.secretKey },
  "",
);
if (minio.value === undefined) throw new Error("this needs a MinIO");
const { endpoint } = minio.value;
const stops = [async (): Promise<unknown> => minio.stop?.()];

interface Server {
  readonly address: string;
  readonly token: string;
  readonly pid: number;
}

/** Sends so many files, and returns the requests that confirm them. */
async function sendFiles(server: Server, policy: "files" | "incoming"): Promise<Array<string>> {
  const requests: Array<string> = [];
  const asked = { filename: "a.png", policy, content_type: "image/png", size: PNG.length };
  const sendOne = async () => {
    const granted = await ask(server, "presign", asked);
    const { put_url: url, put_headers: headers, receipt } = await granted.json();
    const { status } = await fetch(url, { method: "PUT", headers, body: PNG });
    if (status >= 300) throw new Error(`a PUT was answered with ${status}`);
    const path = "/api/v1/orgs/acme/files/confirm";
    requests.push(presignRequest({ token: server.token, path, body: JSON.stringify({ receipt }) }));
  };
  while (requests.length < FILES) await Promise.all(Array.from({ length: CONNECTIONS }, sendOne));
  return requests;
}

const contender = (name: string, server: Server, policy: "files" | "incoming"): Contender => ({
  name,
  run: async () => {
    const requests = await sendFiles(server, policy);
    const port = Number(new URL(server.address).port);
    const before = cpuOf(server.pid);
    const sent = await sendLoad({
      port,
      connections: CONNECTIONS,
      request: () => requests.pop() ?? "",
      isEnough: () => requests.length === 0,
    });
    return (cpuOf(server.pid) - before) / sent;
  },
});

async function contenders(): Promise<ReadonlyArray<Contender>> {
  const script = new URL("by-hand.ts", import.meta.url).pathname;
  const byHand = await listening([process.execPath, script, new URL(endpoint).host]);
  stops.push(byHand.stop);
  const service = async (store: Readonly<Record<string, string>>) => {
    const env = {
      STORAGE_POLICIES: JSON.stringify({ incoming: { arrival: "incoming" } }),
      LOG_LEVEL: "warn",
      AUDIT: "off",
    };
    const started = await startProcess({ ...env, ...store }, RUNTIMES.node);
    stops.push(started.stop);
    await untilReady(started);
    return started;
  };
  const onMinio = await service({
    STORAGE_ADAPTER: "minio",
    STORAGE_CREATE_BUCKET: "on",
    STORAGE_ENDPOINT: endpoint,
    STORAGE_ACCESS_KEY: keys.accessKey,
    STORAGE_SECRET_KEY: keys.secretKey,
  });
  const embedded = await service({});
  const address = `http://127.0.0.1:${byHand.port}`;
  return [
    contender(BY_HAND, { address, token: "x", pid: byHand.pid }, "files"),
    contender("the service, MinIO", onMinio, "files"),
    contender("the service, MinIO, incoming, content looked at", onMinio, "incoming"),
    contender("the service, embedded store", embedded, "files"),
    contender("the service, embedded store, incoming, content looked at", embedded, "incoming"),
  ];
}

try {
  const measured = await measure(await contenders(), Number(values.rounds));
  const table = tableOf({ references: [BY_HAND] }, measured);
  console.log(table);
  if (values.write) writePart("docs/performance.md", "npm run bench -- confirm", table);
} finally {
  for (const stop of stops.toReversed()) await stop();
}
