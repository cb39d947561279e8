import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";

let service: ServiceProcess;
beforeAll(async () => {
  service = await startProcess();
});
afterAll(async () => {
  expect(await service.stop()).toBe(0);
});

it.concurrent.each([
  ["GET", "Content-Length: 9000000"],
  ["HEAD", "Content-Length: 9000000"],
  ["OPTIONS", "Content-Length: 9000000"],
  ["GET", "Transfer-Encoding: chunked"],
])("a %s with a body (%s) is answered, and its connection is closed", async (method, length) => {
  const { host, hostname, port } = new URL(service.address);
  for (const path of ["/store/files/a", "/healthz"]) {
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${length}\r\n\r\n`);
    // A body that never ends; the service may have closed the connection before.
    const dribbling = setInterval(() => socket.write("1\r\nx\r\n"), 20);
    let answer = "";
    // What came counts, also where a write fails afterwards.
    socket.setEncoding("utf8").on("data", (part: string) => (answer += part));
    socket.on("error", () => undefined);
    await new Promise((resolve) => socket.once("close", resolve));
    clearInterval(dribbling);
    expect(answer).toMatch(/^HTTP\/1\.1 \d{3} /);
    expect(answer).toMatch(/^connection: close\r$/im);
  }
});
