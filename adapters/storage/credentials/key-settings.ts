import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import type * as Scope from "effect/Scope";
import { excludedBy, type Fault, fault, type Values } from "../../settings/setting.ts";
import * as storage from "../settings.ts";
import { AWS4_HMAC_SHA256 } from "../signing/algorithms.ts";
import { RECHECK } from "../../settings/changing-file.ts";
import { credentialsIn, decodeAwsSigner, readCredentials } from "./credentials-file.ts";
import { always, hold } from "./held.ts";
import { type Held, type KeySigner, type Signers, signWith } from "../signing/signer.ts";
import { separateKey, separateKeyFaults, separateKeySettings } from "./separate-keys.ts";

/** Settings of an access key, which all stores that speak the API of S3 share. */
export const keySettings = {
  accessKey: storage.accessKeyOf(undefined),
  secretKey: storage.secretKeyOf(undefined),
  sessionToken: storage.sessionTokenOf(undefined),
  credentialsFile: storage.credentialsFile,
  ...separateKeySettings,
};

/** An access key as it is configured: in variables, in a file, or not at all. */
export type KeySettings = Values<typeof keySettings>;

/** What does not go together in them. */
export const keyFaults = (values: Partial<KeySettings>): ReadonlyArray<Fault> => [
  ...ownKeyFaults(values),
  ...separateKeyFaults(values),
];

function ownKeyFaults(values: Partial<KeySettings>): ReadonlyArray<Fault> {
  const { accessKey, secretKey, credentialsFile } = values;
  const half = storage.halfKeyFaults({ accessKey, secretKey });
  if (half.length > 0) return half;
  if (credentialsFile === undefined) return [];
  if (accessKey !== undefined)
    return [excludedBy(keySettings.credentialsFile, keySettings.accessKey)];
  const read = readCredentials(credentialsFile, decodeAwsSigner);
  return Result.isSuccess(read)
    ? []
    : [fault(keySettings.credentialsFile, `cannot be used: ${read.failure}`)];
}

/** What signs with the configured key; undefined where none is configured. */
export function configuredSigner(
  settings: KeySettings,
): Effect.Effect<Held<KeySigner>, never, Scope.Scope> | undefined {
  const { accessKey, secretKey, sessionToken, credentialsFile } = settings;
  if (credentialsFile !== undefined) {
    return hold(credentialsIn(credentialsFile, decodeAwsSigner), RECHECK);
  }
  if (accessKey === undefined || secretKey === undefined) return undefined;
  const keys = {
    algorithm: AWS4_HMAC_SHA256,
    accessKey,
    secretKey: Redacted.value(secretKey),
    sessionToken: sessionToken && Redacted.value(sessionToken),
  };
  return Effect.succeed(always(signWith(keys)));
}

/** What signs each method: a key of its own where one is configured, else `own`. */
export function signersOf(settings: KeySettings, own: Held<KeySigner>): Signers<KeySigner> {
  const separate = (use: "put" | "get") => {
    const key = separateKey(settings, use);
    return key && always(signWith({ algorithm: AWS4_HMAC_SHA256, ...key }));
  };
  return { put: separate("put") ?? own, get: separate("get") ?? own };
}
