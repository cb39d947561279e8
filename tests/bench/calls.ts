import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import { Session } from "node:inspector/promises";
import { parseArgs } from "node:util";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { makeApplication } from "../../adapters/service/application.ts";
import { readAll } from "../../adapters/service/settings.ts";
import { layer as log } from "../../adapters/telemetry/log.ts";
import { receiptKey } from "../support/receipt-key.ts";

// Counts what one warm presign does, from `fetch` to its answer with a line of the log: the files and
// functions of this repository that it enters, each resumption of one that waits being a call too, and
// the bytes that it allocates. Code is interpreted, so that no figure depends on the host or the hour.
setFlagsFromString("--no-opt --no-maglev --no-sparkplug");

const { values } = parseArgs({
  options: { each: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
});
if (values.help) {
  console.log(`npm run bench -- calls [options]
  --each  lists the functions of each file`);
  process.exit();
}

const ROOT = new URL("../../", import.meta.url).href;
const TOKEN = "a-token-of-the-benchmark";
const REPEATS = 500;

const settings = Result.getOrThrow(
  readAll({
    DEV_TOKEN: TOKEN,
    STORAGE_ADAPTER: "minio",
    STORAGE_ENDPOINT: "http://127.0.0.1:9000",
    STORAGE_ACCESS_KEY: "access-key",
    STORAGE_SECRET_KEY: "secret-key",
    RECEIPT_KEYS: `bench:${receiptKey("bench").toString("base64")}`,
    AUDIT: "off",
  }),
);
const { fetch } = await Effect.runPromise(
  makeApplication(settings, undefined, () => false).pipe(
    Effect.provide(log(settings.telemetry)),
    Effect.scoped,
  ),
);

const body = JSON.stringify({ filename: "a.png", content_type: "image/png", size: 123_456 });
const init = {
  method: "POST",
  headers: {
    Authorization: `Bearer ${TOKEN}`,
    "Content-Type": "application/json",
    "Content-Length": String(body.length),
  },
  body,
};
async function presign(times: number): Promise<void> {
  for (let count = 0; count < times; count++) {
    const request = new Request("http://127.0.0.1:8787/api/v1/orgs/acme/files/presign", init);
    const { status } = await fetch(request, { address: "127.0.0.1" });
    if (status !== 200) throw new Error(`a presign was answered with ${status}`);
  }
}

// Nobody reads its log.
const print = process.stdout.write.bind(process.stdout);
process.stdout.write = () => true;
await presign(REPEATS);
const before = getHeapStatistics().total_allocated_bytes;
await presign(REPEATS);
const bytes = (getHeapStatistics().total_allocated_bytes - before) / REPEATS;

const session = new Session();
session.connect();
await session.post("Profiler.enable");
await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
await session.post("Profiler.takePreciseCoverage");
await presign(1);
const { result } = await session.post("Profiler.takePreciseCoverage");

const entered = result.flatMap(({ url, functions }) => {
  const file = url.startsWith(ROOT) ? url.slice(ROOT.length) : "";
  const called = functions.flatMap(({ functionName: name, ranges: [range] }) =>
    range !== undefined && range.count > 0 ? [{ name, count: range.count }] : [],
  );
  const isProduct = /^(?:adapters|application|domain)\//.test(file);
  return isProduct && called.length > 0 ? [{ file, called }] : [];
});
const total = entered.flatMap(({ called }) => called).reduce((sum, { count }) => sum + count, 0);
if (values.each) {
  for (const { file, called } of entered) {
    const names = called.map(({ name, count }) => `${name || "(anonymous)"} ${count}`);
    print(`${file}: ${names.join(", ")}\n`);
  }
}
const kibibytes = (bytes / 1024).toFixed(1);
print(`One warm presign: ${entered.length} files, ${total} calls, ${kibibytes} KiB allocated\n`);
