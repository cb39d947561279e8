import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { timingSafeEqual } from "node:crypto";
import { Authenticator } from "../../application/ports/authenticator.ts";
import { Unauthenticated } from "../../domain/errors.ts";
import type { Principal } from "../../domain/principal.ts";
import { readJsonFile, watchJson } from "../settings/json-file.ts";
import { fault, type Read, readSettings, setting } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import { bearerToken, hashToken } from "./bearer.ts";
import { organizationsIn } from "./claims.ts";
import { decodeTokens, expiryTime, tokenId, type StoredToken } from "./token-file.ts";

export const settings = {
  file: setting({
    variable: "AUTH_TOKENS_FILE",
    meaning: "Hashes of tokens, for `AUTH=static`.",
    codec: Schema.NonEmptyString,
    shape: "the path of a file that valetkey token create has made",
    example: "/etc/valetkey/tokens.json",
  }),
};

interface TokenSettings {
  readonly file: string;
  readonly tokens: ReadonlyArray<StoredToken>;
}

export const read = (source: Source): Read<TokenSettings> =>
  Result.flatMap(readSettings(settings, source), ({ file }) =>
    Result.mapBoth(Result.flatMap(readJsonFile(file), decodeTokens), {
      onSuccess: (tokens) => ({ file, tokens }),
      onFailure: (problem) => [fault(settings.file, `names a file that ${problem}`)],
    }),
  );

/** Authenticates by the tokens of a file, which may change until the scope closes. */
export const storedTokens = Effect.fnUntraced(function* ({ file, tokens }: TokenSettings) {
  let known = byId(tokens);
  yield* watchJson(file, {
    document: "tokens",
    decode: decodeTokens,
    onChange: (now) => (known = byId(now)),
    kept: "the tokens that it named stay valid",
  });
  return Authenticator.of({
    authenticate: (call) => {
      const token = bearerToken(call) ?? "";
      const stored = known.get(tokenId(token) ?? "");
      // Compared even without a token of that id, so that every answer takes the same time.
      const isGood = timingSafeEqual(hashToken(token), stored?.hash ?? NO_HASH);
      return isGood && stored !== undefined ? stored.principal : UNAUTHENTICATED;
    },
  });
});

const NO_HASH = Buffer.alloc(32);
const UNAUTHENTICATED = Effect.fail(new Unauthenticated({ by: "token" }));

const untilEnd = (principal: Principal, end: number) => {
  const known = Effect.succeed(principal);
  return end === Infinity
    ? known
    : Effect.flatMap(Clock.currentTimeMillis, (now) => (now < end ? known : UNAUTHENTICATED));
};

const byId = (tokens: ReadonlyArray<StoredToken>) =>
  new Map(
    tokens.map(({ id, sha256, kind, subject, organizations, scopes, ...end }) => {
      const principal: Principal = {
        kind,
        subject,
        scopes: new Set(scopes),
        organizations: organizationsIn(organizations),
      };
      return [
        id,
        { hash: Buffer.from(sha256, "hex"), principal: untilEnd(principal, expiryTime(end)) },
      ];
    }),
  );
