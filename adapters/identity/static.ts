import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { timingSafeEqual } from "node:crypto";
import { Authenticator } from "../../application/ports/authenticator.ts";
import { Unauthenticated } from "../../domain/errors.ts";
import type { Principal } from "../../domain/principal.ts";
import { watchJson } from "../json/json-file.ts";
import { bearerOf, hashOf } from "./bearer.ts";
import { organizationsOf } from "./claims.ts";
import { decodeTokens, endOf, idOf, type StoredToken } from "./token-file.ts";

/**
 * `AUTH=static`: the tokens in a file, which is read again every 5 seconds. If it cannot be read,
 * the last tokens stay valid.
 */
export const tokensOfFile = (path: string, atStart: ReadonlyArray<StoredToken>) =>
  Effect.gen(function* () {
    let known = byId(atStart);
    yield* watchJson(path, {
      decode: decodeTokens,
      onChange: (tokens) => (known = byId(tokens)),
      kept: "the tokens read before stay valid",
    });

    return Authenticator.of({
      authenticate: (call) => {
        const token = bearerOf(call) ?? "";
        const stored = known.get(idOf(token) ?? "");
        // Always compared with something, so that every answer takes the same time.
        const isGood = timingSafeEqual(hashOf(token), stored?.hash ?? NO_HASH);
        return isGood && stored !== undefined ? stored.principal : UNKNOWN;
      },
    });
  });

const NO_HASH = Buffer.alloc(32);
const UNKNOWN = Effect.fail(new Unauthenticated({ by: "token" }));

/** A principal until its token expires. */
const untilEnd = (principal: Principal, end: number) => {
  const known = Effect.succeed(principal);
  return end === Infinity
    ? known
    : Effect.flatMap(Clock.currentTimeMillis, (now) => (now < end ? known : UNKNOWN));
};

const byId = (tokens: ReadonlyArray<StoredToken>) =>
  new Map(
    tokens.map(({ id, sha256, kind, subject, organizations, scopes, ...end }) => {
      const principal: Principal = {
        kind,
        subject,
        scopes: new Set(scopes),
        organizations: organizationsOf(organizations),
      };
      return [id, { hash: Buffer.from(sha256, "hex"), principal: untilEnd(principal, endOf(end)) }];
    }),
  );
