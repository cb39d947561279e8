import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { RUNTIMES, type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";

const runtimes = Object.keys(RUNTIMES) as ReadonlyArray<keyof typeof RUNTIMES>;
/** Until a second signal, however long clients of a busy machine take. */
const LONG = { SHUTDOWN_GRACE: "9 minutes", SHUTDOWN_TIMEOUT: "10 minutes" };

it.each(runtimes)("%s waits for no idle connection when it stops", async (runtime) => {
  const service = await startProcess(
    { SHUTDOWN_GRACE: "", SHUTDOWN_TIMEOUT: "10 minutes" },
    runtime,
  );
  const { host } = new URL(service.address);
  const silent = await open(service, "");
  const idle = await open(service, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await once(idle, "data");
  // That it ends at all is the point.
  expect(await service.stop()).toBe(0);
  silent.destroy();
  idle.destroy();
});

it.each(runtimes)(
  "%s fails no request of clients that look at /readyz while it stops",
  async (runtime) => {
    const service = await startProcess(LONG, runtime);
    const agent = new Agent({ keepAlive: true });
    const ask = (path: string) => answerOf(service, path, agent);
    const stopping = new AbortController();
    const look = async () => {
      while ((await ask("/readyz")).status === 200) await pause(100);
      stopping.abort();
    };
    const looking = look();
    const answers: Array<{ readonly status: number; readonly closes: boolean }> = [];
    const clients = Array.from({ length: 10 }, async () => {
      while (!stopping.signal.aborted) answers.push(await ask("/healthz"));
    });
    await until("some answers", () => answers.length > 100);
    service.signal("SIGTERM");
    await Promise.all([...clients, looking]);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(answers[0]?.closes).toBe(false);
    expect(answers.at(-1)?.closes).toBe(true);
    expect(await (await fetch(`${service.address}/readyz`)).json()).toMatchObject({
      status: "stopping",
    });
    agent.destroy();
    await endAtOnce(service);
  },
);

it.each(runtimes)(
  "%s ends with 0 while a request does not, after SHUTDOWN_TIMEOUT",
  async (runtime) => {
    const service = await startProcess({ SHUTDOWN_TIMEOUT: "1 second" }, runtime);
    const socket = await open(service, slowRequest(service));
    // Sent after it and answered: so it is under way.
    await fetch(`${service.address}/healthz`);
    expect(await service.stop()).toBe(0);
    socket.destroy();
  },
);

it.each(runtimes)("%s ends at once at a second signal, and not at SIGHUP", async (runtime) => {
  const service = await startProcess(LONG, runtime);
  service.signal("SIGHUP");
  expect((await fetch(`${service.address}/readyz`)).status).toBe(200);
  service.signal("SIGTERM");
  await until("the stop", () => service.output().includes("stopping"));
  await endAtOnce(service);
});

it("npm start ends its service when it is told to stop", async () => {
  const service = await startProcess({}, () => ["/bin/sh", "-c", "exec npm start"]);
  await service.stop();
  await expect(fetch(`${service.address}/healthz`)).rejects.toThrow("fetch failed");
});

/** By a second signal: two within a tenth of a second count as one. */
async function endAtOnce(service: ServiceProcess) {
  const again = setInterval(() => service.signal("SIGTERM"), 150);
  expect(await service.ended).toBe(128 + 15);
  clearInterval(again);
  await service.stop();
}

async function open({ address }: ServiceProcess, request: string) {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(request);
  return socket;
}

/** Its body does not come. */
const slowRequest = ({ address, token }: ServiceProcess) =>
  `POST /api/v1/orgs/acme/files/presign HTTP/1.1\r\nHost: ${new URL(address).host}\r\n` +
  `Authorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n`;

async function answerOf({ address }: ServiceProcess, path: string, agent: Agent) {
  const [answer] = (await once(get(`${address}${path}`, { agent }), "response")) as [
    IncomingMessage,
  ];
  await text(answer);
  return { status: answer.statusCode ?? 0, closes: answer.headers.connection === "close" };
}
