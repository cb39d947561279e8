import * as Cause from "effect/Cause";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schedule from "effect/Schedule";
import { makeReadinessCheck, type Readiness } from "../../application/check-readiness.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { Policies } from "../../application/ports/policies.ts";
import * as audit from "../audit/layer.ts";
import { makeApp } from "../http/app.ts";
import { clientAddress } from "../http/client-address.ts";
import type { Listen } from "../http/listen.ts";
import { page } from "../http/page.ts";
import type { Services } from "../http/route.ts";
import * as identity from "../identity/layer.ts";
import { limitFailures } from "../limits/failed-authentications.ts";
import * as limits from "../limits/layer.ts";
import { redisLimiter } from "../limits/redis/limiter.ts";
import { FAILED_AUTHENTICATIONS } from "../limits/settings.ts";
import * as random from "../storage/random.ts";
import { mountsOf } from "../storage/storage.ts";
import type { Env } from "../settings/source.ts";
import { reasonOf } from "../settings/thrown.ts";
import * as telemetry from "../telemetry/layer.ts";
import * as tokens from "../tokens/layer.ts";
import { EXIT } from "./command.ts";
import { configurationMessage, misspeltMessage, startMessage } from "./messages.ts";
import { misspelt, readAll, warningsOf } from "./settings.ts";

/** The part of `SHUTDOWN_TIMEOUT` that is reserved to close files and connections. */
const CLOSING_TIME = Duration.millis(500);

/**
 * Runs the service until SIGTERM or SIGINT and the grace period after it. The process's environment
 * configures it, and `listen` serves it. Sets the exit code to 78 for an invalid configuration and
 * to 1 if the service cannot start for another reason; both are explained on standard error.
 */
export async function serve(listen: Listen): Promise<void> {
  const env = environment();
  const read = readAll(env);
  if (Result.isFailure(read)) {
    process.stderr.write(configurationMessage(read.failure, misspelt(env)));
    // Exits explicitly: in a cluster the channel to the primary keeps a worker alive.
    process.exit(EXIT.configuration);
  }
  const settings = read.success;
  // The service keeps running if the reader of its log ends.
  process.stdout.on("error", () => undefined);
  const { callers } = settings.identity;
  const isDevelopment = callers.auth === "dev";
  const failed = settings.limits.failedAuthentications ?? FAILED_AUTHENTICATIONS;
  const layer = Layer.mergeAll(
    // Development on one's own machine needs no audit.
    audit.layer(settings.audit.to ?? (isDevelopment ? "off" : "stdout")),
    settings.storage.layer,
    limits.layer(settings.limits, settings.redis && redisLimiter(settings.redis)),
    identity.layer(settings.identity, (authenticator) => limitFailures(authenticator, failed)),
    Layer.succeed(Policies, settings.policies),
    random.layer,
    tokens.layer(settings.tokens, tokens.keyInFolder(settings.tokens.directory)),
  ).pipe(Layer.provideMerge(telemetry.layer(settings.telemetry)));

  const program = Effect.gen(function* () {
    const services = yield* Effect.context<Services>();
    const readiness = yield* makeReadinessCheck;
    const log = Effect.runForkWith(services);
    let stopping = false;
    const toldToStop = untilToldToStop();
    const { host, port, maxConnections, shutdown, publicUrl, corsOrigins, trustedProxies } =
      settings.http;
    const mounts = mountsOf(settings.storage);
    const app = makeApp({
      services,
      readiness,
      isStopping: () => stopping,
      corsOrigins,
      clientAddress: clientAddress(
        callers.auth === "forward" ? [...trustedProxies, ...callers.trusted] : trustedProxies,
      ),
      publicUrl,
      loopbackOnly: callers.auth === "dev" && !callers.exposed,
      page: isDevelopment ? page((yield* Presigner).publicOrigin) : undefined,
      mounts,
    });
    const server = yield* Effect.tryPromise({
      try: () =>
        listen({
          host,
          port,
          fetch: (request, peer) => app.fetch(request, peer),
          maxConnections,
          untimedPaths: mounts.map(({ path }) => path),
          onFull: onceAMinute((what) => log(Effect.logWarning(FULL[what]))),
        }),
      catch: (cause) =>
        `it cannot listen on ${host}, port ${port} (${reasonOf(cause)}); stop what uses the port, or set PORT`,
    });
    const address = publicUrl.origin;
    const store = settings.storage.description;
    const tokens = callers.auth === "dev" ? callers.tokens : undefined;
    if (telemetry.isForPeople(settings.telemetry.format)) {
      process.stdout.write(startMessage({ address, store, callers }));
    } else {
      // A collected log gets only generated tokens, which nobody could know otherwise.
      yield* Effect.logInfo("ready", {
        address,
        store,
        auth: callers.auth,
        ...(tokens?.user.isMadeUp === true
          ? { page: `${address}/#token=${Redacted.value(tokens.user.value)}` }
          : {}),
        ...(tokens?.service.isMadeUp === true
          ? { serviceToken: Redacted.value(tokens.service.value) }
          : {}),
      });
    }
    if (!isDevelopment && !settings.limits.isLimited) yield* Effect.logWarning(UNLIMITED);
    for (const warning of warningsOf(env, settings)) yield* Effect.logWarning(warning);
    for (const name of misspelt(env)) yield* Effect.logWarning(misspeltMessage(name));
    yield* Effect.forkChild(firstLook(readiness, store));
    yield* Effect.promise(() => toldToStop);
    stopping = true;
    // Ends the process even if something hangs.
    setTimeout(() => process.exit(0), Duration.toMillis(shutdown.timeout));
    yield* Effect.logInfo("stopping");
    // Clients that watch /readyz send nothing more after the grace period.
    yield* Effect.sleep(shutdown.grace);
    yield* Effect.timeoutOption(
      Effect.promise(() => server.stop()),
      Duration.subtract(shutdown.timeout, Duration.sum(shutdown.grace, CLOSING_TIME)),
    );
  });

  const exit = await Effect.runPromiseExit(Effect.provide(program, layer));
  if (Exit.isFailure(exit)) {
    process.stderr.write(`Valetkey cannot start: ${reasonOf(Cause.squash(exit.cause))}\n`);
  }
  process.exit(Exit.isSuccess(exit) ? 0 : 1);
}

/** The whole environment, to find misspelt variables too. */
function environment(): Env {
  try {
    return { ...process.env };
  } catch (cause) {
    // Deno refuses to read it without permission.
    process.stderr.write(`Valetkey cannot start: ${reasonOf(cause)}\n`);
    process.exit(1);
  }
}

const UNLIMITED =
  "no limits are configured: set LIMIT_REQUESTS_PER_SUBJECT, LIMIT_REQUESTS_PER_ORGANIZATION, LIMIT_BYTES_PER_DAY or LIMIT_OBJECTS_PER_DAY";

/** Logs at startup what `/readyz` would say, and checks again until all is well. */
const firstLook = (readiness: Effect.Effect<Readiness>, description: string) =>
  Effect.flatMap(readiness, ({ signing, store, limits }) =>
    Effect.all([
      signing.reason === undefined
        ? Effect.void
        : Effect.logWarning(`URLs cannot be signed: ${signing.reason}`),
      store.reason === undefined
        ? Effect.void
        : Effect.logWarning(`the store is not ready (${description}): ${store.reason}`),
      limits.reason === undefined
        ? Effect.void
        : Effect.logWarning(`Redis is not ready: ${limits.reason}`),
    ]),
  ).pipe(
    // The check itself logs later changes.
    Effect.andThen(Effect.repeat(readiness, { until: isReady, schedule: BACK_OFF })),
  );

const isReady = ({ signing, store, limits }: Readiness) =>
  [signing, store, limits].every(({ state }) => state === "ok");

/** Pauses of one second, growing to one minute. */
const BACK_OFF = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("1 minute")]);

/** The log lines for refused connections and requests. */
const FULL = {
  connections: "connections are refused, since MAX_CONNECTIONS are open",
  requests: "requests are answered with 503 OVERLOADED, since too many are in progress",
} as const;

/** Calls `tell` for the first of each `what` in a minute. */
function onceAMinute<What>(tell: (what: What) => void): (what: What) => void {
  const told = new Map<What, number>();
  return (what) => {
    const now = performance.now();
    if (now - (told.get(what) ?? -Infinity) < 60_000) return;
    told.set(what, now);
    tell(what);
  };
}

/**
 * Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. SIGHUP, which a
 * terminal sends when it is closed, is ignored.
 */
function untilToldToStop(): Promise<void> {
  process.on("SIGHUP", () => undefined);
  return new Promise((resolve) => {
    let first: number | undefined;
    for (const [signal, number] of Object.entries({ SIGINT: 2, SIGTERM: 15 })) {
      process.on(signal, () => {
        first ??= performance.now();
        resolve();
        // npm forwards a signal that the terminal or systemd has also sent to the service: both
        // count as one.
        if (performance.now() - first > 100) process.exit(128 + number);
      });
    }
  });
}
