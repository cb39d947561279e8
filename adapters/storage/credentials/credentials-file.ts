import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import { decoder, inWords } from "../../values/decode.ts";
import { jsonIn, readJsonFile, RECHECK } from "../../settings/json-file.ts";
import { AWS4_HMAC_SHA256 } from "../signing/algorithms.ts";
import type { SigningKeys } from "../signing/sign-query.ts";
import { type KeySigner, signWith } from "../signing/signer.ts";
import { type Expiring, hold } from "./held.ts";

/** Decodes credentials; a failure gives the reason without the content. */
export type DecodeCredentials<A, From = unknown> = (from: From) => Result.Result<A, string>;

export const readCredentials = <A>(
  path: string,
  decode: DecodeCredentials<A>,
): Result.Result<A, string> =>
  Result.mapError(
    Result.flatMap(readJsonFile(path), decode),
    (problem) => `the file ${path} ${problem}`,
  );

/** Reads a file that may change until the scope closes. */
export const credentialsIn = <A extends Expiring>(path: string, decode: DecodeCredentials<A>) =>
  hold(
    Effect.mapError(jsonIn(path, decode), (reason) => new CredentialsUnavailable({ reason })),
    RECHECK,
  );

export type AccessKey = Omit<SigningKeys, "algorithm"> & Expiring;

/** Text that can precede the slash in a credential. */
export const AccessKeyName = textThat(
  (name) => /^[!-.0-~]{3,128}$/.test(name),
  "it is not 3 to 128 printable characters without a slash",
);

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

const fields = {
  access_key: AccessKeyName,
  secret_key: Schema.NonEmptyString,
  session_token: Schema.optionalKey(Schema.NonEmptyString),
  expires_at: Schema.optionalKey(
    textThat(
      (text) => RFC_3339.test(text) && !Number.isNaN(Date.parse(text)),
      "it is not an instant such as 2026-12-31T23:59:59Z",
    ),
  ),
};
const decode = decoder(Schema.Struct(fields), Object.keys(fields));

/** Decodes `{access_key, secret_key, session_token?, expires_at?}`, the last as in RFC 3339. */
export const decodeAccessKey: DecodeCredentials<AccessKey> = (json) =>
  Result.mapBoth(decode(json), {
    onSuccess: ({ access_key, secret_key, session_token, expires_at }) => ({
      accessKey: access_key,
      secretKey: secret_key,
      sessionToken: session_token,
      expiresAt: expires_at === undefined ? undefined : Date.parse(expires_at),
    }),
    onFailure: inWords,
  });

export const decodeAwsSigner: DecodeCredentials<KeySigner> = (json) =>
  Result.map(decodeAccessKey(json), awsSigner);

export const awsSigner = ({ expiresAt, ...keys }: AccessKey): KeySigner =>
  signWith({ algorithm: AWS4_HMAC_SHA256, ...keys }, expiresAt);

export function textThat(isValid: (text: string) => boolean, reason: string) {
  const filter = Schema.makeFilter<string>((text) => (isValid(text) ? undefined : reason));
  return Schema.String.check(filter);
}
