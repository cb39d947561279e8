import * as Result from "effect/Result";
import * as aws from "../storage/aws/settings.ts";
import { awsStorage } from "../storage/aws/storage.ts";
import * as azure from "../storage/azure/settings.ts";
import { azureStorage } from "../storage/azure/storage.ts";
import * as gcs from "../storage/gcs/settings.ts";
import { gcsStorage } from "../storage/gcs/storage.ts";
import * as local from "../storage/local/storage.ts";
import * as minio from "../storage/minio/settings.ts";
import { minioStorage } from "../storage/minio/storage.ts";
import type { Storage } from "../storage/storage.ts";
import {
  fault,
  missingBeside,
  oneOf,
  type Read,
  readSettings,
  type Setting,
  settingsIn,
  withDefault,
} from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";

export const adapter = withDefault("local", {
  ...oneOf(["local", "aws", "minio", "gcs", "azure"], {
    aws: ["s3", "amazon"],
    gcs: ["google"],
    local: ["file", "disk"],
  }),
  variable: "STORAGE_ADAPTER",
  meaning: "The store. In the package: `storage: minio({…})`.",
  example: "minio",
});

interface Adapter<A> {
  readonly settings: object;
  readonly read: (source: Source) => Read<A>;
}
const store = <A>(
  { settings, read }: Adapter<A>,
  storage: (settings: A, publicUrl: URL) => Storage,
) => ({
  settings,
  read: (source: Source, publicUrl: URL) =>
    Result.map(read(source), (values) => storage(values, publicUrl)),
});

export const STORES = {
  local: store(local, local.embeddedStorage),
  aws: store(aws, awsStorage),
  minio: store(minio, minioStorage),
  gcs: store(gcs, gcsStorage),
  azure: store(azure, azureStorage),
};

export const settings = settingsIn(
  { adapter },
  ...Object.values(STORES).map(({ settings }) => settings),
);

export const chosenSettings = (source: Source): ReadonlyArray<Setting<unknown>> =>
  settingsIn(
    { adapter },
    Result.match(readSettings({ adapter }, source), {
      onSuccess: ({ adapter }) => STORES[adapter].settings,
      onFailure: () => ({}),
    }),
  );

export const read = (source: Source, publicUrl: URL): Read<Storage> =>
  Result.flatMap(
    readSettings({ adapter }, source, () => {
      const { provider, endpoint } = aws.settings;
      if (source.valueOf(adapter) !== undefined) return [];
      if (source.valueOf(provider) !== undefined) {
        return [fault(adapter, "must be aws or minio where STORAGE_PROVIDER is set", "aws")];
      }
      // Without this, a misspelt STORAGE_ADAPTER would leave uploads in a folder unnoticed.
      return source.valueOf(endpoint) === undefined ? [] : [missingBeside(adapter, endpoint)];
    }),
    ({ adapter }) => STORES[adapter].read(source, publicUrl),
  );
