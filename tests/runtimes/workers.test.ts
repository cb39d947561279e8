import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, it } from "vitest";
import {
  RUNTIMES,
  runToEnd,
  type ServiceProcess,
  startProcess,
} from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { parentOf, workersOf } from "../support/workers.ts";

const WORKERS = { WEB_CONCURRENCY: "2", LOG_FORMAT: "json" };
const runtimes = ["node", "bun"] as const;

describe.each(runtimes)("two workers on %s", (runtime) => {
  let service: ServiceProcess;
  beforeAll(async () => {
    // Neither token nor key is configured, so both are made for the workers.
    service = await startWorkers({ DEV_TOKEN: "", RECEIPT_KEYS: "" }, runtime);
  });

  it("each confirms what the other granted", async () => {
    const token = /#token=(\w+)/.exec(service.output())?.[1];
    const call = (name: string, body: object) =>
      fetch(`${service.address}/api/v1/orgs/acme/files/${name}`, {
        method: "POST",
        headers: {
          Authorization: `Bearer ${token}`,
          "Content-Type": "application/json",
          Connection: "close",
        },
        body: JSON.stringify(body),
      });
    const codes = new Set<string>();
    for (let i = 0; i < 12; i++) {
      const file = { filename: "a.png", content_type: "image/png", size: 5 };
      const { receipt } = await (await call("presign", file)).json();
      codes.add((await (await call("confirm", { receipt })).json()).code);
    }
    expect([...codes]).toEqual(["UPLOAD_INCOMPLETE"]);
    expect(service.output().match(/"message":"ready"/g)).toHaveLength(1);
  });

  it("one that dies is started again", async () => {
    const [first, second] = workersOf(service);
    process.kill(first ?? 0, "SIGKILL");
    const workers = await until("another worker", async () => {
      const now = workersOf(service);
      return now.length === 2 && !now.includes(first ?? 0) && now;
    });
    expect(workers).toContain(second);
    const again = /"message":"a worker ended and is started again","number":[12]/;
    expect(service.output()).toMatch(again);
    await until("an answer", async () => (await fetch(`${service.address}/healthz`)).ok);
    expect(await service.stop()).toBe(0);
    expect(workers.filter(isAlive)).toEqual([]);
  });
});

it.each(runtimes)("connections on %s to workers that are killed end at once", async (runtime) => {
  const service = await startWorkers({}, runtime);
  const workers = workersOf(service);
  const openFiles = () => readdirSync(`/proc/${service.pid}/fd`).length;
  const before = openFiles();
  // They take nothing from now on, so that the primary of Node is left with what it hands to them.
  for (const worker of workers) process.kill(worker, "SIGSTOP");
  const sockets = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const socket = connect(Number(new URL(service.address).port), "127.0.0.1");
      await once(socket, "connect");
      socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
      return socket;
    }),
  );
  if (runtime === "node") {
    await until("the connections", () => openFiles() >= before + 5);
  }
  // Each ends with an answer of another worker, or without one.
  const ends = sockets.map((socket) => text(socket).catch(() => ""));
  for (const worker of workers) process.kill(worker, "SIGKILL");
  await Promise.all(ends);
  await service.stop();
});

it("all workers end with their primary, however it ends", async () => {
  const service = await startWorkers({}, "node");
  const workers = workersOf(service);
  service.signal("SIGKILL");
  await service.ended;
  await until("their end", () => (workers.some(isAlive) ? undefined : true));
  await service.stop();
});

it("workers serve during the grace period, and a second signal ends all at once", async () => {
  const service = await startWorkers({
    SHUTDOWN_GRACE: "9 minutes",
    SHUTDOWN_TIMEOUT: "10 minutes",
  });
  const workers = workersOf(service);
  service.signal("SIGTERM");
  await until("the stop", () => service.output().split('"message":"stopping"').length === 3);
  expect((await fetch(`${service.address}/readyz`)).status).toBe(503);
  const again = setInterval(() => service.signal("SIGTERM"), 150);
  expect(await service.ended).toBe(128 + 15);
  clearInterval(again);
  await until("the workers' end", () => (workers.some(isAlive) ? undefined : true));
  await service.stop();
});

it("a port that is taken ends the service with one message", async () => {
  const service = await startProcess();
  const { code, output } = await runToEnd({
    ...WORKERS,
    PORT: new URL(service.address).port,
    STORAGE_LOCAL_DIR: service.directory,
  });
  await service.stop();
  expect(code).toBe(1);
  expect(output.match(/Valetkey cannot start/g)).toHaveLength(1);
});

it("workers are refused on Deno, whose processes cannot share a port", async () => {
  const { code, output } = await runToEnd(WORKERS, RUNTIMES.deno("."));
  expect(output).toContain("WEB_CONCURRENCY must be 1 on Deno");
  expect(code).toBe(78);
});

/** Starts the service, and waits for both workers. */
async function startWorkers(
  env: Readonly<Record<string, string>> = {},
  runtime: (typeof runtimes)[number] = "node",
): Promise<ServiceProcess> {
  const service = await startProcess({ ...WORKERS, ...env }, runtime);
  await until("two workers", () => service.output().includes('"message":"ready"'));
  return service;
}

const isAlive = (pid: number): boolean => parentOf(pid) !== undefined;
