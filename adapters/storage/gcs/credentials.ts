import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { createPrivateKey, type KeyObject } from "node:crypto";
import { decoder, inWords, memberAt } from "../../values/decode.ts";
import { parseJson } from "../../settings/json-file.ts";
import {
  excludedBy,
  type Fault,
  fault,
  optional,
  type Read,
  type Setting,
  type Values,
} from "../../settings/setting.ts";
import {
  type AccessKey,
  decodeAccessKey,
  type DecodeCredentials,
  readCredentials,
  textThat,
} from "../credentials/credentials-file.ts";
import {
  halfKeyFaults,
  keyIn,
  mainKeySettings,
  roleSettings,
  separateKeyFaults,
  separateKeySettings,
} from "../credentials/key-settings.ts";
import * as storage from "../settings.ts";
import { GOOG4_HMAC_SHA256, GOOG4_RSA_SHA256 } from "../signing/algorithms.ts";
import { type KeySigner, signWith } from "../signing/signer.ts";

// Three signers: the key of a service account, which the official client uses for calls too; an
// HMAC key, which only signs; and without a key IAM (keyless.ts).

export type GcsSigner = KeySigner<KeyObject> | KeySigner;

export const isServiceAccount = (signer: GcsSigner): signer is KeySigner<KeyObject> =>
  typeof signer.keys.secretKey !== "string";

export interface GcsKey {
  readonly signer: GcsSigner;
  /** The key's file, which may change while the service runs. */
  readonly path?: string | undefined;
  readonly project?: string | undefined;
  readonly universeDomain?: string | undefined;
}

const ACCOUNT = /^[^\s/@]+@[^\s/@]+$/;
const DOMAIN = /^[a-z0-9.-]+$/;

const applicationCredentials: Setting<string | undefined> = optional({
  variable: "GOOGLE_APPLICATION_CREDENTIALS",
  meaning: "A key file.",
  codec: storage.Path,
  shape: ({ name }) =>
    `the path of a file of Google credentials, and not its content (that is for ${name(credentialSettings.credentials)})`,
  example: "/run/secrets/service-account.json",
});

export const credentialSettings = {
  credentialsFile: storage.credentialsFile,
  credentials: optional({
    variable: "STORAGE_GCS_CREDENTIALS",
    option: "credentials",
    meaning: "The content of a key file.",
    // JSON as text, or parsed.
    codec: Schema.RedactedFromValue(
      Schema.Union([Schema.NonEmptyString, Schema.Record(Schema.String, Schema.Unknown)]),
    ),
    shape: ({ name }) =>
      `the JSON of a service account's key (a path is for ${name(applicationCredentials)})`,
    example: "$(cat service-account.json)",
  }),
  applicationCredentials,
  accessKey: mainKeySettings.accessKey,
  secretKey: mainKeySettings.secretKey,
  // An HMAC key, or an account as which IAM signs.
  ...separateKeySettings,
  ...roleSettings({
    codec: Schema.String.check(Schema.isPattern(ACCOUNT)),
    shape: "the address of a service account",
    example: (use) => `valetkey${use ? `-${use}` : ""}@my-project.iam.gserviceaccount.com`,
  }),
};
type CredentialValues = Partial<Values<typeof credentialSettings>>;

type KeyOrNone = Read<GcsKey | undefined>;

/**
 * Prefers the key of a service account to an HMAC key; IAM signs if there is none, and for a role,
 * which Google's own library assumes with the credentials of this machine.
 */
export function readKey(values: CredentialValues): KeyOrNone {
  const { credentialsFile: file, credentials, accessKey, role } = values;
  if (role !== undefined) {
    const keys = ["credentialsFile", "credentials", "accessKey"] as const;
    const key = keys.find((name) => values[name] !== undefined);
    return key === undefined
      ? Result.succeed(undefined)
      : Result.fail([excludedBy(credentialSettings.role, credentialSettings[key])]);
  }
  const { applicationCredentials: path } = values;
  if (file !== undefined) {
    return (accessKey ?? credentials) === undefined
      ? keyFrom(storage.credentialsFile, readCredentials(file, decodeKey), file)
      : Result.fail([fault(storage.credentialsFile, "must be the only key that is given")]);
  }
  if (credentials !== undefined) {
    const source = Redacted.value(credentials);
    const json = typeof source === "string" ? parseJson(source) : Result.succeed(source);
    const key = Result.flatMap(json, decodeServiceAccount);
    const described = Result.mapError(key, (problem) => `its value ${problem}`);
    return keyFrom(credentialSettings.credentials, described);
  }
  if (path === undefined) return hmacKeyIn(values);
  const key = readCredentials(path, (json) =>
    OTHER_KINDS.has(kindIn(json)) ? Result.succeed(undefined) : decodeServiceAccount(json),
  );
  return Result.flatMap(keyFrom(applicationCredentials, key, path), (key) =>
    key === undefined ? hmacKeyIn(values) : Result.succeed(key),
  );
}

/** Kinds of credentials that only Google's own library reads. */
const OTHER_KINDS: ReadonlySet<unknown> = new Set([
  "authorized_user",
  "external_account",
  "external_account_authorized_user",
  "gdch_service_account",
  "impersonated_service_account",
]);

const keyFrom = (
  from: Setting<unknown>,
  read: Result.Result<GcsKey | undefined, string>,
  path?: string,
): KeyOrNone =>
  Result.mapBoth(read, {
    onSuccess: (key) => key && { ...key, path },
    onFailure: (problem) => [fault(from, `cannot be used: ${problem}`)],
  });

function hmacKeyIn(values: CredentialValues): KeyOrNone {
  const key = keyIn(values, "main");
  if (key !== undefined) {
    return Result.mapError(hmacKey(key), () => [notOfGoogle(credentialSettings.accessKey)]);
  }
  const faults = halfKeyFaults(values, "main");
  return faults.length > 0 ? Result.fail(faults) : Result.succeed(undefined);
}

const notOfGoogle = (setting: Setting<unknown>) =>
  fault(
    setting,
    "must begin with GOOG and have no session token, as HMAC keys of Cloud Storage do, or not be set",
    "GOOG1EXAMPLEEXAMPLEEXAMPLE",
  );

export const separateFaults = (
  values: CredentialValues,
  key: GcsKey | undefined,
): ReadonlyArray<Fault | false> => [
  ...separateKeyFaults(values, credentialSettings),
  ...(["put", "get"] as const).flatMap((use) => {
    const separate = keyIn(values, use);
    return [
      separate !== undefined &&
        Result.isFailure(hmacKey(separate)) &&
        notOfGoogle(credentialSettings[`${use}AccessKey`]),
      // IAM signs as another account only without a key.
      values[`${use}Role`] !== undefined &&
        separate === undefined &&
        key !== undefined &&
        fault(
          credentialSettings[`${use}Role`],
          "must not be set beside a key: give one for this use too",
        ),
    ];
  }),
];

/** Decodes an HMAC key: names begin with GOOG, and there are no session tokens. */
export const hmacKey: DecodeCredentials<GcsKey, AccessKey> = ({ expiresAt, ...key }) => {
  if (!key.accessKey.startsWith("GOOG")) {
    return Result.fail(
      "has a fault: /access_key: it does not begin with GOOG, as HMAC keys of Cloud Storage do",
    );
  }
  if (key.sessionToken !== undefined) {
    return Result.fail("has a fault: /session_token: HMAC keys of Cloud Storage have none");
  }
  return Result.succeed({ signer: signWith({ algorithm: GOOG4_HMAC_SHA256, ...key }, expiresAt) });
};

/** Decodes a service account's key as Google issues it, or `{access_key, secret_key}`. */
export const decodeKey: DecodeCredentials<GcsKey> = (json) =>
  kindIn(json) === undefined
    ? Result.flatMap(decodeAccessKey(json), hmacKey)
    : decodeServiceAccount(json);

const kindIn = (json: unknown): unknown => memberAt(json, ["type"]);

const decode = decoder(
  Schema.Struct({
    type: textThat((text) => text === "service_account", "it is not service_account"),
    client_email: textThat((text) => ACCOUNT.test(text), "it is not the address of an account"),
    private_key: Schema.NonEmptyString,
    project_id: Schema.optionalKey(Schema.String),
    universe_domain: Schema.optionalKey(
      textThat((text) => DOMAIN.test(text), "it is not a domain"),
    ),
  }),
);

const decodeServiceAccount: DecodeCredentials<GcsKey> = (json) =>
  Result.flatMap(Result.mapError(decode(json), inWords), (key) => {
    const { client_email: accessKey, project_id: project, universe_domain: universeDomain } = key;
    const secretKey = readRsaKey(key.private_key);
    return secretKey === undefined
      ? Result.fail("has a fault: /private_key: it is not a readable RSA key in PEM")
      : Result.succeed({
          signer: signWith({ algorithm: GOOG4_RSA_SHA256, accessKey, secretKey }),
          project,
          universeDomain,
        });
  });

function readRsaKey(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === "rsa" ? key : undefined;
  } catch {
    return undefined;
  }
}
