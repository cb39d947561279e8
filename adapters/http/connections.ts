import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { isProbe, MAX_REQUESTS } from "./listen.ts";

/** How many requests may wait on a connection behind the one that is being answered. */
const WAITING = 100;

/** A request and its answer. */
export interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/** What is under way on a connection. */
interface Line {
  current?: Exchange | undefined;
  /** Each with what begins its answer, in the order of their arrival. */
  readonly waiting: Array<{ readonly exchange?: Exchange; readonly begin: () => void }>;
  /** Whether nothing that comes after those waiting is looked at. */
  isClosed: boolean;
}

/**
 * The connections of a server of Node's, on each of which one request is answered after another.
 * Node hands over all that a client has pipelined at once, and keeps the answers in memory until
 * they are read.
 */
export class Connections {
  /** How many requests are being answered or waiting. */
  #underWay = 0;
  readonly #lines = new Map<Duplex, Line>();
  #isStopping = false;

  /** Takes notice of a new connection. */
  open(socket: Socket): void {
    this.#lines.set(socket, { waiting: [], isClosed: false });
    socket.once("close", () => this.#lines.delete(socket));
  }

  /**
   * Answers a request by `answer` when those before it are answered. Where too many are waiting or
   * under way it is answered by `refuse`, and what its client sends after it is not looked at.
   */
  enter(
    exchange: Exchange,
    answer: (exchange: Exchange) => void,
    refuse: (exchange: Exchange) => void,
  ): void {
    const { socket, url = "" } = exchange.incoming;
    const line = this.#lines.get(socket);
    if (line === undefined || line.isClosed) return;
    line.isClosed =
      line.waiting.length === WAITING || (this.#underWay >= MAX_REQUESTS && !isProbe(url));
    const begin = this.#begin.bind(this, line, exchange, line.isClosed ? refuse : answer);
    this.#underWay++;
    if (line.current === undefined) begin();
    else line.waiting.push({ exchange, begin });
  }

  /**
   * Ends a connection on which something came that is no request, by `end`, when what came before
   * it has been answered. An answer that is under way is not written into.
   */
  breakOff(socket: Duplex, end: () => void): void {
    const line = this.#lines.get(socket);
    if (line === undefined) return end();
    if (line.isClosed) return;
    line.isClosed = true;
    const last = line.waiting.at(-1)?.exchange ?? line.current;
    if (last === undefined) return end();
    if (last.incoming.complete) {
      line.waiting.push({ begin: end });
    } else if (last !== line.current) {
      // The last of those waiting is what is broken.
      line.waiting.pop();
      this.#underWay--;
      line.waiting.push({ begin: end });
    } else if (last.outgoing.headersSent) {
      line.waiting.push({ begin: () => socket.destroy() });
    } else end();
  }

  /** Ends each connection as soon as all that came over it has been answered. */
  stop(): void {
    this.#isStopping = true;
    for (const [socket, { current }] of this.#lines) if (current === undefined) socket.destroy();
  }

  #begin(line: Line, exchange: Exchange, answer: (exchange: Exchange) => void): void {
    line.current = exchange;
    exchange.outgoing.once("close", () => this.#next(line, exchange.incoming.socket));
    answer(exchange);
  }

  #next(line: Line, socket: Socket): void {
    this.#underWay--;
    line.current = undefined;
    if (socket.destroyed) {
      this.#underWay -= line.waiting.filter(({ exchange }) => exchange !== undefined).length;
      line.waiting.length = 0;
      return;
    }
    const next = line.waiting.shift();
    if (next !== undefined) next.begin();
    else if (this.#isStopping) socket.destroySoon();
  }
}
