import * as Redacted from "effect/Redacted";
import { hash, timingSafeEqual } from "node:crypto";

/**
 * Makes the check that a request has one of the secrets: in `Authorization`, as a bearer token, as
 * the password of any user, or alone; with `inQuery` also as `secret` in the query.
 */
export function secretCheck(
  secrets: Redacted.Redacted<ReadonlyArray<string>>,
  { inQuery }: { readonly inQuery: boolean },
): (request: Request) => boolean {
  const expected = Redacted.value(secrets).map(digest);
  return ({ url, headers }) => {
    const queried = inQuery ? new URL(url).searchParams.get("secret") : null;
    const presented = digest(queried ?? secretIn(headers.get("authorization") ?? ""));
    return expected.reduce((isKnown, each) => timingSafeEqual(presented, each) || isKnown, false);
  };
}

/** Hashes have one length, so that two can be compared. */
const digest = (text: string) => hash("sha256", text, "buffer");

function secretIn(authorization: string): string {
  const [, scheme = "", credentials = ""] = AUTHORIZATION.exec(authorization) ?? [];
  if (scheme.toLowerCase() !== "basic") return credentials;
  return Buffer.from(credentials, "base64")
    .toString()
    .replace(/^[^:]*(?::|$)/, "");
}

const AUTHORIZATION = /^(?:(Bearer|Basic) +)?([\w.~+/=-]{1,1024})$/i;
