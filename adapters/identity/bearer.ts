import { hash } from "node:crypto";
import type { Call } from "../../application/ports/authenticator.ts";

const BEARER = /^Bearer +([A-Za-z0-9._~+/-]{1,8192}=*)$/i;

/** The bearer token of a request (RFC 6750, section 2.1); none if there are several headers. */
export const bearerOf = ({ headers }: Call): string | undefined =>
  BEARER.exec(headers.get("authorization") ?? "")?.[1];

/**
 * The hash by which a token is recognized: all have the same length, so two can be compared.
 * Written as text first, since the runtime allocates a hash that it gives as bytes by itself.
 */
export const hashOf = (token: string): Buffer => Buffer.from(hash("sha256", token, "hex"), "hex");
