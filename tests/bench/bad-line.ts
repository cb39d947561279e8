import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Browser } from "playwright-core";
import type * as client from "../../adapters/browser/client.ts";
import { bundleClient } from "../../deploy/bundle-client.ts";
import { findChromium, launchChromium } from "../support/chromium.ts";
import { type CuttingProxy, reply, startCuttingProxy } from "../support/cutting-proxy.ts";
import { startMinio } from "../support/minio.ts";
import { startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";

// Uploads from Chromium over a line that breaks, to the embedded store and to MinIO. Each line of
// the output is one upload: whether it arrived as it was, how long it took, and how many times its
// bytes went over the line.

const PORTAL = reply("200 OK", "<h1>Welcome to our network</h1>");
const GATEWAY = reply("502 Bad Gateway", "<h1>Bad Gateway</h1>");
/** A page may read it. */
const SOMEBODY = reply("200 OK", "<h1>It works!</h1>", "Access-Control-Allow-Origin: *\r\n");
const RESET = 2.5e6;

/** The lines to the service and to the store; with the embedded store they are one. */
interface Line {
  readonly all: ReadonlyArray<CuttingProxy>;
  readonly store: CuttingProxy;
  /** Resolves once so much of the file has gone to the store. */
  readonly past: (share: number) => Promise<void>;
}

const refuse = async ({ all }: Line, seconds: number) => {
  for (const proxy of all) proxy.refuse(true);
  await pause(seconds * 1000);
  for (const proxy of all) proxy.refuse(false);
};
const answerAll = async ({ all }: Line, text: string, seconds: number) => {
  for (const proxy of all) proxy.answer(() => text);
  await pause(seconds * 1000);
  for (const proxy of all) proxy.answer(() => undefined);
};
const answerOnePut = ({ store }: Line) => {
  let left = 1;
  store.answer((head) => (head.startsWith("PUT ") && left-- > 0 ? SOMEBODY : undefined));
};
/** Without memory, so that each byte is as likely to be the last one of its connection. */
const random = (mean: number) => () => -Math.log(1 - Math.random()) * mean;
const outage = (seconds: number) => async (line: Line) => {
  await line.past(0.3);
  await refuse(line, seconds);
};

const standstill = (seconds: number) => async (line: Line) => {
  await line.past(0.3);
  for (const proxy of line.all) proxy.stall(true);
  await pause(seconds * 1000);
  for (const proxy of line.all) proxy.stall(false);
};

/** What the line does. */
const TROUBLES: Readonly<Record<string, (line: Line) => unknown>> = {
  none: () => undefined,
  away60: outage(60),
  away150: outage(150),
  stall60: standstill(60),
  stall150: standstill(150),
  resetOne: ({ store }) => store.resetEvery(random(RESET), "one"),
  resetAll: ({ store }) => store.resetEvery(random(RESET), "all"),
  resetAll10: ({ store }) => store.resetEvery(random(4 * RESET), "all"),
  gateway: (line) => answerAll(line, GATEWAY, 12),
  portal: (line) => answerAll(line, PORTAL, 30),
  html: answerOnePut,
  everything: async (line) => {
    line.store.resetEvery(random(RESET), "one");
    for (const proxy of line.all) proxy.limit(300_000);
    await answerAll(line, GATEWAY, 12);
    await line.past(0.2);
    await answerAll(line, PORTAL, 30);
    await line.past(0.4);
    answerOnePut(line);
    await line.past(0.6);
    await refuse(line, 60);
  },
};

const { values } = parseArgs({
  options: {
    store: { type: "string", default: "local,minio" },
    trouble: { type: "string", default: Object.keys(TROUBLES).join() },
    size: { type: "string", default: "3000,12000000,120000000" },
    runs: { type: "string", default: "1" },
    parallel: { type: "string", default: "2" },
  },
});
const modules = await bundleClient();
const site = createServer(({ url = "" }, response) => {
  const module = modules.get(url.slice(1));
  response.setHeader("Content-Type", module === undefined ? "text/html" : "text/javascript");
  response.end(module ?? "<!doctype html>");
}).listen(0, "127.0.0.1");
await once(site, "listening");
const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
const browser: Browser = await launchChromium(findChromium().value);
const minio = values.store.includes("minio") ? await startMinio() : undefined;

const portOf = (address: string) => Number(new URL(address).port);

async function run(store: string, trouble: string, size: number): Promise<string> {
  const lineToService = await startCuttingProxy(() => portOf(service.address));
  const isLocal = store === "local";
  const { endpoint = "", accessKey = "", secretKey = "" } = minio?.value ?? {};
  const lineToStore = isLocal ? lineToService : await startCuttingProxy(() => portOf(endpoint));
  const service = await startProcess({
    CORS_ORIGINS: origin,
    STORAGE_MAX_FILE_SIZE: "200 MiB",
    PUBLIC_URL: `http://127.0.0.1:${lineToService.port}`,
    ...(!isLocal && {
      STORAGE_ADAPTER: "minio",
      STORAGE_BUCKET: `line-${crypto.randomUUID()}`,
      STORAGE_CREATE_BUCKET: "on",
      STORAGE_ENDPOINT: endpoint,
      STORAGE_PUBLIC_ENDPOINT: `http://127.0.0.1:${lineToStore.port}`,
      STORAGE_ACCESS_KEY: accessKey,
      STORAGE_SECRET_KEY: secretKey,
    }),
  });
  await fetch(`${service.address}/readyz`);
  const context = await browser.newContext();
  const tab = await context.newPage();
  await tab.goto(origin);
  const line: Line = {
    all: [...new Set([lineToService, lineToStore])],
    store: lineToStore,
    past: (share) =>
      // A small file is in trouble from its start.
      until(
        "the share",
        async () => lineToStore.sent() >= size * share || size < 1e5 || undefined,
        3600,
      ).then(() => undefined),
  };
  const start = performance.now();
  void TROUBLES[trouble]?.(line);
  const outcome = await tab.evaluate(
    async ({ size, ...options }) => {
      const name = "/client.js";
      const { createClient }: typeof client = await import(name);
      const bytes = new Uint8Array(size);
      for (let at = 0; at < size; at += 65_536)
        crypto.getRandomValues(bytes.subarray(at, at + 65_536));
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      const file = new File([bytes], "a.png", { type: "image/png", lastModified: 1 });
      let most = 0;
      const onProgress = ({ retrying }: client.UploadProgress) => {
        if (retrying?.since) most = Math.max(most, Date.now() - retrying.since);
      };
      const answer = await createClient(options)
        .upload(file, { onProgress })
        .then(
          ({ getUrl }) => ({ url: getUrl }),
          ({ code }) => ({ code }),
        );
      return {
        ...answer,
        most,
        hash: [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
      };
    },
    {
      size,
      endpoint: `http://127.0.0.1:${lineToService.port}`,
      organization: "acme",
      token: service.token,
    },
  );
  const seconds = (performance.now() - start) / 1000;
  const factor = lineToStore.sent() / size;
  const cuts = lineToStore.cuts();
  let result = "code" in outcome ? outcome.code : "another";
  if ("url" in outcome) {
    for (const proxy of line.all) {
      proxy.answer(() => undefined);
      proxy.refuse(false);
      proxy.resetEvery(() => Infinity, "one");
      proxy.limit(Infinity);
    }
    const bytes = await (await fetch(outcome.url)).bytes();
    if (createHash("sha256").update(bytes).digest("hex") === outcome.hash) result = "arrived";
  }
  await context.close();
  await service.stop();
  for (const proxy of line.all) await proxy.close();
  return [
    store,
    trouble,
    size,
    result,
    `${seconds.toFixed(0)} s`,
    `${factor.toFixed(2)} x`,
    `${cuts} cuts`,
    `${(outcome.most / 1000).toFixed(0)} s silent`,
  ].join("\t");
}

const runs = values.store.split(",").flatMap((store) =>
  values.size.split(",").flatMap((size) =>
    values.trouble.split(",").flatMap((trouble) =>
      Array.from({ length: Number(values.runs) }, () => ({
        store,
        trouble,
        size: Number(size),
      })),
    ),
  ),
);
const next = runs.values();
await Promise.all(
  Array.from({ length: Number(values.parallel) }, async () => {
    for (const { store, trouble, size } of next) {
      console.log(
        await run(store, trouble, size).catch(
          (cause: unknown) => `${store}\t${trouble}\t${size}\t${cause}`,
        ),
      );
    }
  }),
);
await browser.close();
await minio?.stop?.();
site.close();
process.exit();
