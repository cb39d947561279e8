import cluster from "node:cluster";
import { constants } from "node:os";
import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import type { SecureRandom } from "effect/crypto/SecureRandom";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schedule from "effect/Schedule";
import { cachedFor } from "../../application/cached.ts";
import { makeReadinessCheck, type Readiness } from "../../application/check-readiness.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { type AppOptions, makeApp } from "../http/app.ts";
import { metricsApp } from "../http/operations/metrics.ts";
import type { Peer } from "../http/env.ts";
import { clientAddress, UNKNOWN_PROXY } from "../http/client-address.ts";
import type { Listen, Listening } from "../http/server/listen.ts";
import { listenProbes } from "../http/server/listen-probes.ts";
import { page } from "../http/page.ts";
import type { HttpSettings } from "../http/settings.ts";
import { mountsFor } from "../storage/storage.ts";
import type { Env } from "../settings/source.ts";
import { errorReason } from "../thrown.ts";
import * as telemetry from "../telemetry/log.ts";
import { CommandFailure, EXIT } from "./command.ts";
import { type Configuration, readConfiguration, withSecrets } from "./configuration.ts";
import { makeInForce } from "./in-force.ts";
import { makeReload, type Server } from "./make-reload.ts";
import { readyFacts, startMessage } from "./messages.ts";
import type { Observer } from "./observe.ts";
import { obeyPrimary } from "./orders.ts";
import { print, tell } from "./output.ts";
import { keepPidFile } from "./pid-file.ts";
import { fixedLayer, makeServices } from "./services.ts";
import { findWarnings, isObserved, orFail, type Settings } from "./settings.ts";
import { isFirst, isWorker, runWorkers, tellPrimary } from "./workers.ts";

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
    const own = { ...process.env };
    const read = orFail(readConfiguration(own), "Valetkey cannot start", own);
    const stopSignal = untilStopSignal();
    const { telemetry: log, http } = read.settings;
    const serve = Effect.gen(function* () {
      const { configuration, secrets } = yield* withSecrets(read);
      const onListening = Effect.fnUntraced(function* (server: Server) {
        yield* announce(configuration);
        yield* reloadOnHangup(server, { ...own, ...secrets }, configuration, stopSignal);
      });
      yield* http.workers > 1 && cluster.isPrimary
        ? runWorkers(configuration, stopSignal, onListening)
        : serveRequests(listen, configuration, stopSignal, onListening);
    });
    return serve.pipe(Effect.scoped, Effect.provide(telemetry.layer(log)));
  });

const serveAsWorker = Effect.fnUntraced(function* (listen: Listen) {
  const stopSignal = untilStopSignal();
  const { configuration, obey } = yield* obeyPrimary;
  yield* serveRequests(listen, configuration, stopSignal, (server) =>
    Effect.andThen(Effect.sync(tellPrimary), Effect.forkScoped(obey(server))),
  );
});

const reloadOnHangup = Effect.fnUntraced(function* (
  server: Server,
  own: Env,
  configuration: Configuration,
  stopSignal: Promise<unknown>,
) {
  const report = yield* keepPidFile(configuration.settings.pidFile.path);
  const reload = yield* makeReload(server, own, configuration, report);
  process.on("SIGHUP", reload);
  void stopSignal.then(() => process.off("SIGHUP", reload));
});

const serveRequests = Effect.fnUntraced(function* <R>(
  listen: Listen,
  configuration: Configuration,
  stopSignal: Promise<unknown>,
  onListening: (server: Server) => Effect.Effect<unknown, never, R>,
) {
  const { settings } = configuration;
  const observer = yield* Effect.promise(() => observerFor(configuration));
  yield* Effect.gen(function* () {
    const { metrics, http } = settings;
    const { probePort: port, host } = http;
    let isStopping = false;
    const readiness = yield* makeReadinessCheck("2 seconds");
    const fixed = yield* Effect.context<SecureRandom>();
    const servicesFor = yield* makeServices(settings, observer);
    const inForce = yield* makeInForce(
      (settings: Settings, configuration) =>
        Effect.map(Layer.build(servicesFor(settings)), (configured) => {
          const all = Context.merge(fixed, configured);
          const services = observer?.services(all) ?? all;
          return applicationFor(settings, {
            services,
            readiness,
            configuration,
            isStopping: () => isStopping,
            watch: observer?.requests(settings, services),
            metrics: metrics.port === undefined ? observer?.access : undefined,
          });
        }),
      settings,
    );
    observer?.configuration(inForce.state);
    const check = Effect.suspend(() => Effect.provideContext(readiness, inForce.app().services));
    const server = yield* startServer(settings, listen, inForce.fetch, observer);
    if (port !== undefined && isFirst(process.env)) {
      const canSign = Effect.map(check, ({ signing }) => signing.state === "ok");
      const isReady = async () => (await Effect.runPromise(canSign)) && !isStopping;
      yield* Effect.promise(() => listenProbes({ host, port, isReady }));
    }
    if (observer?.access !== undefined && metrics.port !== undefined && isFirst(process.env)) {
      const { fetch } = metricsApp(observer.access);
      yield* listenOn({ host, port: metrics.port, fetch }, "METRICS_PORT", listen);
    }
    yield* onListening(inForce);
    if (isFirst(process.env)) {
      yield* Effect.forkChild(reportReadiness(check, settings.storage.description));
    }
    yield* Effect.promise(() => stopSignal);
    isStopping = true;
    yield* stopServer(server, inForce.app().settings.http.shutdown);
  }).pipe(Effect.scoped, Effect.provide(fixedLayer(settings, observer)));
});

const observerFor = async ({ settings, env }: Configuration) =>
  isObserved(settings)
    ? (await import("./observe.ts")).observe(settings, { ...process.env, ...env })
    : undefined;

/** The application that serves a configuration. */
function applicationFor(
  settings: Settings,
  options: Pick<
    AppOptions,
    "services" | "readiness" | "configuration" | "isStopping" | "watch" | "metrics"
  >,
) {
  const { http, identity, storage } = settings;
  const { callers } = identity;
  const { publicUrl, corsOrigins, trustedProxies } = http;
  const { services } = options;
  const log = Effect.runForkWith(services);
  const app = makeApp({
    ...options,
    corsOrigins,
    clientAddress: clientAddress(
      callers.auth === "forward" ? [...trustedProxies, ...callers.trusted] : trustedProxies,
      (address) => void log(Effect.logWarning(UNKNOWN_PROXY, { address })),
    ),
    publicUrl,
    loopbackOnly: callers.auth === "dev" && !callers.exposed,
    page: callers.auth === "dev" ? page(Context.get(services, Presigner).publicOrigin) : undefined,
    mounts: mountsFor(storage),
  });
  return {
    settings,
    services,
    fetch: (request: Request, peer: Peer) => app.fetch(request, peer),
  };
}

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

const announce = Effect.fnUntraced(function* ({ settings, env }: Configuration) {
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
  const { signing, store, limits, writeOnce } = yield* check;
  for (const [problem, part] of [
    ["URLs cannot be signed", signing],
    [`the store is not ready (${description})`, store],
    ["Redis is not ready", limits],
    ["write-once is not ready", writeOnce],
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
