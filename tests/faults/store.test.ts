import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, it } from "vitest";
import { isFullRun } from "../support/full-run.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { endure, isReady } from "./endure.ts";
import { startToxiproxy, type Way } from "./toxiproxy.ts";

const minio = await need("minio");

/** What the store is asked for has no answer, and signing goes on. */
const UNAVAILABLE = {
  confirm: ["200", "503 STORE_UNAVAILABLE"],
  start: ["200", "503 STORE_UNAVAILABLE"],
  complete: ["200", "503 STORE_UNAVAILABLE"],
};

const HTML = "<!DOCTYPE html><title>Sign in</title><p>Please sign in to the network.";
const answer = (status: string, body: string, headers = "") =>
  `HTTP/1.1 ${status}\r\n${headers}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;

interface StoreFault {
  readonly begin: (way: Way) => Promise<unknown>;
  /** Whether calls fail of it. */
  readonly fails: boolean;
  /** Whether another fault shows the same: an answer that is no store's, or none in time. */
  readonly isLike?: boolean;
}

/** What is done on the way to the store. */
const FAULTS: Readonly<Record<string, StoreFault>> = {
  "is slow": {
    fails: false,
    begin: (way) => way.poison({ type: "latency", attributes: { latency: 300, jitter: 200 } }),
  },
  "is slower than anybody waits": {
    fails: true,
    isLike: true,
    begin: (way) => way.poison({ type: "latency", attributes: { latency: 120_000 } }),
  },
  "refuses connections": { fails: true, begin: (way) => way.open(false) },
  "resets connections": {
    fails: true,
    begin: (way) => way.poison({ type: "reset_peer", attributes: { timeout: 0 } }),
  },
  "is half open: it takes requests and answers nothing": {
    fails: true,
    begin: (way) => way.poison({ type: "timeout", attributes: { timeout: 0 } }),
  },
  "cuts its answers": {
    fails: true,
    isLike: true,
    begin: (way) => way.poison({ type: "limit_data", attributes: { bytes: 60 } }),
  },
  "answers what is not HTTP": {
    fails: true,
    isLike: true,
    begin: (way) => impostor(way, "\0\x01rubbish\r\n\r\n"),
  },
  "answers 200 with a page": {
    fails: true,
    begin: (way) => impostor(way, answer("200 OK", HTML, "Content-Type: text/html\r\n")),
  },
  "answers 502 with a page": {
    fails: true,
    isLike: true,
    begin: (way) => impostor(way, answer("502 Bad Gateway", HTML, "Content-Type: text/html\r\n")),
  },
  "answers 404 with a page": {
    fails: true,
    isLike: true,
    begin: (way) => impostor(way, answer("404 Not Found", HTML, "Content-Type: text/html\r\n")),
  },
  "answers 503 with Retry-After": {
    fails: true,
    isLike: true,
    begin: (way) =>
      impostor(
        way,
        answer("503 Slow Down", "<Error><Code>SlowDown</Code></Error>", "Retry-After: 3\r\n"),
      ),
  },
};

/** Puts a server in place of the store that answers all alike. */
async function impostor(way: Way, text: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(text));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  server.unref();
  await way.lead((server.address() as AddressInfo).port);
}

describe.each(isFullRun ? ["minio", "aws"] : ["minio"])("with %s", (adapter) => {
  let way: Way;
  let service: ServiceProcess;
  beforeAll(async () => {
    way = await startToxiproxy(Number(new URL(minio?.endpoint ?? "").port));
    service = await startProcess({
      ...minioEnv(minio),
      STORAGE_ADAPTER: adapter,
      STORAGE_PROVIDER: "minio",
      STORAGE_ENDPOINT: `http://127.0.0.1:${way.port}`,
      STORAGE_PUBLIC_ENDPOINT: minio?.endpoint ?? "",
    });
    await isReady(service);
  });
  afterAll(async () => {
    await service.stop();
    await way.end();
  });

  const faults = Object.entries(FAULTS).filter(([, { isLike }]) => isFullRun || isLike !== true);
  it.each(faults)(
    "signing goes on while the store %s, and nothing is lost",
    async (name, { begin, fails }) =>
      endure(() => service, {
        name: `${adapter}: the store ${name}`,
        begin: () => begin(way),
        // Nothing hangs on a slow way, and to be refused would be another fault.
        end: fails ? way.heal : way.soothe,
        allowed: fails ? UNAVAILABLE : {},
        answers: { presign: 40, confirm: isFullRun ? 4 : 1, start: 1 },
        shows: fails ? ["confirm 503 STORE_UNAVAILABLE"] : [],
      }),
  );
});
