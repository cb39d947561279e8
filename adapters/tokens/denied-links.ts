import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import type * as Scope from "effect/Scope";
import { watchJson } from "../json/json-file.ts";
import { decoder, inWords } from "../json/decode.ts";

/** The part of a link after its last dot. */
export const LinkEnd = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{43}$/));

/** Revoked links. */
export interface DeniedLinks {
  /** Their last parts; those of a file as it was at startup. */
  readonly ends: ReadonlySet<string>;
  /** The file to read again, if they are in one. */
  readonly path?: string | undefined;
}

const decode = decoder(Schema.Array(LinkEnd));

/** Decodes the file, a list, or says what is wrong with it. */
export const decodeDenied = (json: unknown): Result.Result<ReadonlySet<string>, string> =>
  Result.mapBoth(decode(json), { onSuccess: (ends) => new Set(ends), onFailure: inWords });

/** The links that are revoked now, kept up to date as long as the scope lasts. */
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
