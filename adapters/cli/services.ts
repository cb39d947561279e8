import * as Effect from "effect/Effect";
import * as Equal from "effect/Equal";
import * as Layer from "effect/Layer";
import * as LayerMap from "effect/LayerMap";
import { Authenticator } from "../../application/ports/authenticator.ts";
import { guarded } from "../../application/guarded-store.ts";
import { Limiter } from "../../application/ports/limiter.ts";
import { Policies } from "../../application/ports/policies.ts";
import * as random from "../crypto/random.ts";
import * as identity from "../identity/layer.ts";
import type { OrganizationSettings } from "../identity/organizations.ts";
import type { CallerSettings } from "../identity/settings.ts";
import { limitFailures } from "../limits/failed-authentications.ts";
import * as limits from "../limits/layer.ts";
import { makeCounters } from "../limits/memory.ts";
import { redisLimiter } from "../limits/redis/limiter.ts";
import { FAILED_AUTHENTICATIONS } from "../limits/settings.ts";
import type { Storage } from "../storage/storage.ts";
import * as audit from "../telemetry/audit.ts";
import * as telemetry from "../telemetry/log.ts";
import * as tokens from "../tokens/layer.ts";
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
 * Makes the function from a configuration to the layer of all other services. The connection to
 * Redis, what was counted against limits and the keys of issuers stay from one configuration to the
 * next, and so do the store, callers and organizations while their settings are the same objects.
 */
export const makeServices = Effect.fnUntraced(function* (
  { redis }: Settings,
  observer: Observer | undefined,
) {
  const shared = redis && (yield* redisLimiter(redis));
  const limiterWith = shared && (observer?.limiterWith(shared) ?? shared);
  const counters = makeCounters();
  const failures = new Map();
  const stores = yield* LayerMap.make(({ layer }: Storage) =>
    guarded(observer?.store(layer) ?? layer),
  );
  const keySets = yield* identity.makeKeySets;
  const callers = yield* LayerMap.make((settings: CallerSettings) =>
    identity.authenticatorLayer(settings, keySets),
  );
  const organizations = yield* LayerMap.make((settings: OrganizationSettings) =>
    identity.organizationsLayer(settings),
  );
  return ({ identity, storage, policies, ...settings }: Settings) => {
    const failed = settings.limits.failedAuthentications ?? FAILED_AUTHENTICATIONS;
    const limited = Effect.map(Authenticator, (service) =>
      limitFailures(service, failed, failures),
    );
    return Layer.mergeAll(
      stores.get(Equal.byReferenceUnsafe(storage)),
      Layer.sync(Limiter, () => limits.limiter(settings.limits, limiterWith, counters)),
      Layer.effect(Authenticator, limited).pipe(
        Layer.provide(callers.get(Equal.byReferenceUnsafe(identity.callers))),
      ),
      organizations.get(Equal.byReferenceUnsafe(identity.organizations)),
      Layer.succeed(Policies, policies),
      tokens.layer(settings.tokens, tokens.keyInFolder(settings.tokens.directory)),
    );
  };
});
