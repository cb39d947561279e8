import type * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type { EventsUnavailable } from "../../domain/errors.ts";

/** An event as it is stored and sent. */
export interface Message {
  /** The same for the same event, however often it is published. */
  readonly id: string;
  /** Messages of one lane are delivered in the order in which they were put. */
  readonly lane: string;
  readonly body: string;
}

/** A message that this process alone may send until `LEASE` is over. */
export interface Attempt extends Message {
  /** Counted from 1; another process that takes the message over has the next. */
  readonly attempt: number;
  /** The span of the request that put it, if it was in this process. */
  readonly trace?: Context.Context<never> | undefined;
}

export type State = "waiting" | "delivered" | "dead";

export interface QueuedEvent extends Message {
  readonly state: State;
  readonly attempts: number;
  /** Reason why the last attempt failed. */
  readonly failure?: string;
  /** Time of the next or last attempt, in milliseconds since 1970. */
  readonly at: number;
}

export type Outcome =
  | { readonly state: "delivered" }
  | { readonly state: "dead"; readonly failure: string }
  /** `after` is in milliseconds. */
  | { readonly state: "waiting"; readonly failure: string; readonly after: number };

type OutboxEffect<A> = Effect.Effect<A, EventsUnavailable>;

/** Keeps messages until they are delivered, through crashes and restarts, for all processes. */
export interface Outbox {
  /** Does nothing if the id is known. Fails if `MOST_WAITING` wait already. */
  readonly put: (message: Message) => OutboxEffect<unknown>;
  /** Takes the oldest due message that is the first of its lane. */
  readonly claim: OutboxEffect<Attempt | undefined>;
  /** Does nothing if another process has taken the message over. */
  readonly settle: (attempt: Attempt, outcome: Outcome) => OutboxEffect<unknown>;
  readonly list: (
    state: State,
    page: { readonly limit: number },
  ) => OutboxEffect<ReadonlyArray<QueuedEvent>>;
  readonly find: (id: string) => OutboxEffect<QueuedEvent | undefined>;
  /** Puts the message back into the queue; false if there is none with that id. */
  readonly resend: (id: string) => OutboxEffect<boolean>;
  readonly drop: (id: string) => OutboxEffect<boolean>;
  /** Fails if messages cannot be kept. */
  readonly check: OutboxEffect<unknown>;
  readonly counts: OutboxEffect<Readonly<Record<"waiting" | "dead", number>>>;
  /** Forgets messages delivered or given up long ago. */
  readonly forget: OutboxEffect<unknown>;
}

/** Longer than an attempt, in milliseconds. */
export const LEASE = 60_000;

/** More are refused, so that the oldest stay. */
export const MOST_WAITING = 100_000;
export const full = (most: number) =>
  `the queue of events is full: ${most} wait for their receiver`;

const DAY = 24 * 60 * 60 * 1000;
/** As long as a receipt can be confirmed again, which publishes its event again. */
export const KEEP_DELIVERED = 10 * DAY;
export const KEEP_DEAD = 30 * DAY;
