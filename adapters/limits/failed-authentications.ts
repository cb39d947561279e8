import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { type Authenticator, type Call } from "../../application/ports/authenticator.ts";
import type { RateLimit } from "../../domain/limits.ts";
import { type Bucket, rateLimited, take } from "../../domain/token-bucket.ts";
import { subscriberOf } from "../settings/networks.ts";

/** Of how many addresses failures are counted; the one that failed first is forgotten first. */
const MOST = 10_000;

/** How often the log says that an address is refused, in milliseconds. */
const SILENCE = 60_000;

type Service = Authenticator["Service"];

/**
 * The same authenticator, which refuses an address that fails too often: those alone are let in
 * that `recognize` knows, which costs nothing, so that nobody locks out others behind one address.
 * Each process counts for itself, and a request that does not fail counts nothing.
 */
export function limitFailures(service: Service, limit: RateLimit | "off"): Service {
  if (limit === "off") return service;
  const { authenticate, recognize = authenticate } = service;
  const buckets = new Map<string, Bucket>();
  let saidAt = -Infinity;

  const fail = (name: string, now: number) => {
    const { bucket } = take(limit, buckets.get(name), now);
    // To the end, so that the first is the one whose last failure is longest ago.
    buckets.delete(name);
    const [oldest] = buckets.keys();
    if (buckets.size >= MOST && oldest !== undefined) buckets.delete(oldest);
    buckets.set(name, bucket);
  };

  const attempt = (call: Call, address: string) =>
    Effect.tapErrorTag(authenticate(call), "Unauthenticated", () =>
      Effect.map(Clock.currentTimeMillis, (now) => fail(subscriberOf(address), now)),
    );

  const warn = (address: string, now: number) => {
    if (Math.abs(now - saidAt) < SILENCE) return Effect.void;
    saidAt = now;
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
        // All are there again.
        if (taken.bucket.used === 1) buckets.delete(name);
        if (taken.isAllowed) return attempt(call, address);
        return Effect.catchTag(recognize(call), "Unauthenticated", () =>
          Effect.andThen(warn(address, now), Effect.fail(rateLimited("address", limit, taken))),
        );
      });
    },
  };
}
