import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Requests that are to be sent. */
export interface Load {
  readonly port: number;
  readonly connections: number;
  /** The next request, whole, as HTTP/1.1 has it. */
  readonly request: () => string;
  /** Whether that many are enough; asked before each. */
  readonly isEnough: (sent: number) => boolean;
}

/**
 * Sends requests over so many connections at once, each its next when its last was answered, and
 * gives how many were. Rejects at an answer other than 200. It does as little as it can, so that
 * the server is what is waited for.
 */
export async function sendLoad({ port, connections, request, isEnough }: Load): Promise<number> {
  let sent = 0;
  const sendAll = async () => {
    const socket = connect(port, "127.0.0.1").setNoDelay().setEncoding("latin1");
    await once(socket, "connect");
    await new Promise<void>((resolve, reject) => {
      const next = () => {
        if (isEnough(sent)) resolve();
        else {
          sent += 1;
          socket.write(request(), "latin1");
        }
      };
      onEachAnswer(socket, (status) => {
        if (status === "200") next();
        else reject(new Error(`the server on port ${port} answered ${status}`));
      });
      socket.once("error", reject).once("end", () => reject(new Error(`port ${port} was closed`)));
      next();
    });
    socket.destroy();
  };
  await Promise.all(Array.from({ length: connections }, sendAll));
  return sent;
}

/** Calls with the status of each answer once all of it is there. */
function onEachAnswer(socket: Socket, answered: (status: string) => void): void {
  let text = "";
  socket.on("data", (chunk: string) => {
    text += chunk;
    const head = text.indexOf("\r\n\r\n");
    if (head < 0) return;
    const length = LENGTH.exec(text.slice(0, head))?.[1];
    const isWhole =
      length === undefined
        ? text.endsWith("\r\n0\r\n\r\n")
        : text.length >= head + 4 + Number(length);
    if (!isWhole) return;
    const status = text.slice(9, 12);
    text = "";
    answered(status);
  });
}

const LENGTH = /\r\ncontent-length: *(\d+)/i;

/** A request to presign, whole. */
export function presignRequest({
  token,
  slug = "acme",
  path = `/api/v1/orgs/${slug}/files/presign`,
  body = BODY,
}: {
  readonly token: string;
  readonly slug?: string;
  readonly path?: string;
  readonly body?: string;
}): string {
  return [
    `POST ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    `Authorization: Bearer ${token}`,
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}

const BODY = JSON.stringify({ filename: "a.png", content_type: "image/png", size: 123_456 });
