import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import type * as Scope from "effect/Scope";
import { watchJson } from "../settings/json-file.ts";
import { decoder, inWords } from "../settings/decode.ts";

export const LinkEnd = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{43}$/));

export interface DeniedLinks {
  readonly ends: ReadonlySet<string>;
  /** Of a file that is read again while the service runs. */
  readonly path?: string | undefined;
}

const decode = decoder(Schema.Array(LinkEnd));

export const decodeDenied = (json: unknown): Result.Result<ReadonlySet<string>, string> =>
  Result.mapBoth(decode(json), { onSuccess: (ends) => new Set(ends), onFailure: inWords });

/** Kept up to date as long as the scope lasts. */
export const deniedNow = ({
  ends,
  path,
}: DeniedLinks): Effect.Effect<Pick<ReadonlySet<string>, "has">, never, Scope.Scope> => {
  if (path === undefined) return Effect.succeed(ends);
  let current = ends;
  const watched = watchJson(path, {
    decode: decodeDenied,
    onChange: (now) => (current = now),
    kept: "the links that it named stay revoked",
  });
  return Effect.as(watched, { has: (end) => current.has(end) });
};
