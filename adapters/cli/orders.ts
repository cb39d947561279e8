import * as Effect from "effect/Effect";
import * as Queue from "effect/Queue";
import * as Result from "effect/Result";
import type { Worker } from "node:cluster";
import { type Configuration, configurationFrom } from "./configuration.ts";
import type { Server } from "./make-reload.ts";
import { orFail } from "./settings.ts";

/** In milliseconds. */
const ANSWER_TIMEOUT = 10_000;

/** From the primary to a worker, which carries them out in order. */
type Order =
  | { readonly prepare: Written }
  | { readonly commit: true }
  | { readonly refuse: string };

/** From a worker to the primary; the reason why it could not prepare, if any. */
type Answer = { readonly starts: true } | { readonly prepared: string | null };

/** A configuration as workers read it: no worker reads files of its own. */
type Written = Pick<Configuration, "env"> & {
  readonly files: ReadonlyArray<readonly [path: string, text: string]>;
};

const write = ({ env, files }: Configuration): Written => ({
  env,
  files: [...files].flatMap(([path, text]) =>
    Result.isSuccess(text) ? [[path, text.success] as const] : [],
  ),
});

// A worker that has just ended hears nothing.
const order = ({ process }: Worker, order: Order) =>
  void (process.connected && process.send(order, undefined, undefined, () => undefined));

const answer = (answer: Answer) => void process.send?.(answer);

/**
 * Lets workers serve the configuration that the primary has read: all of them, or none if one cannot.
 * A worker that starts gets the one in force.
 */
export function commandWorkers(first: Configuration) {
  const started = new Set<Worker>();
  const votes = new Map<Worker, (reason?: string) => void>();
  let inForce = first;
  let next = first;
  let refused: string | undefined;
  const orderAll = (message: Order) => started.forEach((worker) => order(worker, message));
  const ask = (worker: Worker) =>
    new Promise<string | undefined>((resolve) => {
      votes.set(worker, resolve);
      setTimeout(resolve, ANSWER_TIMEOUT, "a worker does not answer").unref();
      order(worker, { prepare: write(next) });
    });

  const server: Server = {
    prepare: Effect.fnUntraced(function* (configuration) {
      next = configuration;
      const reasons = yield* Effect.promise(() => Promise.all([...started].map(ask)));
      const reason = reasons.find((reason) => reason !== undefined);
      if (reason !== undefined) yield* Effect.fail(reason);
    }),
    commit: Effect.sync(() => {
      inForce = next;
      refused = undefined;
      orderAll({ commit: true });
    }),
    refuse: (reason) =>
      Effect.sync(() => {
        next = inForce;
        refused = reason;
        orderAll({ refuse: reason });
      }),
  };
  return {
    server,
    settings: () => inForce.settings,
    add: (worker: Worker) => {
      worker.on("message", (answer: Answer) => {
        // There are messages about other things too.
        if (typeof answer !== "object") return;
        if ("prepared" in answer) return votes.get(worker)?.(answer.prepared ?? undefined);
        if (!("starts" in answer)) return;
        started.add(worker);
        order(worker, { prepare: write(inForce) });
        if (refused !== undefined) order(worker, { refuse: refused });
        // It takes part in the reload under way, without a vote.
        if (next !== inForce) order(worker, { prepare: write(next) });
      });
      worker.once("exit", () => {
        started.delete(worker);
        votes.get(worker)?.();
        votes.delete(worker);
      });
    },
  };
}

/** Takes the configuration that the primary gives a worker to begin with, and its orders after that. */
export const obeyPrimary = Effect.gen(function* () {
  const orders = yield* Queue.unbounded<Order>();
  process.on("message", (order: Order) => {
    if ("prepare" in order || "commit" in order || "refuse" in order) {
      Queue.offerUnsafe(orders, order);
    }
  });
  answer({ starts: true });
  const first = yield* Queue.take(orders);
  if (!("prepare" in first)) return yield* Effect.die("no configuration");
  let inForce = orFail(read(first.prepare), "A worker cannot start", first.prepare.env);
  let prepared = inForce;
  const carryOut = Effect.fnUntraced(function* (order: Order, server: Server) {
    if ("commit" in order) {
      inForce = prepared;
      return yield* server.commit;
    }
    if ("refuse" in order) {
      prepared = inForce;
      return yield* server.refuse(order.refuse);
    }
    const next = yield* Effect.result(
      Effect.fromResult(read(order.prepare, inForce)).pipe(
        Effect.mapError(() => "a worker cannot use the configuration"),
        Effect.tap(server.prepare),
      ),
    );
    if (Result.isSuccess(next)) prepared = next.success;
    answer({ prepared: Result.isSuccess(next) ? null : next.failure });
  });
  return {
    configuration: inForce,
    obey: (server: Server) =>
      Effect.forever(Effect.flatMap(Queue.take(orders), (order) => carryOut(order, server))),
  };
});

const read = ({ env, files }: Written, last?: Configuration) =>
  configurationFrom(env, new Map(files.map(([path, text]) => [path, Result.succeed(text)])), last);
