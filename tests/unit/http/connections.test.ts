import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { Connections, type Exchange } from "../../../adapters/http/server/connections.ts";
import { MAX_REQUESTS } from "../../../adapters/http/server/listen.ts";

/** How many requests go on one connection. */
const EACH = 100;

it("requests behind one whose connection broke count no longer", () => {
  const connections = new Connections(() => 60);
  const outcomes: Array<string> = [];
  const enter = (socket: PassThrough) => {
    const incoming = { socket, url: "/", complete: true };
    const exchange = { incoming, outgoing: new EventEmitter() } as unknown as Exchange;
    connections.enter(
      exchange,
      () => outcomes.push("answered"),
      () => outcomes.push("refused"),
    );
    return exchange;
  };
  const open = () => {
    const socket = new PassThrough();
    connections.open(socket as unknown as Socket);
    return socket;
  };
  const lines = Array.from({ length: MAX_REQUESTS / EACH }, () => {
    const socket = open();
    const [first] = Array.from({ length: EACH }, () => enter(socket));
    return { socket, first };
  });
  enter(open());
  expect(outcomes).toEqual([...lines.map(() => "answered"), "refused"]);
  for (const { socket, first } of lines) {
    socket.destroy();
    first?.outgoing.emit("close");
  }
  for (let time = 0; time < EACH; time++) enter(open());
  expect(outcomes.slice(-EACH)).toEqual(Array(EACH).fill("answered"));
});
