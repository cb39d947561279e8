import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { Authenticator } from "../../application/ports/authenticator.ts";
import type { RateLimit } from "../../domain/limits.ts";
import { type Bucket, rateLimited, take } from "../../domain/token-bucket.ts";
import { BoundedMap } from "../values/bounded-map.ts";
import { subscriberFrom } from "../values/networks.ts";

/** In milliseconds, between two log lines. */
const LOG_INTERVAL = 60_000;

type Service = Authenticator["Service"];

/**
 * Answers an address that fails too often with `RateLimited`. Only failures are counted and
 * refused, so that one client cannot lock out others behind the same address. Each process counts
 * for itself.
 */
export function limitFailures(service: Service, limit: RateLimit | "off"): Service {
  if (limit === "off") return service;
  // The address with the oldest last failure is dropped first.
  const buckets = new BoundedMap<string, Bucket>(10_000);
  let loggedAt = -Infinity;

  const fail = (address: string, now: number) => {
    const name = subscriberFrom(address);
    const taken = take(limit, buckets.get(name), now);
    buckets.set(name, taken.bucket);
    return taken;
  };

  const warn = (address: string, now: number) => {
    if (Math.abs(now - loggedAt) < LOG_INTERVAL) return Effect.void;
    loggedAt = now;
    return Effect.logWarning(
      "too many requests from one address are not authenticated, and are answered with 429 for now",
      { address },
    );
  };

  return {
    ...service,
    countFailure: Effect.fnUntraced(function* (call, refusal) {
      const address = call.client ?? call.address;
      if (address === undefined) return yield* refusal;
      const now = yield* Clock.currentTimeMillis;
      const taken = fail(address, now);
      if (taken.isAllowed) return yield* refusal;
      yield* warn(address, now);
      return yield* rateLimited("address", limit, taken);
    }),
  };
}
