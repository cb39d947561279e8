import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { readCredentials } from "../credentials/credentials-file.ts";
import { parseJson } from "../../settings/json-file.ts";
import {
  type Fault,
  fault,
  optional,
  type Setting,
  setting,
  type Values,
} from "../../settings/setting.ts";
import * as storage from "../settings.ts";
import {
  decodeKey,
  decodeServiceAccount,
  type GcsKey,
  type GcsSigner,
  hmacKey,
  typeOf,
} from "./keys.ts";

/** Who signs. */
export type Source =
  /** A file with a key, which may change while the service runs. */
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "key"; readonly signer: GcsSigner }
  /** The service account that this machine or workload has, by calls to IAM. */
  | { readonly kind: "keyless" };

const applicationCredentials: Setting<string | undefined> = optional(
  setting({
    variable: "GOOGLE_APPLICATION_CREDENTIALS",
    meaning: "A key file.",
    codec: storage.Path,
    shape: ({ name }) =>
      `the path of a file of Google credentials, and not its content (that is for ${name(sourceSettings.credentials)})`,
    example: "/run/secrets/service-account.json",
  }),
);

/** Settings that say who signs. */
export const sourceSettings = {
  credentialsFile: storage.credentialsFile,
  credentials: optional(
    setting({
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
  ),
  applicationCredentials,
  accessKey: storage.accessKeyOf(undefined),
  secretKey: storage.secretKeyOf(undefined),
};

/** The source that is chosen, or what is wrong with it. */
export interface Choice {
  readonly source: Source;
  /** The key as it is at the start, where there is one. */
  readonly key?: GcsKey;
  readonly faults: ReadonlyArray<Fault>;
  /** What is said once, where more than one key is given. */
  readonly notice?: string;
}

export const KEYLESS: Choice = { source: { kind: "keyless" }, faults: [] };

/** The first that is given: a key of a service account, an HMAC key, or none. */
export function chooseSource(values: Partial<Values<typeof sourceSettings>>): Choice {
  const { credentialsFile, credentials, applicationCredentials } = values;
  if (credentialsFile !== undefined) {
    const { credentialsFile: of } = sourceSettings;
    return values.accessKey === undefined && credentials === undefined
      ? ofFile(credentialsFile, of, decodeKey)
      : { ...KEYLESS, faults: [fault(of, "must be the only key that is given")] };
  }
  const hmac = ofVariables(values);
  const withNotice = (choice: Choice): Choice =>
    hmac.key === undefined ? choice : { ...choice, notice: BOTH };
  if (credentials !== undefined) {
    const read = Result.mapError(
      Result.flatMap(jsonOf(Redacted.value(credentials)), decodeServiceAccount),
      (problem) => `its value ${problem}`,
    );
    return withNotice(
      choiceOf(read, sourceSettings.credentials, ({ signer }) => ({ kind: "key", signer })),
    );
  }
  if (applicationCredentials !== undefined) {
    const read = readCredentials(applicationCredentials, (json) =>
      OTHER_KINDS.has(typeOf(json)) ? Result.succeed(undefined) : decodeServiceAccount(json),
    );
    // Other kinds of Google credentials have no key here, and are for Google's own library.
    if (Result.isFailure(read) || read.success !== undefined) {
      return withNotice(
        ofFile(applicationCredentials, sourceSettings.applicationCredentials, decodeServiceAccount),
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

function ofFile(path: string, of: Setting<unknown>, decode: typeof decodeKey): Choice {
  return choiceOf(readCredentials(path, decode), of, () => ({ kind: "file", path }));
}

function choiceOf(
  read: Result.Result<GcsKey, string>,
  of: Setting<unknown>,
  source: (key: GcsKey) => Source,
): Choice {
  return Result.match(read, {
    onSuccess: (key) => ({ source: source(key), key, faults: [] }),
    onFailure: (problem) => ({ ...KEYLESS, faults: [fault(of, `cannot be used: ${problem}`)] }),
  });
}

function ofVariables({ accessKey, secretKey }: Partial<Values<typeof sourceSettings>>): Choice {
  if (accessKey === undefined || secretKey === undefined) {
    return { ...KEYLESS, faults: storage.halfKeyFaults({ accessKey, secretKey }) };
  }
  return Result.match(hmacKey({ accessKey, secretKey: Redacted.value(secretKey) }), {
    onSuccess: (key) => ({ source: { kind: "key", signer: key.signer }, key, faults: [] }),
    onFailure: () => ({ ...KEYLESS, faults: [NOT_OF_GOOGLE] }),
  });
}

const NOT_OF_GOOGLE = fault(
  sourceSettings.accessKey,
  "must begin with GOOG, as the HMAC keys of Cloud Storage do, or not be set",
  "GOOG1EXAMPLEEXAMPLEEXAMPLE",
);
