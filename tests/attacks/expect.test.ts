import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { bearer, good, hostOf, JSON_TYPE, PRESIGN } from "./attack.ts";
import { exchange } from "./raw-request.ts";

let service: ServiceProcess;
beforeAll(async () => {
  service = await startProcess();
});
afterAll(() => service.stop());

const BODY = JSON.stringify(good);

const head = (line: string, ...headers: ReadonlyArray<string>) =>
  [
    `${line} HTTP/1.1`,
    `Host: ${hostOf(service)}`,
    ...headers,
    "Expect: 100-continue",
    `Content-Length: ${BODY.length}`,
    "\r\n",
  ].join("\r\n");

it.each([
  ["without a token", `POST ${PRESIGN}`, 401],
  ["for a path that does not exist", "POST /nowhere", 404],
  ["for the embedded store without a signature", "PUT /store/files/a", 403],
])(
  "a request %s is refused before the client is told to send its body",
  async (_, line, status) => {
    const { text } = await exchange(service.address, [head(line, JSON_TYPE)]);
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(text).toMatch(/\r\nConnection: close\r\n/i);
  },
);

it("a client with a valid token is told to send its body, and is then answered", async () => {
  const { hostname, port } = new URL(service.address);
  const socket = connect(Number(port), hostname);
  socket.write(head(`POST ${PRESIGN}`, JSON_TYPE, bearer(service.token)));
  const [told] = await once(socket, "data");
  expect(String(told)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  socket.write(BODY);
  const [answer] = await once(socket, "data");
  expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /);
  socket.destroy();
});
