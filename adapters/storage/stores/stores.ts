import * as Result from "effect/Result";
import {
  fault,
  missingBeside,
  type Read,
  readSettings,
  type Setting,
  settingsIn,
} from "../../settings/setting.ts";
import type { Source } from "../../settings/source.ts";
import * as aws from "../aws/storage.ts";
import * as azure from "../azure/storage.ts";
import * as gcs from "../gcs/storage.ts";
import * as local from "../local/storage.ts";
import * as minio from "../minio/storage.ts";
import { provider } from "../s3/provider.ts";
import { adapter, endpoint, type StoreName } from "../settings.ts";
import type { KnownStorage, Store } from "../storage.ts";

/** The stores; their folders have what differs between them. */
export const STORES: { readonly [Name in StoreName]: Store } = { local, aws, minio, gcs, azure };

export const settings = settingsIn(
  { adapter },
  ...Object.values(STORES).map(({ settings }) => settings),
);

export const chosenSettings = (source: Source): ReadonlyArray<Setting<unknown>> =>
  Result.match(readSettings({ adapter }, source), {
    onSuccess: ({ adapter: name }) => settingsIn({ adapter }, STORES[name].settings),
    onFailure: () => [adapter],
  });

export const read = (
  source: Source,
  publicUrl: URL,
  path?: string,
): Read<KnownStorage & { readonly adapter: StoreName }> =>
  readSettings({ adapter }, source, () => {
    if (source.valueOf(adapter) !== undefined) return [];
    if (source.valueOf(provider) !== undefined) {
      return [fault(adapter, "must be aws or minio where STORAGE_PROVIDER is set", "aws")];
    }
    // Without this, a misspelt STORAGE_ADAPTER would leave uploads in a folder unnoticed.
    return source.valueOf(endpoint) === undefined ? [] : [missingBeside(adapter, endpoint)];
  }).pipe(
    Result.flatMap(({ adapter }) =>
      Result.map(STORES[adapter].read(source), (storageAt) => ({
        ...storageAt(publicUrl, path),
        adapter,
      })),
    ),
  );
