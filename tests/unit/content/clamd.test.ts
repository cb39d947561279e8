import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { settings } from "../../../adapters/content/settings.ts";
import { pieces, verdictAt } from "../../support/clamd.ts";

const MIB = 2 ** 20;

const endsFile = (data: Buffer | string) => Buffer.from(data).subarray(-4).equals(Buffer.alloc(4));

async function* endless() {
  for (;;) {
    yield new Uint8Array(MIB);
    await new Promise(setImmediate);
  }
}

/** A server that finds the EICAR test file in the first two connections, and then does this. */
async function pretender(then: (socket: Socket) => unknown) {
  let connections = 0;
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    connections++;
    if (connections <= 2) {
      socket.on("data", (data) => {
        if (endsFile(data)) socket.end("stream: Eicar FOUND\0");
      });
    } else then(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const whole = (answer: string) => (socket: Socket) =>
  socket.on("data", (data) => {
    if (endsFile(data)) socket.end(answer);
  });

const file = pieces(Buffer.from("text"));

it("a server that is not clamd gives a verdict only in the words of clamd", async () => {
  expect(await verdictAt(await pretender(whole("stream: OK\0")), file)).toBe("clean");
  for (const answer of [
    "",
    "stream: OK",
    "OK\0",
    "stream: OK\0stream: Eicar FOUND\0",
    "stream: Eicar FOUND\0stream: OK\0",
    "stream: OK\n\0",
    "stream:  FOUND\0",
    "stream: a b FOUND\0",
    "stream: Time limit reached ERROR\0",
    "HTTP/1.1 200 OK\r\n\r\n\0",
  ]) {
    expect(await verdictAt(await pretender(whole(answer)), file), answer).toMatch(/^clamd/);
  }
});

it("a megabyte as an answer is cut", async () => {
  const address = await pretender(whole("x".repeat(MIB)));
  expect(await verdictAt(address, file)).toMatch(/too long/);
});

it("clean before the end of the file is a lie", async () => {
  const address = await pretender((socket) => socket.write("stream: OK\0"));
  expect(await verdictAt(address, endless)).toMatch(/before it had the whole file/);
});

it("a connection that closes in the middle is no verdict", async () => {
  const address = await pretender((socket) => socket.once("data", () => socket.destroy()));
  expect(await verdictAt(address, file)).toMatch(/^clamd/);
});

it("addresses are a host with its port, or a path", () => {
  const { decode } = settings.clamd;
  const read = (text: string) => decode(text);
  expect(read("127.0.0.1:3310")).toMatchObject({ success: { host: "127.0.0.1", port: 3310 } });
  expect(read("[::1]:3310")).toMatchObject({ success: { host: "::1", port: 3310 } });
  expect(read("/run/clamd.ctl")).toMatchObject({ success: { path: "/run/clamd.ctl" } });
  for (const text of ["clamd", "clamd:0", "clamd:65536", "a b:1", "tcp://clamd:3310", "::1:3310"]) {
    expect(read(text), text).toHaveProperty("failure");
  }
});
