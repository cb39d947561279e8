import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { randomBytes } from "node:crypto";
import { OrganizationSlug } from "../../domain/organization.ts";
import { Scope, Subject } from "../../domain/principal.ts";
import { CallerKind } from "../../domain/upload-policy.ts";
import { decoder, inWords } from "../values/decode.ts";
import { hashToken } from "./bearer.ts";

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/;

export const StoredToken = Schema.Struct({
  id: Schema.String.check(Schema.isPattern(/^[0-9a-f]{16}$/)),
  /** Hash of the whole token. It is random, so it needs no salt. */
  sha256: Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/)),
  kind: CallerKind,
  subject: Subject,
  organizations: Schema.NonEmptyArray(OrganizationSlug),
  scopes: Schema.NonEmptyArray(Scope),
  expires_at: Schema.optionalKey(
    Schema.String.check(
      Schema.makeFilter<string>((text) =>
        INSTANT.test(text) && !Number.isNaN(Date.parse(text))
          ? undefined
          : "it is not an instant such as 2027-01-31T00:00:00Z",
      ),
    ),
  ),
});
export type StoredToken = typeof StoredToken.Type;

const TokenFile = Schema.Struct({ tokens: Schema.Array(StoredToken) });
const decode = decoder(TokenFile, ["tokens", ...Object.keys(StoredToken.fields)], 3);

export const decodeTokens = (json: unknown): Result.Result<ReadonlyArray<StoredToken>, string> =>
  Result.mapBoth(decode(json), { onSuccess: ({ tokens }) => tokens, onFailure: inWords });

/** In milliseconds since 1970. */
export const expiryTime = ({ expires_at }: Pick<StoredToken, "expires_at">): number =>
  expires_at === undefined ? Infinity : Date.parse(expires_at);

export function newToken() {
  const id = randomBytes(8).toString("hex");
  const token = `vk_${id}_${randomBytes(32).toString("base64url")}`;
  return { id, token, sha256: hashToken(token).toString("hex") };
}

export const tokenId = (token: string): string | undefined =>
  /^vk_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/.exec(token)?.[1];
