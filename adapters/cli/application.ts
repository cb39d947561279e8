import * as Context from "effect/Context";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Equal from "effect/Equal";
import type { SecureRandom } from "effect/crypto/SecureRandom";
import * as Layer from "effect/Layer";
import * as LayerMap from "effect/LayerMap";
import type { PartState, ReadinessCheck } from "../../application/check-readiness.ts";
import { guarded } from "../../application/guarded-store.ts";
import { Authenticator } from "../../application/ports/authenticator.ts";
import { Limiter } from "../../application/ports/limiter.ts";
import { Policies } from "../../application/ports/policies.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import * as random from "../crypto/random.ts";
import { makeApp } from "../http/app.ts";
import { clientAddress, UNKNOWN_PROXY } from "../http/client-address.ts";
import type { Peer } from "../http/env.ts";
import { page } from "../http/page.ts";
import * as identity from "../identity/layer.ts";
import type { OrganizationSettings } from "../identity/organizations.ts";
import { limitFailures } from "../limits/failed-authentications.ts";
import * as limits from "../limits/layer.ts";
import { makeCounters } from "../limits/memory.ts";
import { redisLimiter } from "../limits/redis/limiter.ts";
import { FAILED_AUTHENTICATIONS } from "../limits/settings.ts";
import { mountsFor, type Storage } from "../storage/storage.ts";
import * as audit from "../telemetry/audit.ts";
import * as telemetry from "../telemetry/log.ts";
import * as tokens from "../tokens/layer.ts";
import type { Reloads } from "./configuration.ts";
import type { Observer } from "./observe.ts";
import type { Settings } from "./settings.ts";

/** The services that stay as long as the process. */
export function fixedLayer(settings: Settings, observer: Observer | undefined) {
  // Development on one's own machine needs no audit.
  const auditByDefault = settings.identity.callers.auth === "dev" ? "off" : "stdout";
  return Layer.merge(audit.layer(settings.audit.to ?? auditByDefault), random.layer).pipe(
    Layer.provideMerge(observer?.layer ?? Layer.empty),
    Layer.provideMerge(telemetry.layer(settings.telemetry)),
  );
}

/**
 * Makes the function from a configuration to the application that serves it. The connection to Redis,
 * what was counted against limits and the keys of issuers stay from one to the next, and so do the
 * store and the organizations while their settings are the same objects.
 */
export const makeApplications = Effect.fnUntraced(function* (
  { redis, metrics }: Settings,
  observer: Observer | undefined,
  readiness: ReadinessCheck,
  isStopping: () => boolean,
) {
  const fixed = yield* Effect.context<SecureRandom>();
  const log = Effect.runForkWith(fixed);
  const shared = redis && (yield* redisLimiter(redis));
  const limiterWith = shared && (observer?.limiterWith(shared) ?? shared);
  const counters = makeCounters();
  const failures = new Map();
  const keySets = yield* identity.makeKeySets;
  const stores = yield* LayerMap.make(({ layer }: Storage) =>
    guarded(observer?.store(layer) ?? layer),
  );
  const organizations = yield* LayerMap.make((settings: OrganizationSettings) =>
    identity.organizationsLayer(settings),
  );

  const layerFor = ({
    identity: { callers, ...known },
    limits: limited,
    ...settings
  }: Settings) => {
    const failed = limited.failedAuthentications ?? FAILED_AUTHENTICATIONS;
    const guarded = Effect.map(Authenticator, (service) =>
      limitFailures(service, failed, failures),
    );
    return Layer.mergeAll(
      stores.get(Equal.byReferenceUnsafe(settings.storage)),
      Layer.sync(Limiter, () => limits.limiter(limited, limiterWith, counters)),
      Layer.effect(Authenticator, guarded).pipe(
        Layer.provide(identity.authenticatorLayer(callers, keySets)),
      ),
      organizations.get(Equal.byReferenceUnsafe(known.organizations)),
      Layer.succeed(Policies, settings.policies),
      tokens.layer(settings.tokens, tokens.keyInFolder(settings.tokens.directory)),
    );
  };

  return Effect.fnUntraced(function* (settings: Settings, reloads: () => Reloads) {
    const { callers } = settings.identity;
    const { publicUrl, corsOrigins, trustedProxies } = settings.http;
    const all = Context.merge(fixed, yield* Layer.build(layerFor(settings)));
    const services = observer?.services(all) ?? all;
    const app = makeApp({
      services,
      readiness,
      configuration: () => configurationState(reloads()),
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
    return { services, fetch: (request: Request, peer: Peer) => app.fetch(request, peer) };
  });
});

function configurationState({ loadedAt, failure }: Reloads): PartState {
  if (failure === undefined) return { state: "ok", since: DateTime.makeUnsafe(loadedAt) };
  const { since, reason } = failure;
  return { state: "failing", since: DateTime.makeUnsafe(since), reason };
}
