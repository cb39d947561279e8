import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { isOfMetrics, type MetricsMessage } from "./all-workers.ts";
import { CommandFailure } from "./command.ts";
import type { Env } from "../settings/source.ts";
import type { Configuration } from "./configuration.ts";
import type { Server } from "./make-reload.ts";
import { commandWorkers } from "./orders.ts";

const LISTENING = "listening";

/** Returns true for a process that `runWorkers` started, and not for a worker of somebody else. */
export const isWorker = ({ VALETKEY_WORKER }: Env): boolean => VALETKEY_WORKER !== undefined;

/** Returns true for the first of several workers, and for a process without others. */
export const isFirst = ({ VALETKEY_WORKER = "1" }: Env): boolean => VALETKEY_WORKER === "1";

export const tellPrimary = (): unknown => process.send?.(LISTENING);

/**
 * Keeps workers running on one address until `stopSignal`, and passes that on. The first has to
 * listen before others start, so that a fault is reported once: its exit code is then the failure. A
 * worker that dies later is started again, after 1 to 30 seconds if it did not live for a minute.
 */
export const runWorkers = Effect.fnUntraced(function* <R>(
  first: Configuration,
  stopSignal: Promise<NodeJS.Signals>,
  onListening: (server: Server) => Effect.Effect<void, never, R>,
) {
  const { workers } = first.settings.http;
  const log = Effect.runForkWith(yield* Effect.context());
  const { server, settings, add } = commandWorkers(first);
  const running = new Set<Worker>();
  let isStarted = false;
  let stopping: NodeJS.Signals | undefined;
  // Not every runtime ends workers with their primary.
  process.on("exit", () => running.forEach((worker) => worker.process.kill("SIGKILL")));

  const start = (number: number, failures = 0): Worker => {
    const startedAt = performance.now();
    const worker = cluster.fork({ VALETKEY_WORKER: number });
    running.add(worker);
    add(worker);
    closeLostConnection(worker);
    worker.on("message", (message) => {
      if (isOfMetrics(message)) running.forEach((other) => passOn(message, other));
    });
    worker.once("exit", (code, signal) => {
      running.delete(worker);
      if (stopping !== undefined || !isStarted) return;
      const isShort = performance.now() - startedAt < 60_000;
      const pause = isShort ? Math.min(1000 * 2 ** failures, 30_000) : 0;
      log(Effect.logError("a worker ended and is started again", { number, code, signal, pause }));
      setTimeout(() => {
        if (stopping === undefined) start(number, isShort ? failures + 1 : 0);
      }, pause);
    });
    return worker;
  };
  /** Resolves to the exit code of a worker that ends before it listens. */
  const listening = async (worker: Worker) => {
    const heard = new Promise<undefined>((resolve) =>
      worker.on("message", (message) => message === LISTENING && resolve(undefined)),
    );
    const ended = once(worker, "exit").then(([code]) => Number(code));
    return Promise.race([heard, ended, stopSignal.then(() => undefined)]);
  };

  const code = yield* Effect.promise(() => listening(start(1)));
  // The worker itself has said why.
  if (code !== undefined) return yield* Effect.fail(new CommandFailure({ code, message: "" }));
  isStarted = true;
  const others = Array.from({ length: workers - 1 }, (_, index) => start(index + 2));
  yield* Effect.promise(() => Promise.all(others.map(listening)));
  yield* onListening(server);
  stopping = yield* Effect.promise(() => stopSignal);
  const ends = [...running].map((worker) => once(worker, "exit"));
  for (const worker of running) worker.process.kill(stopping);
  yield* Effect.timeoutOption(
    Effect.promise(() => Promise.all(ends)),
    Duration.sum(settings().http.shutdown.timeout, Duration.seconds(1)),
  );
});

/** A question about metrics goes to every worker, and an answer to the one that asked. */
function passOn(message: MetricsMessage, { id, process }: Worker): void {
  const isForIt = message.text === undefined || message.asker === id;
  // A worker may end meanwhile; whoever asked does not wait for it.
  if (isForIt && process.connected) process.send(message, undefined, undefined, () => undefined);
}

/**
 * Closes the connection that a worker got last once it has died: Node would keep one open for ever
 * that the worker had not accepted yet. One that it had accepted ended with it.
 */
function closeLostConnection({ process }: Worker): void {
  let last: unknown;
  const send = process.send.bind(process) as (...message: ReadonlyArray<unknown>) => boolean;
  process.send = (...message: ReadonlyArray<unknown>) => {
    last = message[1] ?? last;
    return send(...message);
  };
  process.once("exit", () => (last as { close(): void } | undefined)?.close());
}
