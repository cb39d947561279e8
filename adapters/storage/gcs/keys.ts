import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { createPrivateKey, type KeyObject } from "node:crypto";
import { decoder, inWords } from "../../settings/decode.ts";
import { GOOG4_HMAC_SHA256, GOOG4_RSA_SHA256 } from "../signing/algorithms.ts";
import {
  type AccessKey,
  decodeAccessKey,
  type DecodeCredentials,
} from "../credentials/credentials-file.ts";
import { type KeySigner, signWith } from "../signing/signer.ts";

/** A key that signs here: of a service account (RSA), or an HMAC key. */
export type GcsSigner = KeySigner<KeyObject> | KeySigner;

/** Whether the key is a service account's, which the official client can use as well. */
export const isServiceAccount = (signer: GcsSigner): signer is KeySigner<KeyObject> =>
  typeof signer.keys.secretKey !== "string";

/** A key, and what else its file says. */
export interface GcsKey {
  readonly signer: GcsSigner;
  readonly project?: string | undefined;
  readonly universeDomain?: string | undefined;
}

/** An HMAC key of Cloud Storage: their names begin with GOOG, and they have no session tokens. */
export const hmacKey: DecodeCredentials<GcsKey, AccessKey> = (key) => {
  const { accessKey, secretKey, expiresAt } = key;
  if (!accessKey.startsWith("GOOG")) {
    return Result.fail(
      "has a fault: /access_key: it does not begin with GOOG, as HMAC keys of Cloud Storage do",
    );
  }
  if (key.sessionToken !== undefined) {
    return Result.fail("has a fault: /session_token: HMAC keys of Cloud Storage have none");
  }
  const keys = { algorithm: GOOG4_HMAC_SHA256, accessKey, secretKey };
  return Result.succeed({ signer: signWith(keys, expiresAt) });
};

/** Reads a service account's key as Google gives it out, or `{access_key, secret_key}`. */
export const decodeKey: DecodeCredentials<GcsKey> = (json) =>
  typeOf(json) === undefined
    ? Result.flatMap(decodeAccessKey(json), hmacKey)
    : decodeServiceAccount(json);

/** What kind of Google credentials parsed JSON says it is. */
export const typeOf = (json: unknown): unknown =>
  typeof json === "object" && json !== null && "type" in json ? json.type : undefined;

const decode = decoder(
  Schema.Struct({
    type: Schema.String.check(
      Schema.makeFilter<string>((text) =>
        text === "service_account" ? undefined : "it is not service_account",
      ),
    ),
    client_email: Schema.String.check(
      Schema.makeFilter<string>((text) =>
        /^[^\s/@]+@[^\s/@]+$/.test(text) ? undefined : "it is not the address of an account",
      ),
    ),
    private_key: Schema.NonEmptyString,
    project_id: Schema.optionalKey(Schema.String),
    universe_domain: Schema.optionalKey(
      Schema.String.check(
        Schema.makeFilter<string>((text) =>
          /^[a-z0-9.-]+$/.test(text) ? undefined : "it is not a domain",
        ),
      ),
    ),
  }),
);

/** Reads a service account's key, whose members are Google's. */
export const decodeServiceAccount: DecodeCredentials<GcsKey> = (json) =>
  Result.flatMap(Result.mapError(decode(json), inWords), (key) => {
    const secretKey = rsaKeyOf(key.private_key);
    if (secretKey === undefined) {
      return Result.fail("has a fault: /private_key: it is not a readable RSA key in PEM");
    }
    const accessKey = key.client_email;
    return Result.succeed({
      signer: signWith({ algorithm: GOOG4_RSA_SHA256, accessKey, secretKey }),
      project: key.project_id,
      universeDomain: key.universe_domain,
    });
  });

function rsaKeyOf(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === "rsa" ? key : undefined;
  } catch {
    return undefined;
  }
}
