import {
  type Env,
  fault,
  type Read,
  readSettings,
  type Values,
  withDefault,
} from "../settings/setting.ts";
import * as storage from "../settings/storage.ts";

/** Variables of `STORAGE_ADAPTER=minio`. */
export const settings = {
  bucket: storage.bucket,
  createBucket: storage.createBucket,
  region: storage.region,
  endpoint: storage.endpoint,
  publicEndpoint: storage.publicEndpoint,
  accessKey: storage.accessKey,
  secretKey: storage.secretKey,
  sessionToken: storage.sessionToken,
  pathStyle: withDefault(storage.pathStyle, true),
};

/** What the adapter is configured with. */
export type MinioSettings = Values<typeof settings>;

/** Reads the variables, and refuses an endpoint that the client has no way to reach. */
export const read = (env: Env): Read<MinioSettings> =>
  readSettings(settings, env, ({ endpoint }) => {
    if (endpoint === undefined) return [];
    if (endpoint.pathname !== "/") {
      return [fault(settings.endpoint, "must have no path: the MinIO client cannot add one")];
    }
    return endpoint.hostname.startsWith("[")
      ? [
          fault(
            settings.endpoint,
            "must have a name or an IPv4 address: the MinIO client takes no IPv6",
          ),
        ]
      : [];
  });
