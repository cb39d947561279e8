import { timingSafeEqual } from "node:crypto";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import { Limiter } from "../../application/ports/limiter.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { guardStore } from "../../application/store/guarded-store.ts";
import type { StoreName } from "../../domain/place.ts";
import type { MetricsAccess, Services } from "../http/options.ts";
import { VERSION } from "../http/version.ts";
import { bearerToken, hashToken } from "../identity/bearer.ts";
import type { SharedLimiter } from "../limits/layer.ts";
import { countDecisions } from "../telemetry/decisions.ts";
import { watchEvents } from "../telemetry/events.ts";
import { watchEventLoop } from "../telemetry/event-loop.ts";
import { countLimits, markOpen } from "../telemetry/limiter.ts";
import { makeMeter, type Meter } from "../telemetry/meter.ts";
import { watchRequests } from "../telemetry/requests.ts";
import { countShed, watchStore } from "../telemetry/store.ts";
import { watchUsage } from "../telemetry/usage.ts";
import type { Settings } from "./settings.ts";

/** Most stores with metrics of their own. */
const MOST_STORES = 50;

export type Observer = ReturnType<typeof observe>;

/** Measures a process. Loaded only if metrics are read. */
export function observe({ http, metrics, storage, traces }: Settings) {
  const meter = makeMeter();
  watchEventLoop(meter);
  meter.observe("valetkey_build_info", [VERSION, runtimeName(), storage.adapter], () => 1);
  for (const what of ["connections", "requests"])
    meter.update("valetkey_turned_away_total", [what], 0);
  const meters = new Map<string, Meter>();
  const meterFor = (name: StoreName) => {
    const store = meters.has(name) || meters.size < MOST_STORES ? name : "other";
    const made = meters.get(store) ?? makeMeter(meter.context, { store });
    meters.set(store, made);
    return made;
  };
  const expected = metrics.token && hashToken(Redacted.value(metrics.token));
  const access: MetricsAccess = {
    hasToken: (headers) =>
      expected === undefined ||
      timingSafeEqual(hashToken(bearerToken({ headers }) ?? ""), expected),
    scrape: meter.format,
  };
  const { endpoint } = traces;
  // Loaded only if there is a collector.
  const sent =
    endpoint &&
    Effect.promise(() => import("../telemetry/traces/otlp.ts")).pipe(
      Effect.map(({ layer }) => layer(traces, endpoint, VERSION)),
      Layer.unwrap,
    );
  return {
    meter,
    /** The registry of all metrics, and the tracer. */
    layer: Layer.provideMerge(sent ?? Layer.empty, Layer.succeedContext(meter.context)),
    access,
    sharedLimiter:
      (shared: SharedLimiter): SharedLimiter =>
      ({ limits, spare }) =>
        shared({ limits, spare: spare && markOpen(spare) }),
    ...watchEvents(meter),
    ...watchUsage(meter),
    /** Guards and measures a store, by its name where there are several. */
    guarded: <A, E>(layer: Layer.Layer<A | ObjectStore, E>, name?: StoreName) => {
      const own = name === undefined ? meter : meterFor(name);
      const measured = Effect.flatMap(ObjectStore, (store) =>
        countShed(own, guardStore(watchStore(own, store))),
      );
      return Layer.effect(ObjectStore, measured).pipe(
        Layer.provideMerge(layer),
        Layer.provide(Layer.succeedContext(own.context)),
      );
    },
    services: (services: Context.Context<Services>): Context.Context<Services> =>
      Context.add(services, Limiter, countLimits(meter, Context.get(services, Limiter))),
    decisions: countDecisions(meter),
    requests: (services: Context.Context<never>) =>
      watchRequests(meter, http.publicUrl.protocol.slice(0, -1), endpoint && services),
  };
}

const runtimeName = () =>
  "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : `node ${process.versions.node}`;
