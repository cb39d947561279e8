import * as Cause from "effect/Cause";
import * as Context from "effect/Context";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Equal from "effect/Equal";
import * as Exit from "effect/Exit";
import * as Layer from "effect/Layer";
import * as LayerMap from "effect/LayerMap";
import * as Scope from "effect/Scope";
import { makeReadinessCheck, type PartState } from "../../application/store/check-readiness.ts";
import { guarded } from "../../application/store/guarded-store.ts";
import { Events } from "../../application/ports/events.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { makeEvents } from "../events/events.ts";
import { openOutbox } from "../events/layer.ts";
import { send } from "../events/send.ts";
import { fileAddress } from "../http/addresses.ts";
import { appWith } from "../http/app.ts";
import { clientAddress, UNKNOWN_PROXY } from "../http/client-address.ts";
import type { Peer } from "../http/env.ts";
import { notificationRoute } from "../http/notifications/route.ts";
import { page } from "../http/page.ts";
import * as identity from "../identity/layer.ts";
import { makeCounters } from "../limits/memory.ts";
import { redisLimiter } from "../limits/redis/limiter.ts";
import { FAILED_AUTHENTICATIONS } from "../limits/settings.ts";
import { serviceLayer } from "../service/layer.ts";
import { mountsFor, type Storage } from "../storage/storage.ts";
import * as audit from "../telemetry/audit.ts";
import * as telemetry from "../telemetry/log.ts";
import { keyInFolder } from "../tokens/layer.ts";
import { errorReason } from "../values/thrown.ts";
import type { Configuration, Reloads, ApplyConfiguration } from "./configuration.ts";
import type { Observer } from "./observe.ts";
import type { Settings } from "./settings.ts";
import { isFirst } from "./workers.ts";

/** The services that stay as long as the process. */
export function fixedLayer(settings: Settings, observer: Observer | undefined) {
  // Development on one's own machine needs no audit.
  const auditByDefault = settings.identity.callers.auth === "dev" ? "off" : "stdout";
  return audit
    .layer(settings.audit.to ?? auditByDefault, settings.audit.withMetadata)
    .pipe(
      Layer.provideMerge(observer?.layer ?? Layer.empty),
      Layer.provideMerge(telemetry.layer(settings.telemetry)),
    );
}

/**
 * Answers each request by the configuration that is in force when it comes. The connection to Redis,
 * what was counted against limits and the keys of issuers stay from one to the next, and so do the
 * store and the organizations while their settings are the same objects. All else is closed once the
 * last request that it began is answered.
 */
export const makeApplication = Effect.fnUntraced(function* (
  first: Configuration,
  observer: Observer | undefined,
  isStopping: () => boolean,
) {
  const { redis, metrics } = first.settings;
  const context = yield* Effect.context<Scope.Scope>();
  const log = Effect.runForkWith(context);
  const shared = redis && (yield* redisLimiter(redis));
  const limiterWith = shared && (observer?.limiterWith(shared) ?? shared);
  const counters = makeCounters();
  const keySets = yield* identity.makeKeySets;
  const stores = yield* LayerMap.make(({ layer }: Storage) =>
    guarded(observer?.store(layer) ?? layer),
  );
  const organizations = yield* LayerMap.make(identity.organizationsLayer);
  let { reloads } = first;
  const listening = first.settings.events;
  let receiver = listening;
  const published =
    listening &&
    (yield* makeEvents({
      outbox: yield* openOutbox(first.settings.tokens.directory, redis),
      // The secrets that are in force at an attempt sign it.
      deliver: (message, attempt) => send(message, receiver ?? listening, attempt),
      onSettled: observer?.eventSettled,
      address: (...file) => fileAddress(first.settings.http.publicUrl, ...file),
    }));

  const readiness = yield* makeReadinessCheck("2 seconds", published?.hasFailed);
  if (published !== undefined && observer !== undefined && isFirst(process.env)) {
    yield* Effect.forkScoped(observer.eventCounts(published.counts));
  }

  const layerFor = (settings: Settings) =>
    serviceLayer({
      settings,
      others: Layer.mergeAll(
        stores.get(Equal.byReferenceUnsafe(settings.storage)),
        organizations.get(Equal.byReferenceUnsafe(settings.identity.organizations)),
        Layer.succeed(Events, published),
      ),
      authenticator: identity.authenticatorLayer(settings.identity.callers, keySets),
      countIn: limiterWith && Effect.succeed(limiterWith),
      failuresByDefault: FAILED_AUTHENTICATIONS,
      ownKey: keyInFolder(settings.tokens.directory),
      counters,
    });

  const start = Effect.fnUntraced(function* (settings: Settings) {
    const scope = yield* Scope.fork(Context.get(context, Scope.Scope));
    const built = yield* Layer.buildWithScope(layerFor(settings), scope).pipe(
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
    );
    const { callers } = settings.identity;
    const { publicUrl, corsOrigins, trustedProxies, notificationSecrets: secrets } = settings.http;
    const { bucket } = settings.storage;
    const all = Context.merge(context, built);
    const services = observer?.services(all) ?? all;
    const told = bucket && secrets && notificationRoute(bucket, secrets);
    const app = appWith(told === undefined ? [] : [told], {
      services,
      readiness,
      configuration: () => configurationState(reloads),
      isStopping,
      watch: observer?.requests(settings, services),
      metrics: metrics.port === undefined ? observer?.access : undefined,
      corsOrigins,
      clientAddress: clientAddress(
        callers.auth === "forward" ? [...trustedProxies, ...callers.trusted] : trustedProxies,
        (address) => void log(Effect.logWarning(UNKNOWN_PROXY, { address })),
      ),
      publicUrl,
      loopbackOnly: callers.auth === "dev" && !callers.exposed,
      page:
        callers.auth === "dev" ? page(Context.get(services, Presigner).publicOrigin) : undefined,
      mounts: mountsFor(settings.storage),
    });
    const close = () => void Effect.runFork(Scope.close(scope, Exit.void));
    return { settings, services, app, close, underWay: 0 };
  });

  let current = yield* start(first.settings);
  observer?.reloads(() => reloads);
  const take: ApplyConfiguration = (next) =>
    Effect.gen(function* () {
      const last = current;
      if (next.settings !== last.settings) {
        current = yield* start(next.settings);
        if (last.underWay === 0) last.close();
      }
      ({ reloads } = next);
      receiver = next.settings.events;
    }).pipe(
      Effect.catchCause((cause) => Effect.fail(errorReason(Cause.squash(cause)))),
      Effect.provideContext(context),
    );
  return {
    take,
    settings: () => current.settings,
    services: () => current.services,
    check: Effect.suspend(() => Effect.provideContext(readiness, current.services)),
    fetch: async (request: Request, peer: Peer): Promise<Response> => {
      const begun = current;
      begun.underWay++;
      try {
        return await begun.app.fetch(request, peer);
      } finally {
        begun.underWay--;
        if (begun.underWay === 0 && begun !== current) begun.close();
      }
    },
  };
});

function configurationState({ loadedAt, failure }: Reloads): PartState {
  if (failure === undefined) return { state: "ok", since: DateTime.makeUnsafe(loadedAt) };
  const { since, reason } = failure;
  return { state: "failing", since: DateTime.makeUnsafe(since), reason };
}
