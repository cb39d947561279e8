import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { need } from "../support/need.ts";
import { RUNTIMES, type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";
import { exchange } from "./raw-request.ts";

await need("runtimes");

const DOCUMENT = "/openapi.json";
const runtimes = Object.keys(RUNTIMES) as ReadonlyArray<keyof typeof RUNTIMES>;

describe.each(runtimes)("a client that reads nothing on %s", (runtime) => {
  it("a service makes fewer than 100 of 800 answers in advance for a client that reads nothing", async () => {
    const service = await startProcess({}, runtime);
    const ask = async () => (await fetch(`${service.address}${DOCUMENT}`)).arrayBuffer();
    await ask();
    const before = memoryOf(service);
    const socket = await unread(service, get(service, DOCUMENT).repeat(800));
    // Once these are answered, so are those that the service had begun.
    for (let requests = 0; requests < 20; requests++) await ask();
    expect(answersOf(service, DOCUMENT)).toBeLessThan(100);
    expect(memoryOf(service) - before).toBeLessThan(100);
    socket.destroy();
    await service.stop();
  });
});

describe("requests that are sent at once", () => {
  let service: ServiceProcess;
  beforeAll(async () => {
    service = await startProcess();
  });
  afterAll(() => service.stop());

  it("requests that are sent at once are answered in order, up to 100 behind the first, and the next with 503", async () => {
    const requests = Array.from({ length: 150 }, (_, index) => get(service, `/nowhere/${index}`));
    const { text } = await exchange(service.address, [requests.join("")]);
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    expect(statuses).toEqual([...Array.from({ length: 101 }, () => "404"), "503"]);
    expect(text).toMatch(/Retry-After: 1\r\n/);
    expect(text).toMatch(/"code":"OVERLOADED"/);
  });

  it("requests except probes are refused while 2,000 requests are in progress", async () => {
    const sockets: Array<Socket> = [];
    const refused = await until("the service to be full", async () => {
      sockets.push(await unread(service, get(service, DOCUMENT).repeat(101)));
      // Its body does not come, so that it stays in progress.
      sockets.push(await unread(service, slowRequest(service)));
      const answer = await fetch(`${service.address}/nowhere`);
      return answer.status === 503 && answer;
    });
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refused.json()).toMatchObject({ code: "OVERLOADED" });
    expect((await fetch(`${service.address}/healthz`)).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await until(
      "the service to take requests again",
      async () => (await fetch(`${service.address}/nowhere`)).status === 404,
    );
    await until("the refusal in the log", () => service.output().includes("503 OVERLOADED"));
  });

  it("requests are answered before something behind them that is not a request", async () => {
    const good = get(service, "/healthz").repeat(2);
    const { text } = await exchange(service.address, [`${good}rubbish\r\n\r\n`]);
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    expect(statuses).toEqual(["200", "200", "400"]);
    expect(text.match(/\{"status":"alive"\}/g)).toHaveLength(2);
  });

  it("an answer that is being sent is not cut off when something that is not a request arrives", async () => {
    const whole = await (await fetch(`${service.address}${DOCUMENT}`)).text();
    // More than the buffers of the system take while nothing is read.
    const socket = await unread(service, get(service, DOCUMENT).repeat(100));
    await once(socket, "readable");
    socket.write("rubbish\r\n\r\n");
    // Once this is answered, the service has read the rubbish.
    await fetch(`${service.address}/healthz`);
    const parts = (await text(socket)).split(whole);
    expect(parts).toHaveLength(101);
    expect(parts.at(-1)).toMatch(/^HTTP\/1\.1 400 /);
  });
});

it("connections beyond MAX_CONNECTIONS are closed, and the log says so", async () => {
  const service = await startProcess({ MAX_CONNECTIONS: "3" });
  const sockets = await Promise.all(["", "", ""].map((text) => unread(service, text)));
  const beyond = await exchange(service.address, [get(service, "/healthz")]);
  expect(beyond.text).toBe("");
  await until("a line in the log", () => service.output().includes("MAX_CONNECTIONS"));
  for (const socket of sockets) socket.destroy();
  await until("the next connection", async () => (await fetch(`${service.address}/healthz`)).ok);
  await service.stop();
});

const get = ({ address }: ServiceProcess, path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: ${new URL(address).host}\r\n\r\n`;

const slowRequest = ({ address, token }: ServiceProcess) =>
  `POST /api/v1/orgs/acme/files/presign HTTP/1.1\r\nHost: ${new URL(address).host}\r\n` +
  `Authorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n`;

/** Sends text over a connection, and reads nothing. */
async function unread({ address }: ServiceProcess, text: string): Promise<Socket> {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.pause();
  socket.write(text);
  return socket;
}

/** The memory of a process, in MiB. */
const memoryOf = ({ pid }: ServiceProcess): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

const answersOf = (service: ServiceProcess, path: string): number =>
  service.output().split(`"path":"${path}"`).length - 1;
