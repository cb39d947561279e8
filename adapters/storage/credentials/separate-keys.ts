import * as Redacted from "effect/Redacted";
import { type Fault, type Values } from "../../settings/setting.ts";
import { VARIABLES, type Words } from "../../settings/source.ts";
import * as storage from "../settings.ts";
import type { AccessKey } from "./credentials-file.ts";

/**
 * Settings of keys that may only put, and only get. A header that nobody signed can turn a PUT
 * into a copy of whatever its key can read, on some stores; a key that reads nothing ends that.
 */
export const separateKeySettings = {
  putAccessKey: storage.accessKeyOf("put"),
  putSecretKey: storage.secretKeyOf("put"),
  putSessionToken: storage.sessionTokenOf("put"),
  getAccessKey: storage.accessKeyOf("get"),
  getSecretKey: storage.secretKeyOf("get"),
  getSessionToken: storage.sessionTokenOf("get"),
};

/** Keys that may only put, and only get, where they are configured. */
export type SeparateKeySettings = Values<typeof separateKeySettings>;

/** Halves of keys. */
export const separateKeyFaults = (values: Partial<SeparateKeySettings>): ReadonlyArray<Fault> =>
  (["put", "get"] as const).flatMap((use) =>
    storage.halfKeyFaults(
      { accessKey: values[`${use}AccessKey`], secretKey: values[`${use}SecretKey`] },
      use,
    ),
  );

/** The configured key for one use. */
export function separateKey(
  values: SeparateKeySettings,
  use: "put" | "get",
): AccessKey | undefined {
  const accessKey = values[`${use}AccessKey`];
  const secretKey = values[`${use}SecretKey`];
  const sessionToken = values[`${use}SessionToken`];
  return accessKey === undefined || secretKey === undefined
    ? undefined
    : {
        accessKey,
        secretKey: Redacted.value(secretKey),
        sessionToken: sessionToken && Redacted.value(sessionToken),
      };
}

/** What is said at the start where one key does everything. */
export const oneKey = ({ name }: Words = VARIABLES): string =>
  `uploads are signed with a key that may do more than put, and on some stores an unsigned header can turn such an upload into a copy; have them signed with a key that may only put, whose permissions https://github.com/valetkey/valetkey/tree/main/deploy/policies has: ${name(separateKeySettings.putAccessKey)} and ${name(separateKeySettings.putSecretKey)}`;
