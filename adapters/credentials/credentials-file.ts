import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { readFile, stat } from "node:fs/promises";
import { CredentialsUnavailable } from "../../application/ports/presigner.ts";
import { decoder, type MemberFault } from "../json/decode.ts";
import { codeOf, parseJson, problemOf, readJsonFile } from "../json/parse.ts";
import { AWS4_HMAC_SHA256 } from "../signing/algorithms.ts";
import * as storage from "../settings/storage.ts";
import { type KeySigner, signWith } from "../signing/signer.ts";

/** How often a file of credentials is looked at for a change, in milliseconds. */
export const RECHECK = 5000;

/** Reads credentials out of parsed JSON, or says what is wrong with it and nothing that it holds. */
export type DecodeCredentials<A, From = unknown> = (from: From) => Result.Result<A, string>;

/** Reads the credentials in a file at the start of the service. */
export const readCredentials = <A>(
  path: string,
  decode: DecodeCredentials<A>,
): Result.Result<A, string> =>
  Result.mapError(
    Result.flatMap(readJsonFile(path), decode),
    (problem) => `the file ${path} ${problem}`,
  );

/** The credentials in the file at the moment; one object for as long as the file is the same. */
export function credentialsIn<A>(
  path: string,
  decode: DecodeCredentials<A>,
): Effect.Effect<A, CredentialsUnavailable> {
  let last: { readonly text: string; readonly credentials: A } | undefined;
  return Effect.tryPromise({
    try: async () => {
      const problem = problemOf(await stat(path));
      if (problem !== undefined) throw new Error(problem);
      return readFile(path, "utf8");
    },
    catch: (cause) => unavailable(path, `cannot be read (${codeOf(cause)})`),
  }).pipe(
    Effect.flatMap((text) => {
      if (text === last?.text) return Effect.succeed(last.credentials);
      const decoded = Result.flatMap(parseJson(text), decode);
      if (Result.isFailure(decoded)) return Effect.fail(unavailable(path, decoded.failure));
      last = { text, credentials: decoded.success };
      return Effect.succeed(decoded.success);
    }),
  );
}

const unavailable = (path: string, problem: string) =>
  new CredentialsUnavailable({ reason: `the file ${path} ${problem}` });

/** An access key with its secret. */
export interface AccessKey {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string | undefined;
  /** Milliseconds since 1970. */
  readonly expiresAt?: number | undefined;
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

const fields = {
  access_key: storage.AccessKeyName,
  secret_key: Schema.NonEmptyString,
  session_token: Schema.optionalKey(Schema.NonEmptyString),
  expires_at: Schema.optionalKey(
    Schema.String.check(
      Schema.makeFilter<string>((text) =>
        RFC_3339.test(text) && !Number.isNaN(Date.parse(text))
          ? undefined
          : "it is not an instant such as 2026-12-31T23:59:59Z",
      ),
    ),
  ),
};
const decode = decoder(Schema.Struct(fields), Object.keys(fields));

/** `{access_key, secret_key, session_token?, expires_at?}`, the last in the form of RFC 3339. */
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

/** The faults of credentials, to follow the name of what holds them. */
export function inWords(faults: ReadonlyArray<MemberFault>): string {
  const each = faults.map(({ pointer, reason }) => `${pointer || "the whole"}: ${reason}`);
  return `has a fault: ${each.join("; ")}`;
}

/** The same as a signer of AWS's algorithm. */
export const decodeAwsSigner: DecodeCredentials<KeySigner> = (json) =>
  Result.map(decodeAccessKey(json), ({ expiresAt, ...keys }) =>
    signWith({ algorithm: AWS4_HMAC_SHA256, ...keys }, expiresAt),
  );
