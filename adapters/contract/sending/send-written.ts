import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { errorCode } from "../../values/thrown.ts";
import { type RawAnswer, answered, NoAnswer, sending } from "./exchange.ts";

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
 * within `silence` milliseconds.
 */
export async function sendWritten(
  method: string,
  url: string,
  request: {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array;
    readonly written: Written;
    readonly signal?: AbortSignal | undefined;
    readonly silence: number;
  },
): Promise<RawAnswer> {
  const { body, written, signal, silence } = request;
  const { protocol, hostname, host, port } = new URL(url);
  const path = url.replace(/^https?:\/\/[^/]+/, "");
  const headers = { ...request.headers, "Content-Length": `${body.length}` };
  const sent = { method, path, headers, body };
  sending(sent);
  // The brackets of an IPv6 address belong to the URL only.
  const name = hostname.replace(/^\[|\]$/g, "");
  const isTls = protocol === "https:";
  const socket = isTls
    ? tls.connect({
        host: name,
        port: Number(port || 443),
        ...(net.isIP(name) ? {} : { servername: name }),
      })
    : net.connect({ host: name, port: Number(port || 80) });
  signal?.addEventListener("abort", () => socket.destroy(new Error("aborted")), { once: true });
  socket.setTimeout(silence, () => socket.destroy(new NoAnswer("the store said nothing")));
  const lines = Object.entries({ Host: host, Connection: "close", ...headers });
  const { head, trailer } = written;
  const framing = trailer === undefined ? "" : "Transfer-Encoding: chunked\r\n";
  const started = `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}`;
  socket.write(`${started}${framing}${head}\r\n`, "latin1");
  if (trailer !== undefined) socket.write(`${body.length.toString(16)}\r\n`);
  socket.write(body);
  if (trailer !== undefined) socket.write(`\r\n0\r\n${trailer}\r\n`, "latin1");
  const pieces: Array<Buffer> = [];
  socket.on("data", (piece: Buffer) => pieces.push(piece));
  try {
    await once(socket, "end");
  } catch (cause) {
    if (!["ECONNRESET", "EPIPE"].includes(String(errorCode(cause)))) throw cause;
  } finally {
    socket.destroy();
  }
  return answered(sent, parse(Buffer.concat(pieces)));
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
