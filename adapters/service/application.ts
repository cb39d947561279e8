import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type { Hono } from "hono";
import { makeReadinessCheck } from "../../application/store/check-readiness.ts";
import { guarded } from "../../application/store/guarded-store.ts";
import { Audit } from "../../application/ports/audit.ts";
import { Events } from "../../application/ports/events.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Organizations } from "../../application/ports/organizations.ts";
import { Policies } from "../../application/ports/policies.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { Stores } from "../../application/ports/stores.ts";
import { DEFAULT_STORE } from "../../domain/place.ts";
import { Usage } from "../../application/ports/usage.ts";
import { makeEvents } from "../events/events.ts";
import { openOutbox } from "../events/layer.ts";
import { send } from "../events/send.ts";
import { fileAddress, publicAddresses } from "../http/addresses.ts";
import { appWith } from "../http/app/app.ts";
import { clientAddress, UNKNOWN_PROXY } from "../http/client-address.ts";
import type { HttpEnv, Peer } from "../http/env.ts";
import { namedNotificationRoutes } from "../http/notifications/named-route.ts";
import { notificationRoute } from "../http/notifications/route.ts";
import { page } from "../http/page.ts";
import * as identity from "../identity/layer.ts";
import { redisLedger, redisLimiter } from "../limits/redis/limiter.ts";
import { FAILED_AUTHENTICATIONS } from "../limits/settings.ts";
import { watchJson } from "../settings/json-file.ts";
import { mountsFor } from "../storage/storage.ts";
import { keyInFolder } from "../tokens/layer.ts";
import { serviceLayer } from "./layer.ts";
import type { Observer } from "./observe.ts";
import type { Settings } from "./settings.ts";
import { openStores } from "./several-stores.ts";

/** Makes the application that answers all requests, until the scope closes. */
export const makeApplication = Effect.fnUntraced(function* (
  settings: Settings,
  observer: Observer | undefined,
  isStopping: () => boolean,
) {
  const { events, http, metrics, policiesFile, redis, storage } = settings;
  const { callers, organizations } = settings.identity;
  const { publicUrl, corsOrigins, trustedProxies, notificationSecrets } = http;
  const cdn = settings.cdn?.publicRoot;
  let { policies: current } = settings;
  const log = Effect.runForkWith(yield* Effect.context());
  const published =
    events &&
    (yield* makeEvents({
      outbox: yield* openOutbox(settings.tokens.directory, redis),
      deliver: (message, attempt) => send(message, events, attempt),
      onSettled: observer?.eventSettled,
      addresses: (slug, file, publicRoot) => ({
        file_url: fileAddress(publicUrl, slug, file),
        public_url: publicAddresses(current, publicUrl, publicRoot)?.(file.key),
      }),
    }));
  if (published !== undefined && observer !== undefined) {
    yield* Effect.forkScoped(observer.eventCounts(published.counts));
  }
  const guardedStore = observer?.guarded ?? guarded;
  const shared = redis && redisLimiter(redis);
  const layer = serviceLayer({
    settings,
    others: Layer.mergeAll(
      guardedStore(storage.layer, settings.several && DEFAULT_STORE),
      identity.organizationsLayer(organizations),
      Layer.succeed(Events, published),
    ),
    authenticator: identity.authenticatorLayer(callers),
    ledgerIn: redis && redisLedger(redis),
    countIn: shared && observer ? observer.sharedLimiter(shared) : shared,
    failuresByDefault: FAILED_AUTHENTICATIONS,
    defaultKey: keyInFolder(settings.tokens.directory),
  });
  const built = Context.merge(yield* Effect.context(), yield* Layer.build(layer));
  const oneStore = observer?.services(built) ?? built;
  const several =
    settings.several &&
    (yield* openStores({
      document: settings.several,
      byDefault: {
        store: {
          storage,
          beside: settings.cdn,
          fingerprint: settings.several.stores.get(DEFAULT_STORE)?.fingerprint ?? "",
        },
        ports: Context.pick(ObjectStore, Presigner)(oneStore),
      },
      publicUrl,
      policies: settings.policies,
      hasClamd: settings.scanner.clamd !== undefined,
      elsewhere: Context.get(oneStore, Organizations),
      observer,
    }));
  const services = Context.add(oneStore, Stores, several?.choice);
  const usage = Context.get(services, Usage);
  if (usage !== undefined && observer !== undefined) {
    yield* Effect.forkScoped(observer.usageTotals(usage.totals));
  }
  const audit = Context.get(services, Audit);
  let problem: (() => string | undefined) | undefined;
  const readiness = yield* makeReadinessCheck(
    "2 seconds",
    published?.hasFailed,
    policiesFile && (() => problem?.()),
    several?.problem,
  );
  const { bucket, notificationForm } = storage;
  const notified =
    bucket && notificationForm && notificationSecrets
      ? [notificationRoute(bucket, yield* Effect.promise(notificationForm), notificationSecrets)]
      : [];
  const toldByName =
    several && notificationSecrets
      ? namedNotificationRoutes((name) => several.kept.find(name)?.storage, notificationSecrets)
      : [];
  // Loaded only if it is on.
  const agents = http.mcp
    ? [(yield* loadAgents).mcpRoute(async (...sent) => app.fetch(...sent))]
    : [];
  const clientAt = clientAddress(
    callers.auth === "forward" ? [...trustedProxies, ...callers.trusted] : trustedProxies,
    (address) => void log(Effect.logWarning(UNKNOWN_PROXY, { address })),
  );
  // Any, where there are several, since a document may change.
  const storeOrigins = several ? "http: https:" : Context.get(services, Presigner).publicOrigin;
  /** Returns the application for these policies: a request keeps those that it began with. */
  const appFor = (policies: Policies["Service"]): Hono<HttpEnv> =>
    appWith([...notified, ...toldByName, ...agents], {
      services: services.pipe(
        Context.add(Policies, policies),
        Context.add(Audit, observer?.decisions(policies, audit) ?? audit),
      ),
      readiness,
      isStopping,
      watch: observer?.requests(services),
      metrics: metrics.port === undefined && metrics.token ? observer?.access : undefined,
      corsOrigins,
      clientAddress: clientAt,
      publicUrl,
      cdn,
      loopbackOnly: callers.auth === "dev" && !callers.exposed,
      page: callers.auth === "dev" ? page(storeOrigins) : undefined,
      mounts: [...mountsFor(storage), ...(several ? [several.mount] : [])],
    });
  let app = appFor(settings.policies);
  if (policiesFile !== undefined) {
    problem = yield* watchJson(policiesFile.path, {
      document: "policies",
      decode: policiesFile.decode,
      onChange: (policies) => {
        several?.setPolicies(policies);
        app = appFor(policies);
        current = policies;
      },
      kept: "the policies that it had stay in force",
    });
  }
  return {
    services,
    fetch: (request: Request, peer: Peer) => app.fetch(request, peer),
    check: Effect.provideContext(readiness, services),
  };
});

const loadAgents = Effect.promise(() => import("../http/mcp/route.ts"));
