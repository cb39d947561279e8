import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { isProbe, MAX_REQUESTS } from "./listen.ts";

/** Most requests that wait on a connection behind the one that is being answered. */
const MAX_WAITING = 100;

export interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

interface Line {
  current?: Exchange | undefined;
  /** In the order of their arrival, each with the function that starts its answer. */
  readonly waiting: Array<{ readonly exchange?: Exchange; readonly begin: () => void }>;
  /** True if everything that arrives from now on is ignored. */
  isClosed: boolean;
  /**
   * The request whose answer began last, and how many sweeps its body and answer may still take.
   */
  last?: IncomingMessage | undefined;
  sweepsLeft: number;
}

/**
 * The connections of a Node server. The requests of each are answered one after another: Node
 * itself hands over all pipelined requests at once, and keeps their answers in memory until the
 * client reads them.
 */
export class Connections {
  readonly #sweepsFor: (url: string) => number;
  /** The number of requests that are being answered or waiting. */
  #underWay = 0;
  readonly #lines = new Map<Duplex, Line>();
  #isStopping = false;

  /** `sweepsFor` returns how many sweeps a request may take with its body and answer. */
  constructor(sweepsFor: (url: string) => number) {
    this.#sweepsFor = sweepsFor;
  }

  /** The number of requests that wait for the answer to an earlier one. */
  get waiting(): number {
    return [...this.#lines.values()].reduce((sum, { waiting }) => sum + waiting.length, 0);
  }

  open(socket: Socket): void {
    this.#lines.set(socket, { waiting: [], isClosed: false, sweepsLeft: Infinity });
    socket.once("close", () => this.#lines.delete(socket));
  }

  /**
   * Answers a request by `answer` once those before it are answered. If too many requests wait or
   * are under way, `refuse` answers it, and everything that the client sends after it is ignored.
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
      line.waiting.length === MAX_WAITING || (this.#underWay >= MAX_REQUESTS && !isProbe(url));
    const respond = line.isClosed ? refuse : answer;
    this.#underWay++;
    if (line.current === undefined) this.#begin(line, exchange, respond);
    else line.waiting.push({ exchange, begin: () => this.#begin(line, exchange, respond) });
  }

  /**
   * Closes a connection on which something other than HTTP arrived, by `end`, once the requests
   * before it are answered. It never writes into an answer under way.
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
      // The last waiting request is the broken one.
      line.waiting.pop();
      this.#underWay--;
      line.waiting.push({ begin: end });
    } else if (last.outgoing.headersSent) {
      line.waiting.push({ begin: () => socket.destroy() });
    } else end();
  }

  /**
   * Closes each connection whose request has used up its sweeps. A timer for each request would
   * cost more than reading its headers.
   */
  sweep(): void {
    for (const [socket, line] of this.#lines) {
      const isOver = line.current === undefined && line.last?.complete !== false;
      if (line.sweepsLeft-- <= 0 && !isOver) socket.destroy();
    }
  }

  /** Closes each connection as soon as all its requests are answered. */
  stop(): void {
    this.#isStopping = true;
    for (const [socket, { current }] of this.#lines) if (current === undefined) socket.destroy();
  }

  #begin(line: Line, exchange: Exchange, answer: (exchange: Exchange) => void): void {
    line.current = exchange;
    line.last = exchange.incoming;
    line.sweepsLeft = this.#sweepsFor(exchange.incoming.url ?? "");
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
