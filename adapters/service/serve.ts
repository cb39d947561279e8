import { constants } from "node:os";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schedule from "effect/Schedule";
import { cachedFor } from "../../application/resilience/cached.ts";
import type { Readiness } from "../../application/store/check-readiness.ts";
import { metricsApp } from "../http/app/metrics.ts";
import type { Listen, Listening } from "../http/server/listen.ts";
import { listenProbes } from "../http/server/listen-probes.ts";
import type { HttpSettings } from "../http/settings.ts";
import { mountsFor, STORES_PATH } from "../storage/storage.ts";
import { errorReason } from "../values/thrown.ts";
import * as audit from "../telemetry/audit.ts";
import * as telemetry from "../telemetry/log.ts";
import { makeApplication } from "./application.ts";
import type { Observer } from "./observe.ts";
import { isObserved, type Settings } from "./settings.ts";

/**
 * Runs the service until SIGTERM or SIGINT and the grace period after it. Calls `announce` once it
 * listens, with true if people read the log. Fails with the reason why the service cannot start.
 */
export const serve = Effect.fnUntraced(function* (
  listen: Listen,
  settings: Settings,
  announce: (isForPeople: boolean) => Effect.Effect<void>,
) {
  const stopSignal = untilStopSignal();
  const observer = isObserved(settings)
    ? yield* Effect.promise(async () => (await import("./observe.ts")).observe(settings))
    : undefined;
  yield* Effect.gen(function* () {
    const { metrics, http, storage } = settings;
    const { probePort: port, host } = http;
    let isStopping = false;
    const { services, fetch, check } = yield* makeApplication(settings, observer, () => isStopping);
    const server = yield* startServer(settings, listen, fetch, observer);
    if (port !== undefined) {
      const canSign = Effect.map(check, ({ signing }) => signing.state === "ok");
      const isReady = async () => (await Effect.runPromise(canSign)) && !isStopping;
      yield* listenOn("PROBE_PORT", { host, port, isReady }, listenProbes);
    }
    if (observer !== undefined && metrics.port !== undefined) {
      const { fetch } = metricsApp(observer.access, services);
      yield* listenOn("METRICS_PORT", { host, port: metrics.port, fetch }, listen);
    }
    yield* announce(telemetry.isForPeople(settings.telemetry.format));
    yield* Effect.raceFirst(
      reportReadiness(check, storage.description),
      Effect.promise(() => stopSignal),
    );
    isStopping = true;
    yield* stopServer(server, http.shutdown);
  }).pipe(Effect.scoped, Effect.provide(reportLayer(settings, observer)));
});

/** Provides the log, the audit, and metrics. */
function reportLayer({ audit: { to, withMetadata }, ...settings }: Settings, observer?: Observer) {
  // Development on a local machine needs no audit.
  const auditByDefault = settings.identity.callers.auth === "dev" ? "off" : "stdout";
  return audit
    .layer(to ?? auditByDefault, withMetadata)
    .pipe(
      Layer.provideMerge(observer?.layer ?? Layer.empty),
      Layer.provideMerge(telemetry.layer(settings.telemetry)),
    );
}

const startServer = Effect.fnUntraced(function* (
  { http, several, storage }: Settings,
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
    untimedPaths: [
      ...mountsFor(storage).map(({ path }) => path),
      ...(several ? [STORES_PATH] : []),
    ],
    onFull: (what: "connections" | "requests") => {
      observer?.meter.update("valetkey_turned_away_total", [what]);
      log(warnings[what]);
    },
  };
  const server = yield* listenOn("PORT", options, listen);
  if (server.waiting) observer?.meter.observe("valetkey_requests_waiting", [], server.waiting);
  return server;
});

const listenOn = <Options extends { readonly host: string; readonly port: number }, A>(
  variable: string,
  options: Options,
  listen: (options: Options) => Promise<A>,
) =>
  Effect.tryPromise({
    try: () => listen(options),
    catch: (cause) =>
      `it cannot listen on ${options.host}, port ${options.port} (${errorReason(cause)}); stop what uses the port, or set ${variable}`,
  });

const warningOnceAMinute = (message: string) => cachedFor(Effect.logWarning(message), "1 minute");

/**
 * Logs at startup what is not ready, and checks from then on, also without requests to `/readyz`.
 * Fails if only another configuration would let it sign.
 */
export const reportReadiness = Effect.fnUntraced(function* (
  checkAll: Effect.Effect<Readiness>,
  description: string,
) {
  const check = Effect.tap(checkAll, ({ signing: { isFinal, reason = "" } }) =>
    isFinal ? Effect.fail(reason) : Effect.void,
  );
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
 * closed terminal sends, is ignored.
 */
function untilStopSignal(): Promise<void> {
  process.on("SIGHUP", () => undefined);
  return new Promise((resolve) => {
    let first: number | undefined;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        first ??= performance.now();
        resolve();
        // npm forwards a signal that the service has also received from the terminal or systemd:
        // both count as one.
        if (performance.now() - first > 100) process.exit(128 + constants.signals[signal]);
      });
    }
  });
}
