import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { errorCode } from "../../values/thrown.ts";
import { addressIn, connecting, LARGEST_ANSWER, longestSilence, NoAnswer } from "./exchange.ts";
import type { RawAnswer, SentRequest } from "./exchange.ts";

/** Header lines as they go over the wire; clients refuse to send some of them. */
export interface Written {
  /** Lines that each end with CRLF. */
  readonly head: string;
  /** Lines behind a body in chunks. */
  readonly trailer?: string;
}

/** The answer of a server that ended the connection without one. */
const CUT = { status: 0, headers: {}, body: Buffer.alloc(0) };

/**
 * Sends a request whose further headers are written as they are given. A connection that the server
 * cuts counts as a refusal. Fails with an error of Node if there is no connection, or no answer
 * within the longest silence.
 */
export async function exchangeWritten(
  { method, url, headers, body = "" }: SentRequest,
  { head, trailer }: Written,
  signal: AbortSignal,
): Promise<Omit<RawAnswer, "ok">> {
  const { isTls, host, port, path } = addressIn(url);
  const to = { host, port, ...connecting(url) };
  const socket = isTls
    ? tls.connect({ ...to, ...(net.isIP(host) ? {} : { servername: host }) })
    : net.connect(to);
  signal.addEventListener("abort", () => socket.destroy(new Error("aborted")), { once: true });
  socket.setTimeout(longestSilence(), () => socket.destroy(new NoAnswer("the store said nothing")));
  const lines = Object.entries({ Host: new URL(url).host, Connection: "close", ...headers });
  const framing = trailer === undefined ? "" : "Transfer-Encoding: chunked\r\n";
  const started = `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}`;
  socket.write(`${started}${framing}${head}\r\n`, "latin1");
  if (trailer !== undefined) socket.write(`${Buffer.byteLength(body).toString(16)}\r\n`);
  socket.write(body);
  if (trailer !== undefined) socket.write(`\r\n0\r\n${trailer}\r\n`, "latin1");
  const pieces: Array<Buffer> = [];
  let room = LARGEST_ANSWER;
  socket.on("data", (piece: Buffer) => {
    room -= piece.length;
    pieces.push(piece);
    if (room < 0) socket.destroy(new Error("the answer is too large"));
  });
  try {
    await once(socket, "end");
  } catch (cause) {
    if (!["ECONNRESET", "EPIPE"].includes(String(errorCode(cause)))) throw cause;
  } finally {
    socket.destroy();
  }
  return parse(Buffer.concat(pieces));
}

function parse(bytes: Buffer): Omit<RawAnswer, "ok"> {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return CUT;
  const [status = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status: Number(status.split(" ")[1]), headers, body: bytes.subarray(end + 4) };
}
