import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import type * as client from "../../adapters/client/client.ts";
import { bundleClient } from "../../deploy/bundle-client.ts";
import { findChromium, launchChromium } from "../support/chromium.ts";
import { type CuttingProxy, reply, startCuttingProxy } from "../support/cutting-proxy.ts";
import { startMinio } from "../support/minio.ts";
import { RUNTIMES, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";

// Uploads from Chromium over a line that breaks: `node tests/bench/bad-line.ts --trouble away60`.
// Each line of the output is one upload: whether it arrived as it was, how long it took, how many
// times its bytes went over the line, and how often connections were reset.

const PORTAL = reply("200 OK", "<h1>Welcome to our network</h1>");
const GATEWAY = reply("502 Bad Gateway", "<h1>Bad Gateway</h1>");
/** A page may read it. */
const SOMEBODY = reply("200 OK", "<h1>It works!</h1>", "Access-Control-Allow-Origin: *\r\n");

/** The lines to the service and to the store; with the embedded store they are one. */
interface Line {
  readonly all: ReadonlyArray<CuttingProxy>;
  readonly store: CuttingProxy;
  /** Resolves once so much of the file has gone to the store. */
  readonly past: (share: number) => Promise<unknown>;
}

/** Does something to the lines for some seconds, once so much of the file has gone. */
const during =
  (share: number, seconds: number, set: (proxy: CuttingProxy, isOn: boolean) => void) =>
  async (line: Line) => {
    await line.past(share);
    for (const proxy of line.all) set(proxy, true);
    await pause(seconds * 1000);
    for (const proxy of line.all) set(proxy, false);
  };
const away = (seconds: number, share = 0.3) =>
  during(share, seconds, (proxy, isOn) => proxy.refuse(isOn));
const standstill = (seconds: number) => during(0.3, seconds, (proxy, isOn) => proxy.stall(isOn));
const answering = (text: string, seconds: number, share = 0) =>
  during(share, seconds, (proxy, isOn) => proxy.answer(() => (isOn ? text : undefined)));
const answerOnePut = ({ store }: Line) => {
  let left = 1;
  store.answer((head) => (head.startsWith("PUT ") && left-- > 0 ? SOMEBODY : undefined));
};
/** Without memory: each byte is as likely to be the last one before a reset. */
const reset =
  (which: "all" | "one", mean = 2.5e6) =>
  ({ store }: Line) =>
    store.resetEvery(() => -Math.log(1 - Math.random()) * mean, which);

const TROUBLES: Readonly<Record<string, (line: Line) => unknown>> = {
  away60: away(60),
  away150: away(150),
  stall60: standstill(60),
  stall150: standstill(150),
  resetOne: reset("one"),
  resetAll: reset("all"),
  resetAll10: reset("all", 10e6),
  gateway: answering(GATEWAY, 12),
  portal: answering(PORTAL, 30),
  html: answerOnePut,
  everything: async (line) => {
    reset("one")(line);
    for (const proxy of line.all) proxy.limit(300_000);
    await answering(GATEWAY, 12)(line);
    await answering(PORTAL, 30, 0.2)(line);
    await line.past(0.4);
    answerOnePut(line);
    await away(60, 0.6)(line);
  },
};

const { values } = parseArgs({
  options: {
    store: { type: "string", default: "local,minio" },
    trouble: { type: "string", default: Object.keys(TROUBLES).join() },
    size: { type: "string", default: "3000,12000000,120000000" },
    // At a time.
    runs: { type: "string", default: "2" },
  },
});
const sizes = values.size.split(",").map(Number);
const bytes = randomBytes(Math.max(...sizes));
const modules = await bundleClient();
const site = createServer(({ url = "" }, response) => {
  const module = modules.get(url.slice(1));
  response.setHeader("Content-Type", module === undefined ? "text/html" : "text/javascript");
  response.end(module ?? bytes.subarray(0, Number(url.slice(1))));
}).listen(0, "127.0.0.1");
await once(site, "listening");
const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
const browser = await launchChromium(findChromium().value);
const minio = values.store.includes("minio") ? await startMinio() : undefined;
const portOf = (address = "") => Number(new URL(address).port);

async function run(store: string, trouble: string, size: number): Promise<string> {
  const { endpoint: at = "", accessKey = "", secretKey = "" } = minio?.value ?? {};
  const isLocal = store === "local";
  const toService = await startCuttingProxy(() => portOf(service.address));
  const toStore = isLocal ? toService : await startCuttingProxy(() => portOf(at));
  const endpoint = `http://127.0.0.1:${toService.port}`;
  const service = await startProcess(
    {
      CORS_ORIGINS: origin,
      STORAGE_MAX_FILE_SIZE: "200 MiB",
      PUBLIC_URL: endpoint,
      ...(!isLocal && {
        STORAGE_ADAPTER: "minio",
        STORAGE_CREATE_BUCKET: "on",
        STORAGE_ENDPOINT: at,
        STORAGE_PUBLIC_ENDPOINT: `http://127.0.0.1:${toStore.port}`,
        STORAGE_ACCESS_KEY: accessKey,
        STORAGE_SECRET_KEY: secretKey,
      }),
    },
    RUNTIMES.node,
  );
  await fetch(`${service.address}/readyz`);
  const tab = await browser.newPage();
  await tab.goto(origin);
  // A small file is in trouble from its start.
  const isPast = async (share: number) => size < 1e5 || toStore.sent() >= size * share || undefined;
  const all = [...new Set([toService, toStore])];
  const line = {
    all,
    store: toStore,
    past: (share: number) => until("", () => isPast(share), 7200),
  };
  const start = performance.now();
  void TROUBLES[trouble]?.(line);
  const outcome = await tab.evaluate(
    async ({ size, ...options }) => {
      const name = "/client.js";
      const { createClient }: typeof client = await import(name);
      const file = new File([await (await fetch(`/${size}`)).blob()], "a.png", {
        type: "image/png",
      });
      return createClient(options)
        .upload(file)
        .then(
          ({ getUrl }) => getUrl,
          ({ code }) => code as string,
        );
    },
    { size, endpoint, organization: "acme", token: service.token },
  );
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const factor = (toStore.sent() / size).toFixed(2);
  let result = outcome;
  if (outcome.startsWith("http")) {
    toStore.answer(() => undefined);
    toStore.refuse(false);
    const arrived = Buffer.from(await (await fetch(outcome)).arrayBuffer());
    result = arrived.equals(bytes.subarray(0, size)) ? "arrived" : "another";
  }
  await tab.close();
  await service.stop();
  for (const proxy of all) await proxy.close();
  return [store, trouble, size, result, `${seconds} s`, `${factor} x`, toStore.cuts()].join("\t");
}

for (const store of values.store.split(",")) {
  for (const size of sizes) {
    for (const trouble of values.trouble.split(",")) {
      const runs = Array.from({ length: Number(values.runs) }, () => run(store, trouble, size));
      console.log((await Promise.all(runs)).join("\n"));
    }
  }
}
await minio?.stop?.();
process.exit();
