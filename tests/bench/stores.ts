import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Result from "effect/Result";
import * as Scope from "effect/Scope";
import * as TestClock from "effect/testing/TestClock";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { makeApplication } from "../../adapters/service/application.ts";
import { readAll } from "../../adapters/service/settings.ts";
import { layer as log } from "../../adapters/telemetry/log.ts";
import { listen } from "../support/serve.ts";
import { presignRequest } from "./load.ts";
import { contenderOf, service } from "./requests.ts";
import { markdown, measure, medianOf, speedOf } from "./rounds.ts";

// Measures what many stores cost in one process: its start, its memory before and after all were
// used and once they are idle, and a presign beside that of a service with one store of each kind.

const { values } = parseArgs({
  options: {
    stores: { type: "string", default: "1000" },
    rounds: { type: "string", default: "15" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(`npm run bench -- stores [options]
  --stores N  how many, each with an organization (1000)
  --rounds N  how many are measured (15)`);
  process.exit();
}

const COUNT = Number(values.stores);
const TOKEN = "a-token-of-the-benchmark";
const SECRET = "c2VjcmV0LWtleS1vZi1hLXN0b3Jl";
const folder = mkdtempSync(join(tmpdir(), "valetkey-bench-stores-"));

/** Says of each bucket that it is there, and keeps no versions. */
const server = await listen((request, response) => {
  request.resume();
  response.setHeader("server", "MinIO");
  response.end(
    request.url?.includes("versioning")
      ? '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>'
      : "",
  );
});
const keys = { access_key: "access-key", secret_key: { variable: "SECRET" } };
const endpoint = server.url.href;
const KINDS: ReadonlyArray<(index: number) => Readonly<Record<string, unknown>>> = [
  () => ({ adapter: "minio", endpoint, ...keys }),
  () => ({ adapter: "aws", endpoint, region: "us-east-1", ...keys }),
  () => ({ adapter: "gcs", endpoint, ...keys, access_key: "GOOG1EXAMPLEEXAMPLEEXAMPLE" }),
  () => ({ adapter: "azure", endpoint, ...keys }),
  (index) => ({ adapter: "local", directory: join(folder, `${index}`) }),
];
const storeAt = (index: number): Readonly<Record<string, unknown>> => ({
  ...KINDS[index % KINDS.length]?.(index),
  bucket: "files",
});

const collect: () => void = (setFlagsFromString("--expose-gc"), runInNewContext("gc"));
const heap = () => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

const body = JSON.stringify({ filename: "a.png", content_type: "image/png", size: 123_456 });
const init = {
  method: "POST",
  headers: { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" },
  body,
};

/** Opens a service until the scope closes, and returns what presigns for the nth organization. */
const open = Effect.fnUntraced(
  function* (env: Readonly<Record<string, string>>) {
    const settings = Result.getOrThrow(
      readAll({
        DEV_TOKEN: TOKEN,
        SECRET,
        STORAGE_LOCAL_DIR: join(folder, "default"),
        AUDIT: "off",
        LOG_LEVEL: "error",
        ...env,
      }),
    );
    const { fetch } = yield* makeApplication(settings, undefined, () => false);
    return async (index: number) => {
      const url = `http://127.0.0.1:8787/api/v1/orgs/org-${index % COUNT}/files/presign`;
      const { status } = await fetch(new Request(url, init), { address: "127.0.0.1" });
      if (status !== 200) throw new Error(`a presign was answered with ${status}`);
    };
  },
  Effect.provide(log({ level: "error", format: "json" })),
);

/** Variables with a document of so many stores, over which all organizations are spread. */
const several = (count: number) => {
  const names = Array.from({ length: count }, (_, index) => `store-${index}`);
  const stores = Object.fromEntries(names.map((name, index) => [name, storeAt(index)]));
  const organizations = Object.fromEntries(
    Array.from({ length: COUNT }, (_, index) => [`org-${index}`, `store-${index % count}`]),
  );
  const path = join(folder, `${count}.json`);
  writeFileSync(path, JSON.stringify({ stores, organizations }));
  return { STORES: path, SECRET };
};

const scope = await Effect.runPromise(Scope.make());
const inScope = <A, E>(opened: Effect.Effect<A, E, Scope.Scope>) =>
  Effect.runPromise(Scope.provide(opened, scope));
/** What a step takes, in milliseconds, and holds from then on, in KiB for each store. */
const rows: Array<ReadonlyArray<string>> = [["", "ms", "KiB held for each store"]];
async function step<A>(name: string, run: () => Promise<A>): Promise<A> {
  const [held, start] = [heap(), performance.now()];
  const made = await run();
  const milliseconds = performance.now() - start;
  const more = ((heap() - held) / 1024 / COUNT).toFixed(1);
  rows.push([name, milliseconds.toFixed(0), more]);
  return made;
}
const all = async (presign: (index: number) => Promise<void>) => {
  for (let index = 0; index < COUNT; index++) await presign(index);
};

// All code is loaded first.
const few = KINDS.length;
await all(await inScope(open(several(few))));

const presign = await step("start", () => inScope(open(several(COUNT))));
await step("first presign of each store", () => all(presign));
await step("second presign of each store", () => all(presign));

const servers = await Promise.all(
  [few, COUNT].map((count) =>
    service(several(count), {
      requestOf: (token) => (n) => presignRequest({ token, slug: `org-${n % COUNT}` }),
    }),
  ),
);
const [one, many] = await measure(
  servers.map((server, index) => contenderOf(`${[few, COUNT][index]} stores`, server, 500)),
  Number(values.rounds),
);
await Promise.all(servers.map(({ stop }) => stop()));
await Effect.runPromise(Scope.close(scope, Exit.void));

await Effect.gen(function* () {
  const presign = yield* open(several(COUNT));
  const before = heap();
  yield* Effect.promise(() => all(presign));
  const used = heap();
  yield* TestClock.adjust("20 minutes");
  const share = ((used - heap()) / (used - before)) * 100;
  rows.push(["20 minutes without use", "", `${share.toFixed(0)} % of the memory was freed`]);
}).pipe(Effect.scoped, Effect.provide(TestClock.layer()), Effect.runPromise);

console.log(`${COUNT} stores of five kinds, Node ${process.versions.node}\n\n${markdown(rows)}\n`);
if (one !== undefined && many !== undefined) {
  const costs = [one, many].map(({ costs }) => medianOf(costs).toFixed(0)).join(" and ");
  console.log(
    `A presign takes ${costs} µs of CPU: ${(1 / speedOf(many, one)).toFixed(3)} times as much with ${COUNT} stores as with ${few}.`,
  );
}
await server.close();
rmSync(folder, { recursive: true, force: true });
process.exit();
