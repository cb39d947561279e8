import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import {
  type Attack,
  bearer,
  ended,
  good,
  granted,
  hostOf,
  JSON_TYPE,
  notFound,
  unknownAddress,
  type Outcome,
  PRESIGN,
  refused,
  type Site,
  wire,
} from "./attack.ts";
import type { Pieces } from "./raw-request.ts";

const invalid = refused(400, "INVALID_REQUEST");
const noJson = refused(415, "UNSUPPORTED_MEDIA_TYPE");
const noMethod = refused(405, "METHOD_NOT_ALLOWED");
const headersTooLarge = refused(431, "HEADERS_TOO_LARGE");
const body = JSON.stringify(good);
const LENGTH = `Content-Length: ${body.length}`;
const CHUNKED = "Transfer-Encoding: chunked";

/** The headers that tell the body's length, and the body. */
const FRAMES: ReadonlyArray<
  readonly [input: string, framing: ReadonlyArray<string>, body: string, outcome: Outcome]
> = [
  ["a length and chunks", [LENGTH, CHUNKED], `0\r\n\r\n${body}`, invalid],
  ["chunks and a length", [CHUNKED, LENGTH], `0\r\n\r\n${body}`, invalid],
  ["two lengths", [LENGTH, "Content-Length: 3"], body, invalid],
  ["the same length twice", [LENGTH, LENGTH], body, invalid],
  ["a list of lengths", [`${LENGTH}, 3`], body, invalid],
  ["a length below zero", ["Content-Length: -1"], body, invalid],
  ["a length with a plus", [`Content-Length: +${body.length}`], body, invalid],
  ["a length in hexadecimal", ["Content-Length: 0x10"], body, invalid],
  ["a length beyond 64 bits", ["Content-Length: 99999999999999999999999"], body, invalid],
  ["a space before a header's colon", ["Transfer-Encoding : chunked"], "0\r\n\r\n", invalid],
  [
    "a transfer coding that only ends like chunked",
    ["Transfer-Encoding: xchunked"],
    "0\r\n\r\n",
    invalid,
  ],
  [
    "a transfer coding behind chunked",
    ["Transfer-Encoding: chunked, identity"],
    "0\r\n\r\n",
    invalid,
  ],
  ["a chunk whose length is not a number", [CHUNKED], "zz\r\n{}\r\n0\r\n\r\n", invalid],
  [
    "a chunk whose length is beyond 64 bits",
    [CHUNKED],
    "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    invalid,
  ],
  ["64 kB behind a chunk's length", [CHUNKED], `2;${"x".repeat(65_536)}\r\n{}\r\n`, invalid],
  ["a token in the trailer", [CHUNKED], `2\r\n{}\r\n0\r\n${bearer("x")}\r\n\r\n`, invalid],
  ["a header over two lines", [LENGTH, "X-Note: a\r\n b"], body, invalid],
  ["NUL in a header", [LENGTH, "X-Note: a\u0000b"], body, invalid],
  ["a line that is not a header", [LENGTH, "no header"], body, invalid],
  ["a second token", [LENGTH, bearer("x")], body, refused(401, "UNAUTHENTICATED")],
  ["a second content type", [LENGTH, "Content-Type: text/html"], body, noJson],
  ["a content type twice", [LENGTH, JSON_TYPE], body, noJson],
  [
    "a header line that ends with a bare line feed",
    [LENGTH, "X-Note: a\nX-Other: b"],
    body,
    invalid,
  ],
  ["a header line of 64 kB", [LENGTH, `X-Note: ${"x".repeat(65_536)}`], body, headersTooLarge],
  [
    "8,000 headers",
    [LENGTH, ...Array.from({ length: 8000 }, () => "X-Note: y")],
    body,
    headersTooLarge,
  ],
  [
    "an Expect header that is not known",
    [LENGTH, "Expect: 200-maybe"],
    body,
    refused(417, "EXPECTATION_FAILED"),
  ],
  ["an Upgrade to another protocol", [LENGTH, "Upgrade: h2c"], body, granted()],
];

const post = (target: string) => `POST ${target} HTTP/1.1`;

/** The first line of a request whose rest is good. */
const LINES: ReadonlyArray<readonly [input: string, line: string, outcome: Outcome]> = [
  ["the method TRACE", `TRACE ${PRESIGN} HTTP/1.1`, noMethod],
  ["the method CONNECT", "CONNECT evil.test:443 HTTP/1.1", ended],
  ["a method of another protocol", `PROPFIND ${PRESIGN} HTTP/1.1`, noMethod],
  ["a method to clear caches", `PURGE ${PRESIGN} HTTP/1.1`, noMethod],
  ["a method that does not exist", `BREW ${PRESIGN} HTTP/1.1`, invalid],
  ["a method in small letters", `post ${PRESIGN} HTTP/1.1`, invalid],
  ["a protocol that does not exist", `POST ${PRESIGN} HTTP/9.9`, invalid],
  ["an absolute address of another host", post(`http://evil.test${PRESIGN}`), granted()],
  ["an absolute https address of another host", post(`https://evil.test${PRESIGN}`), granted()],
  ["an absolute address of a file", post("file:///etc/passwd"), invalid],
  ["an absolute address of another protocol", post(`ftp://evil.test${PRESIGN}`), invalid],
  ["an address whose host breaks off", post(`http://[evil${PRESIGN}`), invalid],
  ["an asterisk in the place of a path", post("*"), invalid],
  ["another host behind two slashes", post(`//evil.test${PRESIGN}`), unknownAddress],
  ["another host behind backslashes", post(`\\\\evil.test${PRESIGN}`), invalid],
  ["a path in capitals", post(PRESIGN.toUpperCase()), unknownAddress],
  ["a slash at the end of its path", post(`${PRESIGN}/`), unknownAddress],
  ["a path out of the page's folder", post("/page.js/../../../package.json"), notFound],
  [
    "a percent-encoded path out of the page's folder",
    post("/%2e%2e/%2e%2e/package.json"),
    notFound,
  ],
  [
    "a path out of the page's folder with encoded slashes",
    post("/..%2f..%2fpackage.json"),
    notFound,
  ],
  ["an address of 64 kB", post(`/${"x".repeat(65_536)}`), headersTooLarge],
];

const authorized = ({ dev }: Site) => ({
  host: hostOf(dev),
  headers: [bearer(dev.token), JSON_TYPE],
});

/** 100 MB, made as they are sent. */
function* megabytes(before: string, after: string): Generator<string> {
  const piece = before + "x".repeat(65_536) + after;
  for (let sent = 0; sent < HUGE; sent += 65_536) yield piece;
}

const HUGE = 100 * 1024 * 1024;

/** Refused, or cut off so that the refusal is lost, but never read to its end. */
const cutOff: Outcome = {
  says: "is refused with 413, or cut off, long before its end",
  check: ({ status, sent, text }) => {
    expect([413, 0], text).toContain(status);
    expect(sent).toBeLessThan(HUGE / 4);
  },
};

export const http: ReadonlyArray<Attack> = [
  ...FRAMES.map(([input, framing, body, outcome]): Attack => ({
    input: `a request with ${input}`,
    to: "dev",
    request: (site) => wire({ ...authorized(site), framing, body }),
    outcome,
  })),
  ...LINES.map(([input, line, outcome]): Attack => ({
    input: `a request with ${input}`,
    to: "dev",
    request: (site) => wire({ ...authorized(site), line, body }),
    outcome,
  })),
  ...[
    { input: "a connection that sends no HTTP", bytes: "hello\r\n\r\n" },
    { input: "a connection that begins with HTTP/2", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
    {
      input: "a connection that begins with TLS",
      bytes: Buffer.from("16030100a5010000a10303", "hex"),
    },
    { input: "a connection that sends only NUL", bytes: Buffer.alloc(1024) },
  ].map(({ input, bytes }): Attack => ({
    input,
    to: "dev",
    request: () => [bytes],
    outcome: invalid,
  })),
  {
    input: "a body of 100 MB with its length",
    to: "dev",
    request: (site) =>
      inTurn(
        wire({ ...authorized(site), framing: [`Content-Length: ${HUGE}`] }),
        megabytes("", ""),
      ),
    outcome: cutOff,
  },
  {
    input: "a body of 100 MB in chunks",
    to: "dev",
    request: (site) =>
      inTurn(wire({ ...authorized(site), framing: [CHUNKED] }), megabytes("10000\r\n", "\r\n")),
    outcome: cutOff,
  },
];

const late = refused(408, "REQUEST_TIMEOUT");

/** Text over and over, one byte at a time. */
async function* dribble(text: string): AsyncGenerator<string> {
  for (;;) {
    for (const letter of text) {
      yield letter;
      await pause(250);
      // An answer that has arrived is read first: what is sent after it would reset the connection.
      await nextTurn();
    }
  }
}

async function* inTurn(...parts: ReadonlyArray<Pieces>): AsyncGenerator<Uint8Array | string> {
  for (const part of parts) yield* part;
}

/** Requests that are sent slowly. */
export const slow: ReadonlyArray<Attack> = [
  { input: "half of a request line", to: "dev", request: () => ["POST /api"], outcome: late },
  {
    input: "a request whose headers come a byte at a time",
    to: "dev",
    request: () => inTurn([`POST ${PRESIGN} HTTP/1.1\r\n`], dribble("X-Note: a\r\n")),
    outcome: late,
  },
  {
    input: "a request whose body comes a byte at a time",
    to: "dev",
    request: (site) =>
      inTurn(wire({ ...authorized(site), framing: ["Content-Length: 16000"] }), dribble(" ")),
    outcome: late,
  },
  {
    input: "a request whose chunks come a byte at a time",
    to: "dev",
    request: (site) =>
      inTurn(wire({ ...authorized(site), framing: [CHUNKED] }), dribble("1\r\n \r\n")),
    outcome: late,
  },
];
