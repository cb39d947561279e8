import { hash } from "node:crypto";
import type { Call } from "../../application/ports/authenticator.ts";

const BEARER = /^Bearer +([A-Za-z0-9._~+/-]{1,8192}=*)$/i;

/** The bearer token of a request (RFC 6750, section 2.1); none if there are several headers. */
export const bearerToken = ({ headers }: Pick<Call, "headers">): string | undefined =>
  BEARER.exec(headers.get("authorization") ?? "")?.[1];

/**
 * All hashes have one length, so that two can be compared. The text form is cheaper: for a hash as
 * bytes, the runtime allocates another object.
 */
export const hashToken = (token: string): Buffer =>
  Buffer.from(hash("sha256", token, "hex"), "hex");
