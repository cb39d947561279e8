import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  answerBroken,
  answerUnreadable,
  HEADERS_LIMIT,
  HEADERS_TIMEOUT,
} from "./broken-request.ts";
import type { Listen } from "./listen.ts";

/** Serves on `node:http`. */
export const listenNode: Listen = async ({ host, port, fetch }) => {
  const server = createServer(
    {
      maxHeaderSize: HEADERS_LIMIT,
      headersTimeout: HEADERS_TIMEOUT,
      connectionsCheckingInterval: 2_000,
      // An upload to the embedded store may take as long as it moves; the API has its own limit.
      requestTimeout: 0,
    },
    getRequestListener(
      (request, env) => {
        const { socket, url: target } = (env as HttpBindings).incoming;
        return fetch(request, { address: socket.remoteAddress, target });
      },
      // All else that fails is answered by the application itself.
      { errorHandler: answerUnreadable },
    ),
  );
  // Past a count Node would drop headers and say nothing; their size is limited anyway.
  server.maxHeadersCount = 0;
  server.on("clientError", answerBroken);
  // As many listeners as a connection has requests are no leak.
  server.on("connection", (socket) => socket.setMaxListeners(0));
  server.on("request", endWithConnection);
  server.listen(port, host);
  await once(server, "listening");
  return {
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
};

/**
 * Ends an answer with its connection. Node itself tells that only to the answer that is being
 * sent, and not to those of pipelined requests that wait behind it.
 */
function endWithConnection({ socket }: IncomingMessage, answer: ServerResponse): void {
  const end = () => {
    if (answer.socket === null && !answer.writableFinished) {
      answer.destroy();
      answer.emit("close");
    }
  };
  socket.once("close", end);
  answer.once("close", () => socket.off("close", end));
}
