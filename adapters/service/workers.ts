import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Semaphore from "effect/Semaphore";
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { type Channel, openChannel } from "./channel.ts";
import { CommandFailure } from "./failure.ts";
import type { Env } from "../settings/source.ts";
import {
  type Configuration,
  configurationFrom,
  type ApplyConfiguration,
  type ConfigurationSource,
} from "./configuration.ts";
import { orFail } from "./settings.ts";

/** In milliseconds. */
const TAKE_TIMEOUT = 10_000;
const METRICS_TIMEOUT = 1_000;

/** Returns true for a process that `runWorkers` started, and not for a worker of somebody else. */
export const isWorker = ({ VALETKEY_WORKER }: Env): boolean => VALETKEY_WORKER !== undefined;

/** Returns true for the first of several workers, and for a process without others. */
export const isFirst = ({ VALETKEY_WORKER = "1" }: Env): boolean => VALETKEY_WORKER === "1";

/**
 * Keeps workers running on one address until `stopSignal`, and passes that on. The first has to
 * listen before others start, so that a fault is reported once: its exit code is then the failure. A
 * worker that dies later is started again, after 1 to 30 seconds if it did not live for a minute.
 */
export const runWorkers = Effect.fnUntraced(function* <R>(
  first: Configuration,
  stopSignal: Promise<NodeJS.Signals>,
  onListening: (take: ApplyConfiguration) => Effect.Effect<void, never, R>,
) {
  const { workers } = first.settings.http;
  const log = Effect.runForkWith(yield* Effect.context());
  const running = new Set<Worker>();
  const serving = new Map<Worker, Channel>();
  let isStarted = false;
  let stopping: NodeJS.Signals | undefined;
  let latest = first;
  const texts = ({ env, files, reloads }: ConfigurationSource = latest): ConfigurationSource => ({
    env,
    files,
    reloads,
  });
  // Not every runtime ends workers with their primary.
  process.on("exit", () => running.forEach((worker) => worker.process.kill("SIGKILL")));

  const askAll = async (
    question: string,
    timeout: number,
    late?: string,
    value?: ConfigurationSource,
  ) => {
    const channels = [...serving.values()];
    const answers = await Promise.all(
      channels.map(({ ask }) => ask(question, timeout, late, value)),
    );
    return answers.filter((answer) => answer !== undefined);
  };
  const take: ApplyConfiguration = Effect.fnUntraced(function* (next) {
    latest = next;
    const late = "a worker does not answer";
    const [reason] = yield* Effect.promise(() => askAll("take", TAKE_TIMEOUT, late, texts()));
    if (reason !== undefined) yield* Effect.fail(reason);
  });

  const start = (number: number, failures = 0) => {
    const startedAt = performance.now();
    const worker = cluster.fork({ VALETKEY_WORKER: number });
    running.add(worker);
    closeLostConnection(worker);
    const channel = openChannel(worker.process);
    channel.answer("configuration", () => texts());
    channel.answer("metrics", async () => mergeFamilies(await askAll("metrics", METRICS_TIMEOUT)));
    const listens = new Promise<undefined>((resolve) =>
      channel.answer("listening", () => {
        serving.set(worker, channel);
        // A reload may have begun since it asked for its configuration.
        void channel.ask("take", TAKE_TIMEOUT, undefined, texts());
        resolve(undefined);
      }),
    );
    const ended = once(worker, "exit").then(([code, signal]) => {
      running.delete(worker);
      serving.delete(worker);
      if (stopping !== undefined || !isStarted) return Number(code);
      const isShort = performance.now() - startedAt < 60_000;
      const pause = isShort ? Math.min(1000 * 2 ** failures, 30_000) : 0;
      log(Effect.logError("a worker ended and is started again", { number, code, signal, pause }));
      setTimeout(() => {
        if (stopping === undefined) start(number, isShort ? failures + 1 : 0);
      }, pause);
      return undefined;
    });
    /** The exit code of a worker that ends before it listens. */
    return Promise.race([listens, ended, stopSignal.then(() => undefined)]);
  };

  const code = yield* Effect.promise(() => start(1));
  // The worker itself has said why.
  if (code !== undefined) return yield* Effect.fail(new CommandFailure({ code, message: "" }));
  isStarted = true;
  const others = Array.from({ length: workers - 1 }, (_, index) => start(index + 2));
  yield* Effect.promise(() => Promise.all(others));
  yield* onListening(take);
  stopping = yield* Effect.promise(() => stopSignal);
  const ends = [...running].map((worker) => once(worker, "exit"));
  for (const worker of running) worker.process.kill(stopping);
  yield* Effect.timeoutOption(
    Effect.promise(() => Promise.all(ends)),
    Duration.sum(latest.settings.http.shutdown.timeout, Duration.seconds(1)),
  );
});

/** Joins the workers: gets the configuration in force, and the function that takes those that follow. */
export const joinWorkers = Effect.fnUntraced(function* ({ ask, answer }: Channel) {
  const given = yield* Effect.promise(() =>
    ask<ConfigurationSource | undefined>("configuration", 60_000, undefined),
  );
  if (given === undefined) return yield* Effect.die("no configuration");
  let configuration = orFail(configurationFrom(given), "A worker cannot start", given.env);
  const lock = Semaphore.makeUnsafe(1);
  const join = (take: ApplyConfiguration) => {
    answer("take", (given: ConfigurationSource) =>
      Effect.suspend(() => Effect.fromResult(configurationFrom(given, configuration))).pipe(
        Effect.mapError(() => "a worker cannot use the configuration"),
        Effect.tap(take),
        Effect.map((next) => void (configuration = next)),
        Effect.catch(Effect.succeed),
        lock.withPermits(1),
        Effect.runPromise,
      ),
    );
    return ask("listening", 0, undefined);
  };
  return { configuration, join };
});

/** Puts the series of a metric together: Prometheus reads one group for each. */
function mergeFamilies(texts: ReadonlyArray<string>): string {
  const families = new Map<string, string>();
  for (const text of texts) {
    for (const family of text.split(/^(?=# HELP )/m)) {
      const [, head = "", series = ""] = /^((?:#.*\n)*)([^]*)$/.exec(family) ?? [];
      families.set(head, `${families.get(head) ?? head}${series}`);
    }
  }
  return [...families.values()].join("");
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
