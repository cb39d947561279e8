import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { once } from "node:events";
import { createServer } from "node:http";
import {
  answerBroken,
  answerUnreadable,
  HEADERS_LIMIT,
  HEADERS_TIMEOUT,
  refuseUnseen,
} from "./broken-request.ts";
import { Connections, type Exchange } from "./connections.ts";
import { type Listen, LONGEST_PAUSE, REQUEST_TIME } from "./listen.ts";
import { ExpectationFailed, Overloaded } from "../problems/refusals.ts";

/** Serves on `node:http`. */
export const listenNode: Listen = async ({
  host,
  port,
  fetch,
  maxConnections,
  untimedPaths = [],
  requestTime = REQUEST_TIME,
  longestPause = LONGEST_PAUSE,
  onFull,
}) => {
  const isUntimed = (url: string) => untimedPaths.some((path) => url.startsWith(`${path}/`));
  const connections = new Connections((url) => (isUntimed(url) ? Infinity : SWEEPS));
  const sweeper = setInterval(() => connections.sweep(), requestTime / SWEEPS);
  const handle = getRequestListener(
    (request, env) => {
      const { socket, url: target } = (env as HttpBindings).incoming;
      return fetch(request, { address: socket.remoteAddress, target });
    },
    // The application itself answers every other failure.
    { errorHandler: answerUnreadable },
  );
  const answer = ({ incoming, outgoing }: Exchange) => void handle(incoming, outgoing);
  const refuse = ({ outgoing }: Exchange) => {
    onFull?.("requests");
    refuseUnseen(outgoing, OVERLOADED);
  };

  const server = createServer(
    {
      maxHeaderSize: HEADERS_LIMIT,
      headersTimeout: HEADERS_TIMEOUT,
      connectionsCheckingInterval: 2_000,
      // An upload to the embedded store may take any time; `sweep` limits the others.
      requestTimeout: 0,
    },
    (incoming, outgoing) => connections.enter({ incoming, outgoing }, answer, refuse),
  );
  // Closes a connection on which no bytes move, within a request or between two.
  server.timeout = longestPause;
  // A separate time between requests would cost each of them two timers.
  server.keepAliveTimeout = 0;
  // Beyond a count Node would silently drop headers; their size is limited anyway.
  server.maxHeadersCount = 0;
  if (maxConnections !== undefined) server.maxConnections = maxConnections;
  server.on("drop", () => onFull?.("connections"));
  server.on("connection", (socket) => connections.open(socket));
  server.on("checkContinue", (incoming, outgoing) => {
    continueOnceRead({ incoming, outgoing });
    connections.enter({ incoming, outgoing }, answer, refuse);
  });
  server.on("checkExpectation", (incoming, outgoing) => {
    const refuseIt = () => refuseUnseen(outgoing, EXPECTATION_FAILED);
    connections.enter({ incoming, outgoing }, refuseIt, refuse);
  });
  server.on("clientError", (error, socket) =>
    connections.breakOff(socket, () => answerBroken(error, socket)),
  );
  server.listen(port, host);
  await once(server, "listening");
  return {
    waiting: () => connections.waiting,
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      connections.stop();
      await closed;
      clearInterval(sweeper);
    },
  };
};

/** Sweeps within the time of a request; one more passes while it waits for the first. */
const SWEEPS = 60;

const OVERLOADED = new Overloaded();
const EXPECTATION_FAILED = new ExpectationFailed();

/**
 * Sends `100 Continue` when the body is first read (RFC 9110, section 10.1.1), so that a client
 * does not have to send a body that is refused unread.
 */
function continueOnceRead({ incoming, outgoing }: Exchange): void {
  const onListener = (event: string | symbol) => {
    if (event !== "data") return;
    incoming.off("newListener", onListener);
    if (!outgoing.headersSent) outgoing.writeContinue();
  };
  incoming.on("newListener", onListener);
}
