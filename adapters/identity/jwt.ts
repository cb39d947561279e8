import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import { decodeJwt, errors, jwtVerify } from "jose";
import type { JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from "jose";
import { Authenticator } from "../../application/ports/authenticator.ts";
import { SizeText } from "../../domain/byte-size.ts";
import { IdentityUnavailable, Unauthenticated } from "../../domain/errors.ts";
import { DEFAULT_SCOPES, type Principal, Subject } from "../../domain/principal.ts";
import { BoundedMap } from "../values/bounded-map.ts";
import { bearerToken, hashToken } from "./bearer.ts";
import { claimAt, organizationsIn, scopesIn, storeIn } from "./claims.ts";
import { isUnknownKey, keyFromPem, keysAt } from "./key-set.ts";
import type { JwtSettings } from "./jwt-settings.ts";

/** Allowed difference between the clocks of the issuer and this machine, in seconds. */
const LEEWAY = 60;

/** Most verified tokens that are cached. */
const CAPACITY = 10_000;

/** Most keys tried for a token that does not name its key. */
const MOST_KEYS = 4;

const isSubject = Schema.is(Subject);
const decodeSize = Schema.decodeUnknownOption(SizeText);

interface VerifiedToken {
  readonly principal: Principal;
  readonly keys: JWTVerifyGetKey;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Authenticates by signed tokens of an issuer (RFC 7519; RFC 8725 for what is refused). */
export const jsonWebTokens = (settings: JwtSettings, capacity = CAPACITY) =>
  Effect.gen(function* () {
    const { jwksUrl, publicKey = "" } = settings;
    const keySet = jwksUrl === undefined ? keyFromPem(publicKey) : yield* keysAt(jwksUrl);
    const known = new BoundedMap<string, VerifiedToken>(capacity);
    const optionsAt = (now: number) => ({
      algorithms: [...settings.algorithms],
      issuer: settings.issuer,
      requiredClaims: ["exp"],
      ...(settings.type === undefined ? {} : { typ: settings.type }),
      clockTolerance: LEEWAY,
      currentDate: new Date(now),
    });

    const verify = (token: string, now: number) => {
      const attempt = (keys: JWTVerifyGetKey) =>
        Effect.tryPromise({
          try: async () => ({ keys, ...(await verifyWithAny(token, keys, optionsAt(now))) }),
          catch: (cause) => cause,
        });
      return Effect.flatMap(keySet.keys, attempt).pipe(
        Effect.catchIf(isUnknownKey, () => Effect.flatMap(keySet.newerKeys, attempt)),
        Effect.mapError((cause) =>
          cause instanceof IdentityUnavailable ? cause : UNAUTHENTICATED,
        ),
      );
    };

    return Authenticator.of({
      authenticate: Effect.fnUntraced(function* (call) {
        const token = bearerToken(call);
        if (token === undefined) return yield* UNAUTHENTICATED;
        const name = hashToken(token).toString("base64url");
        const now = yield* Clock.currentTimeMillis;
        const before = known.get(name);
        // Once the keys change, each token is verified again.
        const isKnown =
          before !== undefined && now < before.expiresAt && before.keys === (yield* keySet.keys);
        if (isKnown) return before.principal;
        if (!claimsToBeValid(token, settings, now)) return yield* UNAUTHENTICATED;
        const { payload, keys } = yield* verify(token, now);
        const principal = principalFrom(payload, settings);
        if (principal === undefined) return yield* UNAUTHENTICATED;
        known.set(name, { principal, keys, expiresAt: ((payload.exp ?? 0) + LEEWAY) * 1000 });
        return principal;
      }),
    });
  });

/** Reads the claims of a plausible token; for others no signature is checked and no key fetched. */
function claimsToBeValid(token: string, { issuer }: JwtSettings, now: number): boolean {
  try {
    const { iss, exp } = decodeJwt(token);
    return iss === issuer && exp !== undefined && now < (exp + LEEWAY) * 1000;
  } catch {
    return false;
  }
}

/** Verifies a token; one that does not name its key is tried with each key of its kind. */
async function verifyWithAny(token: string, keys: JWTVerifyGetKey, options: JWTVerifyOptions) {
  try {
    return await jwtVerify(token, keys, options);
  } catch (cause) {
    if (!(cause instanceof errors.JWKSMultipleMatchingKeys)) throw cause;
    let tried = 0;
    for await (const key of cause) {
      if (tried++ === MOST_KEYS) break;
      try {
        return await jwtVerify(token, key, options);
      } catch (inner) {
        // Any other failure does not depend on the key.
        if (!(inner instanceof errors.JWSSignatureVerificationFailed)) throw inner;
      }
    }
    throw cause;
  }
}

const UNAUTHENTICATED = new Unauthenticated({ by: "token" });

/** An `aud` beside another claim for the audience must agree (RFC 7519, section 4.1.3). */
const isForUs = (claims: JWTPayload, { audience, audienceClaim }: JwtSettings): boolean =>
  [claimAt(claims, audienceClaim), claims.aud ?? audience].every((claim) =>
    audience.some((ours) => [claim].flat().includes(ours)),
  );

function principalFrom(claims: JWTPayload, settings: JwtSettings): Principal | undefined {
  const subject = claimAt(claims, settings.subject);
  const sizeAt = (path: string | undefined) => {
    const size = path === undefined ? undefined : claimAt(claims, path);
    return size === undefined ? undefined : decodeSize(size);
  };
  const bytesPerDay = sizeAt(settings.quota);
  const storedBytes = sizeAt(settings.stored);
  const place = settings.store === undefined ? undefined : claimAt(claims, settings.store);
  const store = storeIn(place);
  // An unreadable plan must not become a plan without a limit, nor an unreadable place another one.
  const isUnread =
    [bytesPerDay, storedBytes].some((size) => size !== undefined && Option.isNone(size)) ||
    (place !== undefined && store === undefined);
  if (!isSubject(subject) || isUnread || !isForUs(claims, settings)) return undefined;
  const { organizations, scopes, scopesPrefix, service } = settings;
  const isService = service !== undefined && claimAt(claims, service.path) === service.value;
  return {
    kind: isService ? "service" : "user",
    subject,
    scopes: scopes === undefined ? DEFAULT_SCOPES : scopesIn(claimAt(claims, scopes), scopesPrefix),
    organizations:
      organizations === undefined ? "every" : organizationsIn(claimAt(claims, organizations)),
    bytesPerDay: bytesPerDay && Option.getOrUndefined(bytesPerDay),
    storedBytes: storedBytes && Option.getOrUndefined(storedBytes),
    store,
  };
}
