import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Listening } from "../../adapters/http/server/listen.ts";
import { listenNode } from "../../adapters/http/server/listen-node.ts";
import { freePort } from "../support/free-port.ts";

// The listener with limits short enough for a test.

let server: Listening;
let port: number;
/** Paths whose answer was broken off. */
const brokenOff = new Set<string>();
let noteBrokenOff: () => void = () => undefined;

beforeAll(async () => {
  port = await freePort();
  server = await listen(port, { longestPause: 1_500 });
});
afterAll(() => server.stop());

const listen = (at: number, limits: { readonly longestPause?: number } = {}) =>
  listenNode({
    host: "127.0.0.1",
    port: at,
    untimedPaths: ["/store"],
    requestTime: 500,
    ...limits,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      if (request.method === "PUT") return new Response(await request.text());
      if (!pathname.endsWith("/endless")) return new Response("short");
      return new Response(
        new ReadableStream<Uint8Array>({
          pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
          cancel: () => {
            brokenOff.add(pathname);
            noteBrokenOff();
          },
        }),
      );
    },
  });

it("a connection on which no body arrives is closed, whatever its path", async () => {
  for (const line of ["GET /healthz", "POST /nowhere", "PUT /nowhere"]) {
    const socket = await open(`${line} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345`);
    // Reads until the connection ends, which shows that it is closed.
    await text(socket).catch(() => "");
  }
});

it("a connection is kept between requests, and closed once it stands still for too long", async () => {
  const socket = await open("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
  const [first] = await once(socket, "data");
  expect(String(first)).toMatch(/^HTTP\/1\.1 200 /);
  // Clients that are told a time would close it, or fear that it is closed, before ours ends.
  expect(String(first)).not.toMatch(/^keep-alive: /im);
  socket.write("GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
});

it("a connection whose answer is not read in time is closed", async () => {
  await isBrokenOff("/endless", "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
});

it("a connection whose download is not read at all is closed", async () => {
  await isBrokenOff("/store/endless", "GET /store/endless HTTP/1.1\r\nHost: a\r\n\r\n");
});

it("an object may take longer to upload than other requests, as long as bytes flow", async () => {
  // Where a connection may stand still for longer than the other requests take on a busy machine.
  const own = await freePort();
  const { stop } = await listen(own);
  const length = "Content-Length: 4";
  const upload = await open(`PUT /store/a HTTP/1.1\r\nHost: a\r\n${length}\r\n\r\n1`, own);
  for (const piece of ["2", "3", "4"]) {
    // Each of these requests takes as long as a request on another path may take.
    const late = await open("PUT /late HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n1", own);
    await text(late).catch(() => "");
    upload.write(piece);
  }
  const [answer] = await once(upload, "data");
  expect(String(answer)).toMatch(/^HTTP\/1\.1 200 [^]*1234$/);
  upload.destroy();
  await stop();
});

async function open(request: string, at = port): Promise<Socket> {
  const socket = connect(at, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(request);
  return socket;
}

async function isBrokenOff(path: string, request: string): Promise<void> {
  const done = new Promise<void>((resolve) => (noteBrokenOff = resolve));
  const socket = await open(request);
  socket.pause();
  while (!brokenOff.has(path)) await done;
  socket.destroy();
}
