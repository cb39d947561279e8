import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import { CookiesNotSupported, ScopeMissing } from "../../domain/errors.ts";
import { DEFAULT_POLICY } from "../../domain/upload-policy.ts";
import type { Member } from "../admit.ts";
import { policyNamed } from "../choose-policy.ts";
import { Presigner } from "../ports/presigner.ts";
import { type AskedFolder, prefixAsked } from "./list-files.ts";

/**
 * Signs cookies that open all files of the member's organization at the CDN, of some folders of it,
 * or of the member's own, for as long as a URL of the policy `files`. Fails with `ScopeMissing` for
 * a caller that may not read, or may open only its own files and has not asked for those,
 * `NoOwnFolder` or `CookiesNotSupported`.
 */
export const signCookies = Effect.fnUntraced(function* (
  request: AskedFolder & { readonly member: Member },
) {
  const { member } = request;
  const prefix = yield* prefixAsked(member, request);
  const { cookies } = yield* Presigner;
  if (cookies === undefined) return yield* new CookiesNotSupported();
  const { scopes } = member.principal;
  if (!scopes.has("read") && !(request.mine === true && scopes.has("mine"))) {
    return yield* new ScopeMissing({ scope: "read", own: "mine" });
  }
  const { getLifetime } = yield* policyNamed(DEFAULT_POLICY);
  const expiresAt = DateTime.addDuration(yield* DateTime.now, getLifetime);
  return { ...cookies(prefix, expiresAt), expiresAt };
});
