import cluster from "node:cluster";
import { constants } from "node:os";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Schedule from "effect/Schedule";
import { cachedFor } from "../../application/store/cached.ts";
import type { Readiness } from "../../application/store/check-readiness.ts";
import { metricsApp } from "../http/operations/metrics.ts";
import type { Listen, Listening } from "../http/server/listen.ts";
import { listenProbes } from "../http/server/listen-probes.ts";
import type { HttpSettings } from "../http/settings.ts";
import { mountsFor } from "../storage/storage.ts";
import { errorReason } from "../values/thrown.ts";
import * as telemetry from "../telemetry/log.ts";
import { fixedLayer, makeApplication } from "./application.ts";
import { type Channel, openChannel } from "./channel.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import {
  type Configuration,
  fixedSecrets,
  readConfiguration,
  type ApplyConfiguration,
} from "./configuration.ts";
import { makeReload } from "./make-reload.ts";
import { readyFacts, startMessage } from "./messages.ts";
import type { Observer } from "./observe.ts";
import { print, tell } from "./output.ts";
import { listenForReloads } from "./control-socket.ts";
import { findWarnings, isObserved, orFail, type Settings } from "./settings.ts";
import { isFirst, isWorker, joinWorkers, runWorkers } from "./workers.ts";

/**
 * Runs the service until SIGTERM or SIGINT and the grace period after it, and ends the process. The
 * exit code is 78 for an invalid configuration, and 1 if it cannot start for another reason.
 */
export async function serve(listen: Listen): Promise<void> {
  // The service keeps running if the reader of its log ends.
  process.stdout.on("error", () => undefined);
  // Exits explicitly: in a cluster the channel to the primary keeps a worker alive.
  try {
    await Effect.runPromise(isWorker(process.env) ? serveAsWorker(listen) : serveFirst(listen));
    process.exit(0);
  } catch (cause) {
    const message = `Valetkey cannot start: ${errorReason(cause)}\n`;
    const failure = cause instanceof CommandFailure ? cause : { code: EXIT.failure, message };
    tell(failure.message);
    process.exit(failure.code);
  }
}

const serveFirst = (listen: Listen) =>
  Effect.suspend(() => {
    const reloads = { accepted: 0, refused: 0, loadedAt: Date.now() };
    const texts = { env: process.env, files: {}, reloads };
    const read = orFail(readConfiguration(texts), "Valetkey cannot start", process.env);
    const stopSignal = untilStopSignal();
    const serve = Effect.gen(function* () {
      const own = { ...process.env, ...(yield* fixedSecrets(read.settings)) };
      const first = orFail(readConfiguration({ ...texts, env: own }), "Valetkey cannot start", own);
      const onListening = Effect.fnUntraced(function* (take: ApplyConfiguration) {
        yield* announce(read);
        const reload = yield* makeReload(take, own, first);
        const onHangup = () => reload(() => undefined);
        process.on("SIGHUP", onHangup);
        void stopSignal.then(() => process.off("SIGHUP", onHangup));
        const { socket } = first.settings.control;
        if (socket !== undefined) yield* listenForReloads(socket, reload);
      });
      yield* first.settings.http.workers > 1 && cluster.isPrimary
        ? runWorkers(first, stopSignal, onListening)
        : serveRequests(listen, first, stopSignal, onListening);
    });
    return serve.pipe(Effect.scoped, Effect.provide(telemetry.layer(read.settings.telemetry)));
  });

const serveAsWorker = Effect.fnUntraced(function* (listen: Listen) {
  const stopSignal = untilStopSignal();
  const primary = openChannel(process);
  const { configuration, join } = yield* joinWorkers(primary);
  const onListening = (take: ApplyConfiguration) => Effect.promise(() => join(take));
  yield* serveRequests(listen, configuration, stopSignal, onListening, primary);
});

const serveRequests = Effect.fnUntraced(function* <R>(
  listen: Listen,
  configuration: Configuration,
  stopSignal: Promise<unknown>,
  onListening: (take: ApplyConfiguration) => Effect.Effect<unknown, never, R>,
  primary?: Channel,
) {
  const { settings, env } = configuration;
  const observer = isObserved(settings)
    ? yield* Effect.promise(async () =>
        (await import("./observe.ts")).observe(settings, { ...process.env, ...env }, primary),
      )
    : undefined;
  yield* Effect.gen(function* () {
    const { metrics, http } = settings;
    const { probePort: port, host } = http;
    let isStopping = false;
    const application = yield* makeApplication(configuration, observer, () => isStopping);
    const { check } = application;
    const server = yield* startServer(settings, listen, application.fetch, observer);
    if (port !== undefined && isFirst(process.env)) {
      const canSign = Effect.map(check, ({ signing }) => signing.state === "ok");
      const isReady = async () => (await Effect.runPromise(canSign)) && !isStopping;
      yield* Effect.promise(() => listenProbes({ host, port, isReady }));
    }
    if (observer?.access !== undefined && metrics.port !== undefined && isFirst(process.env)) {
      const { fetch } = metricsApp(observer.access, application.services);
      yield* listenOn({ host, port: metrics.port, fetch }, "METRICS_PORT", listen);
    }
    yield* onListening(application.take);
    if (isFirst(process.env)) {
      yield* Effect.forkChild(reportReadiness(check, settings.storage.description));
    }
    yield* Effect.promise(() => stopSignal);
    isStopping = true;
    yield* stopServer(server, application.settings().http.shutdown);
  }).pipe(Effect.scoped, Effect.provide(fixedLayer(settings, observer)));
});

const startServer = Effect.fnUntraced(function* (
  { http, storage }: Settings,
  listen: Listen,
  fetch: Parameters<Listen>[0]["fetch"],
  observer: Observer | undefined,
) {
  const { host, port, maxConnections } = http;
  const log = Effect.runForkWith(yield* Effect.context());
  const warnings = yield* Effect.all({
    connections: warningOnceAMinute("connections are refused, since MAX_CONNECTIONS are open"),
    requests: warningOnceAMinute(
      "requests are answered with 503 OVERLOADED, since too many are in progress",
    ),
  });
  const options = {
    host,
    port,
    fetch,
    maxConnections,
    untimedPaths: mountsFor(storage).map(({ path }) => path),
    onFull: (what: "connections" | "requests") => {
      observer?.meter.update("valetkey.turned_away", [what]);
      log(warnings[what]);
    },
  };
  const server = yield* listenOn(options, "PORT", listen);
  if (server.waiting) observer?.meter.observe("valetkey.requests.waiting", [], server.waiting);
  return server;
});

const listenOn = (options: Parameters<Listen>[0], variable: string, listen: Listen) =>
  Effect.tryPromise({
    try: () => listen(options),
    catch: (cause) =>
      `it cannot listen on ${options.host}, port ${options.port} (${errorReason(cause)}); stop what uses the port, or set ${variable}`,
  });

const warningOnceAMinute = (message: string) => cachedFor(Effect.logWarning(message), "1 minute");

const announce = Effect.fnUntraced(function* ({ env, settings }: Configuration) {
  const { http, identity, storage, telemetry: log } = settings;
  const started = {
    address: http.publicUrl.origin,
    callers: identity.callers,
    store: storage.description,
  };
  if (telemetry.isForPeople(log.format)) print(startMessage(started));
  else yield* Effect.logInfo("ready", readyFacts(started));
  for (const warning of findWarnings(env, settings)) yield* Effect.logWarning(warning);
});

/** Logs what is not ready at startup. Checks also where nobody asks; the check logs changes. */
export const reportReadiness = Effect.fnUntraced(function* (
  check: Effect.Effect<Readiness>,
  description: string,
) {
  const { signing, store, limits, writeOnce, scanner, events } = yield* check;
  for (const [problem, part] of [
    ["URLs cannot be signed", signing],
    [`the store is not ready (${description})`, store],
    ["Redis is not ready", limits],
    ["write-once is not ready", writeOnce],
    ["uploads cannot be scanned", scanner],
    ["events cannot be kept", events],
  ] as const) {
    if (part?.reason !== undefined) yield* Effect.logWarning(`${problem}: ${part.reason}`);
  }
  yield* Effect.forever(
    Effect.repeat(check, { until: isReady, schedule: PAUSES }).pipe(
      Effect.andThen(Effect.sleep("10 minutes")),
    ),
  );
});

const isReady = (parts: Readiness) =>
  Object.values(parts).every((part) => part?.state !== "failing");

const PAUSES = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("1 minute")]);

const stopServer = Effect.fnUntraced(function* (
  server: Listening,
  { grace, timeout }: HttpSettings["shutdown"],
) {
  // Ends the process even if something hangs.
  setTimeout(() => process.exit(0), Duration.toMillis(timeout));
  yield* Effect.logInfo("stopping");
  // Clients that watch /readyz send nothing more after the grace period.
  yield* Effect.sleep(grace);
  yield* Effect.timeoutOption(
    Effect.promise(() => server.stop()),
    Duration.subtract(timeout, Duration.sum(grace, CLOSING_TIME)),
  );
});

/** The part of `SHUTDOWN_TIMEOUT` that is reserved to close files and connections. */
const CLOSING_TIME = Duration.millis(500);

/**
 * Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. SIGHUP, which a
 * closed terminal sends too, never ends it.
 */
function untilStopSignal(): Promise<NodeJS.Signals> {
  process.on("SIGHUP", () => undefined);
  return new Promise((resolve) => {
    let first: number | undefined;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        first ??= performance.now();
        resolve(signal);
        // npm forwards a signal that the terminal or systemd has also sent to the service: both
        // count as one.
        if (performance.now() - first > 100) process.exit(128 + constants.signals[signal]);
      });
    }
  });
}
