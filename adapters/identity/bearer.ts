import * as Redacted from "effect/Redacted";
import { createHash } from "node:crypto";
import type { Call } from "../../application/ports/authenticator.ts";

const BEARER = /^Bearer +([A-Za-z0-9._~+/-]{1,8192}=*)$/i;

/** The bearer token of a request (RFC 6750, section 2.1); of several headers none is taken. */
export function bearerOf({ headers }: Call): Redacted.Redacted | undefined {
  const token = BEARER.exec(headers.get("authorization") ?? "")?.[1];
  return token === undefined ? undefined : Redacted.make(token);
}

/** By which a token is known again: of equal length for all, so that two can be compared. */
export const hashOf = (token: string): Buffer => createHash("sha256").update(token).digest();
