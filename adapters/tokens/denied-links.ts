import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import type * as Scope from "effect/Scope";
import { watchJson } from "../settings/changing-file.ts";
import { decoder, inWords } from "../settings/decode.ts";

/** What follows the last dot of a link. */
export const LinkEnd = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{43}$/));

/** Links that are taken back. */
export interface DeniedLinks {
  /** Their last parts; of a file, those that are in it at the start. */
  readonly ends: ReadonlySet<string>;
  /** The file that is looked at again, where it is one. */
  readonly path?: string | undefined;
}

const decode = decoder(Schema.Array(LinkEnd));

/** Reads the file, a list, or says what is wrong with it. */
export const decodeDenied = (json: unknown): Result.Result<ReadonlySet<string>, string> =>
  Result.mapBoth(decode(json), { onSuccess: (ends) => new Set(ends), onFailure: inWords });

/** Which links are taken back at the moment, for as long as the scope lasts. */
export const deniedNow = ({
  ends,
  path,
}: DeniedLinks): Effect.Effect<Pick<ReadonlySet<string>, "has">, never, Scope.Scope> => {
  if (path === undefined) return Effect.succeed(ends);
  let current = ends;
  const watched = watchJson(path, {
    decode: decodeDenied,
    onChange: (now) => (current = now),
    kept: "the links that it named stay taken back",
  });
  return Effect.as(watched, { has: (end) => current.has(end) });
};
