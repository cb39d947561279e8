import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { minio as embeddedMinio } from "../../adapters/embed/minio.ts";
import { FILE, put, startHost } from "../embed/host.ts";
import { answerOf, upload } from "../support/ask.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { freePort } from "../support/free-port.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { listen } from "../support/serve.ts";
import { SERVED, threeLines } from "../support/three-lines.ts";
import { until } from "../support/until.ts";

const minio = await need("minio");

/**
 * Reaches the store from a port of its own, from now on; its answers can have another date, and
 * the making of a bucket can take longer.
 */
async function openDoor(
  port: number,
  { date, delay = 0 }: { readonly date?: string; readonly delay?: number } = {},
): Promise<void> {
  const target = new URL(minio?.endpoint ?? "");
  const door = await listen((incoming, response) => {
    const forward = async () => {
      const { method, url, rawHeaders } = incoming;
      const { hostname, port } = target;
      // A path of one segment is the bucket's.
      if (method === "PUT" && /^\/[^/]+\/?$/.test(url ?? "")) await pause(delay);
      const onward = httpRequest({ method, hostname, port, path: url, headers: rawHeaders });
      const [[answer]] = await Promise.all([once(onward, "response"), pipeline(incoming, onward)]);
      response.writeHead(answer.statusCode, {
        ...answer.headers,
        date: date ?? answer.headers.date,
      });
      return pipeline(answer, response);
    };
    forward().catch(() => response.destroy());
  }, port);
  atTestEnd(door.close);
}

async function start(
  adapter: "aws" | "minio",
  port: number,
  over: Readonly<Record<string, string>> = {},
): Promise<ServiceProcess> {
  const service = await startProcess({
    ...minioEnv(minio),
    STORAGE_ADAPTER: adapter,
    STORAGE_ENDPOINT: `http://127.0.0.1:${port}`,
    ...over,
  });
  atTestEnd(() => service.stop());
  return service;
}

const logged = (service: ServiceProcess, text: string) =>
  until(`"${text}" in the log`, () => service.output().includes(text));

describe.skipIf(minio === undefined).each(["minio", "aws"] as const)("with %s", (adapter) => {
  it("a store that starts later gets its bucket, without any request to /readyz", async () => {
    const port = await freePort();
    const service = await start(adapter, port);
    await logged(service, "the store is not ready");
    // Amazon's client tries again by itself, and what succeeds at first is not told.
    await logged(service, "the bucket could not be made yet");
    await openDoor(port);
    await logged(service, "the bucket exists now");
    expect(await threeLines(service.address, service.token)).toEqual(SERVED);
    await logged(service, "the store is ready again");
    expect(service.output().split("the store is ready again").length).toBe(2);
  });

  it("clocks that differ are reported by /readyz and the log", async () => {
    const port = await freePort();
    await openDoor(port, { date: new Date(Date.now() - 10 * 60_000).toUTCString() });
    const service = await start(adapter, port);
    // The store's stands still from here on.
    const reason =
      /this machine's clock is 1\d min ahead of the store's; correct it, or the store refuses uploads/;
    await until("the reason at /readyz", async () => {
      const { status, parts } = await (await fetch(`${service.address}/readyz`)).json();
      return status === "degraded" && reason.test(parts.store.reason);
    });
    await until("the reason in the log", () => reason.test(service.output()));
  });

  it("a missing bucket is an outage, not a missing upload", async () => {
    const port = await freePort();
    await openDoor(port);
    const service = await start(adapter, port, { STORAGE_CREATE_BUCKET: "off" });
    const { receipt } = await upload(service);
    const { status, body } = await answerOf(service, "confirm", { receipt });
    expect([status, body.code]).toEqual([503, "STORE_UNAVAILABLE"]);
    await logged(service, "the store is unavailable");
    expect(service.output()).toMatch(/the bucket tests-\S+ does not exist/);
  });
});

const startEmbedded = async (port: number) => {
  const { accessKey = "", secretKey = "" } = minio ?? {};
  const host = await startHost({
    storage: embeddedMinio({
      endpoint: `http://127.0.0.1:${port}`,
      bucket: `late-${crypto.randomUUID()}`,
      createBucket: true,
      accessKey,
      secretKey,
    }),
  });
  atTestEnd(host.close);
  return host;
};

describe.skipIf(minio === undefined)("embedded", () => {
  it("a store that starts after the first use gets its bucket", async () => {
    const port = await freePort();
    const { valetkey, log } = await startEmbedded(port);
    const upload = await valetkey.requestUpload(FILE);
    await until("the warning", () =>
      log.some(({ message }) => message.startsWith("the bucket could not be made yet")),
    );
    await openDoor(port);
    await until("the upload", async () => (await put(upload)).ok);
  });

  it("ready() waits for a store that takes three seconds to make a bucket", async () => {
    const port = await freePort();
    await openDoor(port, { delay: 3000 });
    const { valetkey } = await startEmbedded(port);
    await valetkey.ready();
    expect((await put(await valetkey.requestUpload(FILE))).status).toBe(200);
  });
});
