import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import type * as Scope from "effect/Scope";
import * as Str from "effect/String";
import { snakeCase } from "../../values/names.ts";
import { Secret } from "../../settings/codecs.ts";
import {
  excludedBy,
  type Fault,
  fault,
  missingBeside,
  optional,
  type Setting,
  type setting,
  type Values,
} from "../../settings/setting.ts";
import { type Text, VARIABLES, type Vocabulary } from "../../settings/source.ts";
import { credentialsFile } from "../settings.ts";
import type { CredentialSource, KeySigner } from "../signing/signer.ts";
import {
  type AccessKey,
  AccessKeyName,
  awsSigner,
  credentialsIn,
  type DecodeCredentials,
  decodeAwsSigner,
  readCredentials,
} from "./credentials-file.ts";
import { always } from "./held.ts";

const WORK = { put: "uploads", get: "downloads" } as const;
type Use = keyof typeof WORK;

const settingsOfKey = (use?: Use) => ({
  accessKey: optional({
    ...named(use, "accessKey"),
    meaning:
      use === undefined
        ? "The key that signs, and that looks at the bucket."
        : `A key that signs ${WORK[use]} and may do nothing else.`,
    otherwise: use === undefined ? "AWS, Google: their own chain" : "`STORAGE_ACCESS_KEY`",
    shape: "the name of an access key: 3 to 128 printable characters without a slash",
    example: "AKIAIOSFODNN7EXAMPLE",
    codec: AccessKeyName,
  }),
  secretKey: optional({
    ...named(use, "secretKey"),
    meaning: "Its secret.",
    shape: "the secret of the access key, without white space around it",
    example: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    codec: Secret,
  }),
  sessionToken: optional({
    ...named(use, "sessionToken"),
    meaning: "Its token, where it is temporary.",
    shape: "the token that came with temporary credentials, without white space around it",
    example: "IQoJb3JpZ2luX2VjEXAMPLE",
    codec: Secret,
  }),
});

const named = (use: Use | undefined, name: string) => {
  const option = use === undefined ? name : `${use}${Str.capitalize(name)}`;
  return { option, variable: `STORAGE_${snakeCase(option).toUpperCase()}` };
};

export function roleSettings({
  example,
  ...described
}: Pick<Parameters<typeof setting<string>>[0], "shape" | "codec"> & {
  readonly example: (use: Use | undefined) => string;
}) {
  const role = (use?: Use) =>
    optional({
      ...named(use, "role"),
      meaning:
        use === undefined
          ? "AWS: a role to assume for everything. Google: a service account to impersonate for everything."
          : `AWS: a role to assume for ${WORK[use]}. Google without a key: a service account that signs ${WORK[use]}.`,
      example: example(use),
      ...described,
    });
  return { role: role(), putRole: role("put"), getRole: role("get") };
}

const KEYS = { main: settingsOfKey(), put: settingsOfKey("put"), get: settingsOfKey("get") };
type KeyName = keyof typeof KEYS;

export const mainKeySettings = KEYS.main;
type KeyValues = Values<typeof mainKeySettings>;

/** Separate keys, since on some stores an unsigned header makes a PUT copy what its key reads. */
export const separateKeySettings = {
  putAccessKey: KEYS.put.accessKey,
  putSecretKey: KEYS.put.secretKey,
  putSessionToken: KEYS.put.sessionToken,
  getAccessKey: KEYS.get.accessKey,
  getSecretKey: KEYS.get.secretKey,
  getSessionToken: KEYS.get.sessionToken,
};

export const keySettings = { ...mainKeySettings, credentialsFile, ...separateKeySettings };

type KeySettings = Values<typeof keySettings>;
type RoleValues = Values<ReturnType<typeof roleSettings>>;

const valuesFor = (values: KeySettings, key: KeyName): KeyValues =>
  key === "main"
    ? values
    : {
        accessKey: values[`${key}AccessKey`],
        secretKey: values[`${key}SecretKey`],
        sessionToken: values[`${key}SessionToken`],
      };

export function keyIn(values: KeySettings, key: KeyName): AccessKey | undefined {
  const { accessKey, secretKey, sessionToken } = valuesFor(values, key);
  if (accessKey === undefined || secretKey === undefined) return undefined;
  return {
    accessKey,
    secretKey: Redacted.value(secretKey),
    sessionToken: sessionToken && Redacted.value(sessionToken),
  };
}

export const halfKeyFaults = (
  values: KeySettings,
  ...keys: ReadonlyArray<KeyName>
): ReadonlyArray<Fault> =>
  keys.flatMap((key) => {
    const keyValues = valuesFor(values, key);
    const { accessKey, secretKey } = KEYS[key];
    if ((keyValues.accessKey === undefined) === (keyValues.secretKey === undefined)) return [];
    return keyValues.accessKey === undefined
      ? missingBeside(accessKey, secretKey)
      : missingBeside(secretKey, accessKey);
  });

export function mainKeyFaults(values: KeySettings): ReadonlyArray<Fault> {
  const half = halfKeyFaults(values, "main");
  return half.length > 0 ? half : fileFaults(values);
}

export function separateKeyFaults(
  values: KeySettings & RoleValues,
  roles: Readonly<Record<keyof RoleValues, Setting<unknown>>>,
): ReadonlyArray<Fault | false> {
  const { accessKey, putAccessKey, getAccessKey } = values;
  const isSame = putAccessKey !== undefined && [accessKey, getAccessKey].includes(putAccessKey);
  return [
    ...halfKeyFaults(values, "put", "get"),
    isSame && fault(separateKeySettings.putAccessKey, OTHER_KEY),
    ...(["put", "get"] as const).map(
      (use) =>
        values[`${use}Role`] !== undefined &&
        values[`${use}AccessKey`] !== undefined &&
        excludedBy(roles[`${use}Role`], separateKeySettings[`${use}AccessKey`]),
    ),
  ];
}

const OTHER_KEY: Text = ({ name }) =>
  `must be another key than ${name(mainKeySettings.accessKey)} and ${name(separateKeySettings.getAccessKey)}, one that may only put: otherwise an upload may be a copy of any file`;

function fileFaults(values: KeySettings) {
  const { credentialsFile: path, accessKey } = values;
  if (path === undefined) return [];
  if (accessKey !== undefined) return [excludedBy(credentialsFile, mainKeySettings.accessKey)];
  const read = readCredentials(path, decodeMain(values));
  return Result.isSuccess(read) ? [] : [fault(credentialsFile, `cannot be used: ${read.failure}`)];
}

export function configuredSigner(
  settings: KeySettings,
): Effect.Effect<CredentialSource<KeySigner>, never, Scope.Scope> | undefined {
  if (settings.credentialsFile !== undefined) {
    return credentialsIn(settings.credentialsFile, decodeMain(settings));
  }
  const signer = signerWith(keyIn(settings, "main"));
  return signer && Effect.succeed(signer);
}

const decodeMain =
  (settings: KeySettings): DecodeCredentials<KeySigner> =>
  (json) =>
    Result.flatMap(decodeAwsSigner(json), unlessForUploads(settings));

/** Refuses a key that equals the one for uploads, from any source, also after a change. */
export const unlessForUploads =
  ({ putAccessKey }: KeySettings) =>
  (signer: KeySigner): Result.Result<KeySigner, string> =>
    signer.keys.accessKey === putAccessKey
      ? Result.fail("has the key for uploads, which must be another, one that may only put")
      : Result.succeed(signer);

const signerWith = (key: AccessKey | undefined): CredentialSource<KeySigner> | undefined =>
  key && always(awsSigner(key));

export const signersFrom = Effect.fnUntraced(function* (
  settings: KeySettings & { readonly words?: Vocabulary | undefined },
  service: CredentialSource<KeySigner>,
  roles: { readonly [use in Use]?: CredentialSource<KeySigner> | undefined } = {},
) {
  const signerFor = (use: Use) => roles[use] ?? signerWith(keyIn(settings, use)) ?? service;
  const put = signerFor("put");
  if (put === service) yield* Effect.logWarning(adviceOnOneKey(settings.words));
  return { service, put, get: signerFor("get") };
});

const adviceOnOneKey = ({ name }: Vocabulary = VARIABLES): string =>
  `uploads are signed with a key that may do more than put, and on some stores an unsigned header can turn such an upload into a copy of another object; set ${name(separateKeySettings.putAccessKey)} and ${name(separateKeySettings.putSecretKey)} to a key that may only put, with the permissions in https://github.com/valetkey/valetkey/tree/main/adapters/storage/s3/policies`;
