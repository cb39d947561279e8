import { connect, type Socket } from "node:net";

/** Everything that came back before the connection ended. */
export interface RawAnswer {
  /** 0 if the connection ended without an answer. */
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** The whole answer, as it came. */
  readonly text: string;
  /** How much was sent, in bytes. */
  readonly sent: number;
}

/** What is written to a connection, piece by piece, as long as the other side reads it. */
export type Pieces = Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>;

/**
 * Writes pieces to a connection exactly as they are, and reads until the service ends it. Nothing
 * more is written once an answer begins.
 */
export async function exchange(address: string, pieces: Pieces): Promise<RawAnswer> {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname);
  const received: Array<Buffer> = [];
  const closed = next(socket, "close");
  socket.on("data", (piece: Buffer) => received.push(piece));
  // In some attacks the service closes the connection while it is written to.
  socket.on("error", () => undefined);
  await Promise.race([next(socket, "connect"), closed]);
  let sent = 0;
  for await (const piece of pieces) {
    if (received.length > 0 || socket.destroyed) break;
    sent += Buffer.byteLength(piece);
    if (!socket.write(piece)) await canWrite(socket);
  }
  await closed;
  return { ...parse(Buffer.concat(received).toString("latin1")), sent };
}

/** Waits until more can be written, or an answer or the end makes that pointless. */
const canWrite = (socket: Socket) =>
  Promise.race(["drain", "data", "close"].map((event) => next(socket, event)));

/** Unlike `once` of `node:events` it ignores errors, which are followed by `close`. */
const next = (socket: Socket, event: string) =>
  new Promise<void>((resolve) => void socket.once(event, () => resolve()));

function parse(text: string) {
  const [head = "", ...rest] = text.replace(/^HTTP\/1\.1 100 .*\r\n\r\n/, "").split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0);
  const body = rest.join("\r\n\r\n");
  const isChunked = headers.get("transfer-encoding") === "chunked";
  return { status, headers, body: isChunked ? joinChunks(body) : body, text };
}

/** RFC 9112, section 7.1. */
function joinChunks(body: string): string {
  const end = body.indexOf("\r\n");
  const size = Number.parseInt(body.slice(0, end), 16);
  if (!(size > 0)) return "";
  const start = end + 2;
  return body.slice(start, start + size) + joinChunks(body.slice(start + size + 2));
}
