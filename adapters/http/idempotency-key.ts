import * as Effect from "effect/Effect";
import { InvalidIdempotencyKey } from "./refusals.ts";

// A string of RFC 9651, section 3.3.3, as draft-ietf-httpapi-idempotency-key-header asks for, or
// the same without quotes, as most clients send it.
const QUOTED = /^"([\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"$/;
const BARE = /^[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,255}$/;

/** What the header `Idempotency-Key` may hold, as the source of a regular expression. */
export const IDEMPOTENCY_KEY = `${QUOTED.source}|${BARE.source}`;

/** The key in the header `Idempotency-Key`; undefined if the header is not there. */
export function parseIdempotencyKey(
  header: string | null,
): Effect.Effect<string | undefined, InvalidIdempotencyKey> {
  if (header === null) return Effect.undefined;
  const key = QUOTED.exec(header)?.[1] ?? BARE.exec(header)?.[0];
  return key === undefined ? Effect.fail(new InvalidIdempotencyKey()) : Effect.succeed(key);
}
