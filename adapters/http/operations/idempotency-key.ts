import * as Effect from "effect/Effect";
import { InvalidIdempotencyKey } from "../problems/refusals.ts";

// A string of RFC 9651, section 3.3.3, as draft-ietf-httpapi-idempotency-key-header asks for, or
// the same without quotes, as most clients send it.
const QUOTED = /^"([\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"$/;
const BARE = /^[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,255}$/;

export const IDEMPOTENCY = {
  name: "Idempotency-Key",
  in: "header",
  description:
    "A key of the caller's choice: 1 to 255 printable ASCII characters, with or without double quotes. The same request with the same key gets the same object again, and the file is written once.",
  schema: {
    type: "string",
    pattern: `${QUOTED.source}|${BARE.source}`,
    examples: ["3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f"],
  },
};

export function parseIdempotencyKey(
  header: string | null,
): Effect.Effect<string | undefined, InvalidIdempotencyKey> {
  if (header === null) return Effect.undefined;
  const key = QUOTED.exec(header)?.[1] ?? BARE.exec(header)?.[0];
  return key === undefined ? Effect.fail(new InvalidIdempotencyKey()) : Effect.succeed(key);
}
