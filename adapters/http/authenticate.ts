import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import {
  Authenticator,
  type Principal,
  Unauthenticated,
} from "../../application/ports/authenticator.ts";

/** Tells who sent a request by its bearer token (RFC 6750, section 2.1), or fails. */
export function authenticate(
  request: Request,
): Effect.Effect<Principal, Unauthenticated, Authenticator> {
  const token = BEARER.exec(request.headers.get("authorization") ?? "")?.[1];
  return token === undefined
    ? Effect.fail(new Unauthenticated())
    : Authenticator.use((authenticator) => authenticator.authenticate(Redacted.make(token)));
}

const BEARER = /^Bearer +([A-Za-z0-9._~+/-]{1,8192}=*)$/i;
