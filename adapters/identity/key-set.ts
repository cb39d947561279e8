import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Schedule from "effect/Schedule";
import * as Semaphore from "effect/Semaphore";
import { IdentityUnavailable } from "../../domain/errors.ts";
import { createLocalJWKSet, errors } from "jose";
import type { JSONWebKeySet, JWTVerifyGetKey, LocalJWKSet } from "jose";
import { createPublicKey } from "node:crypto";
import { fetchJson, within } from "./fetch-json.ts";

const REFRESH = "10 minutes";

/** In milliseconds: a token can name any key. */
const COOLDOWN = 60_000;

/** While there are no keys yet. */
const FIRST_COOLDOWN = 1000;

interface KeySet {
  /** The same function as long as the keys stay the same. */
  readonly keys: Effect.Effect<JWTVerifyGetKey, IdentityUnavailable>;
  /** Fetched again if the last fetch was more than a minute ago. */
  readonly newerKeys: Effect.Effect<JWTVerifyGetKey, IdentityUnavailable>;
}

/** One key, whichever key a token names. */
export function keyFromPem(pem: string): KeySet {
  const key = createPublicKey(pem).export({ format: "jwk" });
  const find = createLocalJWKSet({ keys: [key] } as JSONWebKeySet);
  const keys = Effect.succeed<JWTVerifyGetKey>(({ alg }, token) => find({ alg }, token));
  return { keys, newerKeys: keys };
}

/**
 * The keys that an issuer publishes (RFC 7517, section 5). While it does not answer, the last ones
 * stay in use. Why `jose` does not fetch them: docs/decisions/own-key-set.md.
 */
export const keysAt = (url: URL) =>
  Effect.gen(function* () {
    let found: LocalJWKSet | undefined;
    let askedAt = -Infinity;
    const oneAtATime = yield* Semaphore.make(1);

    const ask = fetchJson(url).pipe(
      within(Duration.seconds(5), url),
      Effect.flatMap(({ status, body }) =>
        status === 200
          ? Effect.try({
              try: () => createLocalJWKSet(body as JSONWebKeySet),
              catch: () => noKeys("the answer is not a JSON Web Key Set"),
            })
          : Effect.fail(noKeys(`the answer has the status ${status}`)),
      ),
      Effect.matchEffect({
        onSuccess: (keys) =>
          Effect.sync(() => {
            const isSame = JSON.stringify(keys.jwks()) === JSON.stringify(found?.jwks());
            if (!isSame) found = keys;
          }),
        onFailure: ({ reason }) => {
          const effect =
            found === undefined ? "no token can be verified" : "the last ones stay in use";
          return Effect.logWarning(`JWT_JWKS_URL gives no keys, so ${effect}: ${reason}`);
        },
      }),
    );
    // Callers that come during a fetch wait for it, and do not start another.
    const refresh = oneAtATime.withPermit(
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const cooldown = found === undefined ? FIRST_COOLDOWN : COOLDOWN;
        if (Math.abs(now - askedAt) < cooldown) return Effect.void;
        // Counted from its end, or callers that waited for a hanging fetch would start one more
        // each.
        return Effect.map(Effect.andThen(ask, Clock.currentTimeMillis), (end) => {
          askedAt = end;
        });
      }),
    );
    const current = Effect.suspend(() =>
      found === undefined ? Effect.fail(noKeys("there are no keys yet")) : Effect.succeed(found),
    );
    yield* Effect.forkScoped(Effect.repeat(refresh, Schedule.spaced(REFRESH)));
    const newerKeys = Effect.andThen(refresh, current);
    const keys: KeySet = { keys: current.pipe(Effect.catch(() => newerKeys)), newerKeys };
    return keys;
  });

/** Returns true if the set has no such key, so that a newer set may have it. */
export const isUnknownKey = (cause: unknown): boolean => cause instanceof errors.JWKSNoMatchingKey;

const noKeys = (reason: string) => new IdentityUnavailable({ reason });
