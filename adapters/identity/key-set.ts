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

/** Time between two fetches, in milliseconds: a token can name any key. */
const COOLDOWN = 60_000;

/** Time between two fetches while there are no keys yet. */
const FIRST_COOLDOWN = 1000;

interface KeySet {
  /** Returns the same function as long as the keys stay the same. */
  readonly keys: Effect.Effect<JWTVerifyGetKey, IdentityUnavailable>;
  /** Fetches again if the last fetch was more than a minute ago. */
  readonly newerKeys: Effect.Effect<JWTVerifyGetKey, IdentityUnavailable>;
}

/** A set of one key, which is used for any key that a token names. */
export function keyFromPem(pem: string): KeySet {
  const key = createPublicKey(pem).export({ format: "jwk" });
  const find = createLocalJWKSet({ keys: [key] } as JSONWebKeySet);
  const keys = Effect.succeed<JWTVerifyGetKey>(({ alg }, token) => find({ alg }, token));
  return { keys, newerKeys: keys };
}

/**
 * Fetches the keys that an issuer publishes (RFC 7517, section 5). While it does not answer, the
 * last ones stay in use. docs/decisions/own-key-set.md says why `jose` does not fetch them.
 */
export const keysAt = (url: URL) =>
  Effect.gen(function* () {
    let latest: LocalJWKSet | undefined;
    let fetchedAt = -Infinity;
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
            const isSame = JSON.stringify(keys.jwks()) === JSON.stringify(latest?.jwks());
            if (!isSame) latest = keys;
          }),
        onFailure: ({ reason }) => {
          const effect =
            latest === undefined ? "no token can be verified" : "the last ones stay in use";
          return Effect.logWarning(`JWT_JWKS_URL gives no keys, so ${effect}: ${reason}`);
        },
      }),
    );
    // Callers during a fetch wait for it and start no other.
    const refresh = oneAtATime.withPermit(
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const cooldown = latest === undefined ? FIRST_COOLDOWN : COOLDOWN;
        if (Math.abs(now - fetchedAt) < cooldown) return Effect.void;
        // Counted from the end: otherwise each caller that waited for a hanging fetch would start
        // another.
        return Effect.map(Effect.andThen(ask, Clock.currentTimeMillis), (end) => {
          fetchedAt = end;
        });
      }),
    );
    const current = Effect.suspend(() =>
      latest === undefined ? Effect.fail(noKeys("there are no keys yet")) : Effect.succeed(latest),
    );
    yield* Effect.forkScoped(Effect.repeat(refresh, Schedule.spaced(REFRESH)));
    const newerKeys = Effect.andThen(refresh, current);
    const keys: KeySet = { keys: current.pipe(Effect.catch(() => newerKeys)), newerKeys };
    return keys;
  });

/** Returns true if the set has no such key, so that a newer set may have it. */
export const isUnknownKey = (cause: unknown): boolean => cause instanceof errors.JWKSNoMatchingKey;

const noKeys = (reason: string) => new IdentityUnavailable({ reason });
