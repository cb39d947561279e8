import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import { type Authenticator, type Call } from "../../application/ports/authenticator.ts";
import type { RateLimit } from "../../domain/limits.ts";
import { type Bucket, rateLimited, take } from "../../domain/token-bucket.ts";
import { subscriberOf } from "../settings/networks.ts";

/** For how many addresses failures are counted; the oldest is forgotten first. */
const MAX_ADDRESSES = 10_000;

/** How often a refused address is logged at most, in milliseconds. */
const LOG_INTERVAL = 60_000;

type Service = Authenticator["Service"];

/**
 * The same authenticator, which refuses an address that fails too often. Callers that `recognize`
 * knows are still let in, so that nobody locks out others behind the same address. Each process
 * counts for itself, and only failures count.
 */
export function limitFailures(service: Service, limit: RateLimit | "off"): Service {
  if (limit === "off") return service;
  const { authenticate, recognize = authenticate } = service;
  const buckets = new Map<string, Bucket>();
  let loggedAt = -Infinity;

  const fail = (name: string, now: number) => {
    const { bucket } = take(limit, buckets.get(name), now);
    // Moved to the end, so that the first is the one whose last failure is longest ago.
    buckets.delete(name);
    const [oldest] = buckets.keys();
    if (buckets.size >= MAX_ADDRESSES && oldest !== undefined) buckets.delete(oldest);
    buckets.set(name, bucket);
  };

  const attempt = (call: Call, address: string) => {
    const attempted = authenticate(call);
    // Known at once, as most callers are.
    if (Exit.isExit(attempted) && Exit.isSuccess(attempted)) return attempted;
    return Effect.tapErrorTag(attempted, "Unauthenticated", () =>
      Effect.map(Clock.currentTimeMillis, (now) => fail(subscriberOf(address), now)),
    );
  };

  const warn = (address: string, now: number) => {
    if (Math.abs(now - loggedAt) < LOG_INTERVAL) return Effect.void;
    loggedAt = now;
    return Effect.logWarning(
      "too many requests from one address were not authenticated, and it is refused for now; if it is your reverse proxy, add it to TRUSTED_PROXIES, or to the option trustedProxies",
      { address },
    );
  };

  return {
    recognize,
    authenticate: (call) => {
      const address = call.client ?? call.address;
      if (address === undefined) return authenticate(call);
      if (buckets.size === 0) return attempt(call, address);
      const name = subscriberOf(address);
      const bucket = buckets.get(name);
      if (bucket === undefined) return attempt(call, address);
      return Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const taken = take(limit, bucket, now);
        // The bucket is full again.
        if (taken.bucket.used === 1) buckets.delete(name);
        if (taken.isAllowed) return attempt(call, address);
        return Effect.catchTag(recognize(call), "Unauthenticated", () =>
          Effect.andThen(warn(address, now), Effect.fail(rateLimited("address", limit, taken))),
        );
      });
    },
  };
}
