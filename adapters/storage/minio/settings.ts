import { keyFaults, keySettings } from "../credentials/key-settings.ts";
import {
  type Env,
  fault,
  type Read,
  readSettings,
  type Values,
  withDefault,
} from "../../settings/setting.ts";
import { provider } from "../providers.ts";
import * as storage from "../settings.ts";

/** Variables of `STORAGE_ADAPTER=minio`. */
export const settings = {
  provider: withDefault(provider, "minio"),
  bucket: storage.bucket,
  createBucket: storage.createBucket,
  region: withDefault(storage.region, "us-east-1"),
  endpoint: storage.endpoint,
  publicEndpoint: storage.publicEndpoint,
  ...keySettings,
  pathStyle: withDefault(storage.pathStyle, true),
};

/** What the adapter is configured with. */
export type MinioSettings = Values<typeof settings>;

/** Reads the variables; a MinIO has to be told its key, in one way. */
export const read = (env: Env): Read<MinioSettings> =>
  readSettings(settings, env, (values) => {
    const { accessKey, secretKey, credentialsFile } = values;
    const isKeyless = [accessKey, secretKey, credentialsFile].every((value) => value === undefined);
    const missing = "must be set, or STORAGE_CREDENTIALS_FILE instead";
    return [
      ...storage.addressingFaults(values),
      ...(isKeyless
        ? [fault(settings.accessKey, missing), fault(settings.secretKey, missing)]
        : keyFaults(values)),
    ];
  });
