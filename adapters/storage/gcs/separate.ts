import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import {
  separateKey,
  separateKeyFaults,
  type SeparateKeySettings,
  separateKeySettings,
} from "../credentials/separate-keys.ts";
import { type Fault, fault, type Values } from "../../settings/setting.ts";
import * as storage from "../settings.ts";
import { type GcsSigner, hmacKey } from "./keys.ts";
import type { Source } from "./source.ts";

const account = (use: "put" | "get") =>
  storage.roleOf(use, {
    codec: Schema.String.check(Schema.isPattern(/^[^\s/@]+@[^\s/@]+$/)),
    shape: "the address of a service account",
    example: "valetkey-put@my-project.iam.gserviceaccount.com",
  });

/** Settings of who may only put, and only get: an HMAC key, or an account that IAM signs as. */
export const separateSettings = {
  ...separateKeySettings,
  putRole: account("put"),
  getRole: account("get"),
};

/** What does not go together in them, beside the `kind` of what else signs. */
export const separateFaults = (
  values: Partial<Values<typeof separateSettings>>,
  kind: Source["kind"],
): ReadonlyArray<Fault> => [
  ...separateKeyFaults(values),
  ...notOfGoogle(values),
  ...roleFaults(values, kind),
];

const USES = ["put", "get"] as const;

/** The configured HMAC key for one use. */
export const separateSigner = (
  values: SeparateKeySettings,
  use: "put" | "get",
): GcsSigner | undefined => {
  const key = separateKey(values, use);
  return key && Result.getOrUndefined(hmacKey(key))?.signer;
};

/** Separate keys are HMAC keys of Cloud Storage. */
const notOfGoogle = (values: Partial<SeparateKeySettings>): ReadonlyArray<Fault> =>
  USES.flatMap((use) => {
    const key = separateKey(values, use);
    return key === undefined || Result.isSuccess(hmacKey(key))
      ? []
      : [
          fault(
            separateKeySettings[`${use}AccessKey`],
            "must begin with GOOG, and have no session token, as HMAC keys of Cloud Storage do",
            "GOOG1EXAMPLEEXAMPLEEXAMPLE",
          ),
        ];
  });

/** IAM signs as another account for those who have no key themselves. */
const roleFaults = (
  values: Partial<Values<typeof separateSettings>>,
  kind: Source["kind"],
): ReadonlyArray<Fault> =>
  USES.flatMap((use) => {
    const of = separateSettings[`${use}Role`];
    if (values[`${use}Role`] === undefined) return [];
    if (values[`${use}AccessKey`] !== undefined) {
      return [fault(of, "must not be set beside an access key for the same use")];
    }
    return kind === "keyless"
      ? []
      : [fault(of, "must not be set beside a key: give one for this use too")];
  });
