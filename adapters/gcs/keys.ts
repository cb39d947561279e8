import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { createPrivateKey, type KeyObject } from "node:crypto";
import { decoder } from "../json/decode.ts";
import { GOOG4_HMAC_SHA256, GOOG4_RSA_SHA256 } from "../signing/algorithms.ts";
import { decodeKeyPair, type DecodeCredentials, inWords } from "../signing/credentials-file.ts";
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

/** An HMAC key of Cloud Storage. */
export const hmacSigner = (accessKey: string, secretKey: string, expiresAt?: number): GcsSigner =>
  signWith({ algorithm: GOOG4_HMAC_SHA256, accessKey, secretKey }, expiresAt);

/** Reads a service account's key as Google gives it out, or `{access_key, secret_key}`. */
export const decodeKey: DecodeCredentials<GcsKey> = (json) =>
  typeOf(json) === undefined
    ? Result.map(decodeKeyPair(json), ({ accessKey, secretKey, expiresAt }) => ({
        signer: hmacSigner(accessKey, secretKey, expiresAt),
      }))
    : decodeServiceAccount(json);

/** What kind of Google credentials parsed JSON says it is. */
export const typeOf = (json: unknown): unknown =>
  typeof json === "object" && json !== null && "type" in json ? json.type : undefined;

const decode = decoder(
  Schema.Struct({
    type: Schema.Literals(["service_account"]),
    client_email: Schema.String.check(Schema.isPattern(/^[^\s/@]+@[^\s/@]+$/)),
    private_key: Schema.NonEmptyString,
    project_id: Schema.optionalKey(Schema.String),
    universe_domain: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[a-z0-9.-]+$/))),
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
