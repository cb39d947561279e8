import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { createPrivateKey, type KeyObject } from "node:crypto";
import { decoder, inWords } from "../../settings/decode.ts";
import { parseJson } from "../../settings/json-file.ts";
import { type Fault, fault, optional, type Setting, type Values } from "../../settings/setting.ts";
import {
  type AccessKey,
  decodeAccessKey,
  type DecodeCredentials,
  readCredentials,
} from "../credentials/credentials-file.ts";
import {
  halfKeyFaults,
  mainKeySettings,
  roleOf,
  separateKey,
  separateKeyFaults,
  type SeparateKeySettings,
  separateKeySettings,
} from "../credentials/key-settings.ts";
import * as storage from "../settings.ts";
import { GOOG4_HMAC_SHA256, GOOG4_RSA_SHA256 } from "../signing/algorithms.ts";
import { type KeySigner, signWith } from "../signing/signer.ts";

// Who signs for Cloud Storage, in one place: the settings, the choice among them, and how a key is
// read. There are three kinds. The key of a service account signs, and the official client uses it
// for the calls to the bucket. An HMAC key only signs. Without a key, IAM signs (keyless.ts).

/** Who signs. */
export type Source =
  /** A file with a key, which may change while the service runs. */
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "key"; readonly signer: GcsSigner }
  /** The service account that this machine or workload has, by calls to IAM. */
  | { readonly kind: "keyless" };

const applicationCredentials: Setting<string | undefined> = optional({
  variable: "GOOGLE_APPLICATION_CREDENTIALS",
  meaning: "A key file.",
  codec: storage.Path,
  shape: ({ name }) =>
    `the path of a file of Google credentials, and not its content (that is for ${name(credentialSettings.credentials)})`,
  example: "/run/secrets/service-account.json",
});

const account = (use: "put" | "get") =>
  roleOf(use, {
    codec: Schema.String.check(Schema.isPattern(/^[^\s/@]+@[^\s/@]+$/)),
    shape: "the address of a service account",
    example: "valetkey-put@my-project.iam.gserviceaccount.com",
  });

/** Settings that say who signs. */
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
  // Who may only put, and only get: an HMAC key, or an account that IAM signs as.
  ...separateKeySettings,
  putRole: account("put"),
  getRole: account("get"),
};
type CredentialValues = Partial<Values<typeof credentialSettings>>;

/** The source that is chosen, or what is wrong with it. */
interface Choice {
  readonly source: Source;
  /** The key as it is at the start, where there is one. */
  readonly key?: GcsKey;
  readonly faults: ReadonlyArray<Fault>;
  /** What is said once, where more than one key is given. */
  readonly notice?: string;
}

export const KEYLESS: Choice = { source: { kind: "keyless" }, faults: [] };

/** The first that is given: a key of a service account, an HMAC key, or none. */
export function chooseSource(values: CredentialValues): Choice {
  const { credentialsFile, credentials, applicationCredentials } = values;
  if (credentialsFile !== undefined) {
    const from = credentialSettings.credentialsFile;
    return values.accessKey === undefined && credentials === undefined
      ? keyInFile(credentialsFile, from, decodeKey)
      : { ...KEYLESS, faults: [fault(from, "must be the only key that is given")] };
  }
  const hmac = hmacKeyIn(values);
  const withNotice = (choice: Choice): Choice =>
    hmac.key === undefined ? choice : { ...choice, notice: BOTH };
  if (credentials !== undefined) {
    const read = Result.mapError(
      Result.flatMap(jsonOf(Redacted.value(credentials)), decodeServiceAccount),
      (problem) => `its value ${problem}`,
    );
    return withNotice(
      choose(read, credentialSettings.credentials, ({ signer }) => ({ kind: "key", signer })),
    );
  }
  if (applicationCredentials !== undefined) {
    const read = readCredentials(applicationCredentials, (json) =>
      OTHER_KINDS.has(typeOf(json)) ? Result.succeed(undefined) : decodeServiceAccount(json),
    );
    // Other kinds of Google credentials have no key here, and are for Google's own library.
    if (Result.isFailure(read) || read.success !== undefined) {
      return withNotice(
        keyInFile(
          applicationCredentials,
          credentialSettings.applicationCredentials,
          decodeServiceAccount,
        ),
      );
    }
  }
  return hmac;
}

const jsonOf = (value: string | object): Result.Result<unknown, string> =>
  typeof value === "string" ? parseJson(value) : Result.succeed(value);

const OTHER_KINDS: ReadonlySet<unknown> = new Set([
  "authorized_user",
  "external_account",
  "external_account_authorized_user",
  "gdch_service_account",
  "impersonated_service_account",
]);

const BOTH = "a service account's key and an HMAC key are given; the service account's signs";

function keyInFile(path: string, from: Setting<unknown>, decode: typeof decodeKey): Choice {
  return choose(readCredentials(path, decode), from, () => ({ kind: "file", path }));
}

function choose(
  read: Result.Result<GcsKey, string>,
  from: Setting<unknown>,
  source: (key: GcsKey) => Source,
): Choice {
  return Result.match(read, {
    onSuccess: (key) => ({ source: source(key), key, faults: [] }),
    onFailure: (problem) => ({ ...KEYLESS, faults: [fault(from, `cannot be used: ${problem}`)] }),
  });
}

function hmacKeyIn({ accessKey, secretKey }: CredentialValues): Choice {
  if (accessKey === undefined || secretKey === undefined) {
    return { ...KEYLESS, faults: halfKeyFaults({ accessKey, secretKey }) };
  }
  return Result.match(hmacKey({ accessKey, secretKey: Redacted.value(secretKey) }), {
    onSuccess: (key) => ({ source: { kind: "key", signer: key.signer }, key, faults: [] }),
    onFailure: () => ({ ...KEYLESS, faults: [NOT_OF_GOOGLE] }),
  });
}

const NOT_OF_GOOGLE = fault(
  credentialSettings.accessKey,
  "must begin with GOOG, as the HMAC keys of Cloud Storage do, or not be set",
  "GOOG1EXAMPLEEXAMPLEEXAMPLE",
);

const USES = ["put", "get"] as const;

/** The faults of keys and accounts for one use, where `kind` signs all else. */
export const separateFaults = (
  values: CredentialValues,
  kind: Source["kind"],
): ReadonlyArray<Fault> => [
  ...separateKeyFaults(values),
  ...USES.flatMap((use) => [...hmacFaults(values, use), ...roleFaults(values, use, kind)]),
];

/** The configured HMAC key for one use. */
export const separateSigner = (
  values: SeparateKeySettings,
  use: "put" | "get",
): GcsSigner | undefined => {
  const key = separateKey(values, use);
  return key && Result.getOrUndefined(hmacKey(key))?.signer;
};

function hmacFaults(values: CredentialValues, use: "put" | "get"): ReadonlyArray<Fault> {
  const key = separateKey(values, use);
  if (key === undefined || Result.isSuccess(hmacKey(key))) return [];
  return [
    fault(
      credentialSettings[`${use}AccessKey`],
      "must begin with GOOG, and have no session token, as HMAC keys of Cloud Storage do",
      "GOOG1EXAMPLEEXAMPLEEXAMPLE",
    ),
  ];
}

/** IAM signs as another account only where there is no key. */
function roleFaults(
  values: CredentialValues,
  use: "put" | "get",
  kind: Source["kind"],
): ReadonlyArray<Fault> {
  const role = credentialSettings[`${use}Role`];
  if (values[`${use}Role`] === undefined) return [];
  if (values[`${use}AccessKey`] !== undefined) {
    return [fault(role, "must not be set beside an access key for the same use")];
  }
  return kind === "keyless"
    ? []
    : [fault(role, "must not be set beside a key: give one for this use too")];
}

/** A key that signs here: of a service account (RSA), or an HMAC key. */
export type GcsSigner = KeySigner<KeyObject> | KeySigner;

/** Whether the key is a service account's, which the official client can use as well. */
export const isServiceAccount = (signer: GcsSigner): signer is KeySigner<KeyObject> =>
  typeof signer.keys.secretKey !== "string";

/** A key, and what else its file says. */
interface GcsKey {
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
const typeOf = (json: unknown): unknown =>
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
const decodeServiceAccount: DecodeCredentials<GcsKey> = (json) =>
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
