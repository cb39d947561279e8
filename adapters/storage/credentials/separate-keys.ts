import * as Redacted from "effect/Redacted";
import { type Fault, fault, optional, type Values } from "../../settings/setting.ts";
import * as storage from "../settings.ts";
import type { AccessKey } from "./credentials-file.ts";

/**
 * Variables of keys that may only put, and only get. A header that nobody signed can turn a PUT
 * into a copy of whatever its key can read, on some stores; a key that reads nothing ends that.
 */
export const separateKeySettings = {
  putAccessKey: optional(storage.accessKeyOf("STORAGE_PUT_ACCESS_KEY")),
  putSecretKey: optional(storage.secretKeyOf("STORAGE_PUT_SECRET_KEY")),
  putSessionToken: storage.sessionTokenOf("STORAGE_PUT_SESSION_TOKEN"),
  getAccessKey: optional(storage.accessKeyOf("STORAGE_GET_ACCESS_KEY")),
  getSecretKey: optional(storage.secretKeyOf("STORAGE_GET_SECRET_KEY")),
  getSessionToken: storage.sessionTokenOf("STORAGE_GET_SESSION_TOKEN"),
};

/** Keys that may only put, and only get, where they are configured. */
export type SeparateKeySettings = Values<typeof separateKeySettings>;

/** Halves of keys. */
export function separateKeyFaults(values: Partial<SeparateKeySettings>): ReadonlyArray<Fault> {
  const of = separateKeySettings;
  const halves = [
    [values.putAccessKey, values.putSecretKey, of.putAccessKey, of.putSecretKey],
    [values.getAccessKey, values.getSecretKey, of.getAccessKey, of.getSecretKey],
  ] as const;
  return halves.flatMap(([accessKey, secretKey, ofAccess, ofSecret]) => {
    if ((accessKey === undefined) === (secretKey === undefined)) return [];
    const [missing, other] = accessKey === undefined ? [ofAccess, ofSecret] : [ofSecret, ofAccess];
    return [fault(missing, `must be set where ${other.name} is`)];
  });
}

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
export const ONE_KEY =
  "uploads are signed with a key that may do more than put, and on some stores an unsigned header can turn such an upload into a copy; have them signed with a key that may only put, whose permissions https://github.com/valetkey/valetkey/tree/main/deploy/policies has: STORAGE_PUT_ACCESS_KEY and STORAGE_PUT_SECRET_KEY";
