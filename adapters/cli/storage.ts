import * as Layer from "effect/Layer";
import * as Result from "effect/Result";
import * as aws from "../storage/aws/settings.ts";
import { store as awsStore } from "../storage/aws/store.ts";
import { Mounts, unmounted } from "../http/mounts.ts";
import { LocalStore } from "../storage/local/local-store.ts";
import * as local from "../storage/local/settings.ts";
import { PATH, store as embeddedStore } from "../storage/local/store.ts";
import * as gcs from "../storage/gcs/settings.ts";
import { store as gcsStore } from "../storage/gcs/store.ts";
import * as minio from "../storage/minio/settings.ts";
import { store as minioStore } from "../storage/minio/store.ts";
import type { ConfiguredStore } from "../settings/loaded.ts";
import {
  choice,
  type Env,
  fault,
  type Read,
  readSettings,
  type Setting,
  withDefault,
} from "../settings/setting.ts";

const own = {
  adapter: withDefault(
    choice("STORAGE_ADAPTER", ["local", "aws", "minio", "gcs"], {
      example: "minio",
      meant: { s3: "aws", amazon: "aws", google: "gcs", file: "local", disk: "local" },
    }),
    "local",
  ),
};

/** Variables of the choice and of every adapter, chosen or not. */
export const settings = [own, local.settings, aws.settings, minio.settings, gcs.settings].flatMap(
  (group): ReadonlyArray<Setting<unknown>> => Object.values(group),
);

/** The chosen store, with what the service serves for it. */
export type Storage = ConfiguredStore<Mounts>;

/** Reads the choice, and the variables of the adapter that it names. */
export const read = (env: Env, publicUrl: URL): Read<Storage> =>
  Result.flatMap(
    readSettings(own, env, () => {
      if (env["STORAGE_ADAPTER"]) return [];
      if (env["STORAGE_PROVIDER"]) {
        return [fault(own.adapter, "must be aws or minio where STORAGE_PROVIDER is set", "aws")];
      }
      // Else a misspelt name would leave uploads in a folder that nobody looks into.
      return env["STORAGE_ENDPOINT"]
        ? [fault(own.adapter, "must be set where STORAGE_ENDPOINT is")]
        : [];
    }),
    ({ adapter }) => ADAPTERS[adapter](env, publicUrl),
  );

const ADAPTERS: Readonly<
  Record<"local" | "aws" | "minio" | "gcs", (env: Env, publicUrl: URL) => Read<Storage>>
> = {
  local: (env, publicUrl) =>
    Result.map(local.read(env), (settings) => {
      const { layer, ...store } = embeddedStore(settings, publicUrl);
      const mounts = Layer.effect(
        Mounts,
        LocalStore.useSync(({ fetch }) => [{ path: PATH, fetch }]),
      );
      return { ...store, layer: Layer.provideMerge(mounts, layer) };
    }),
  aws: (env) => Result.map(aws.read(env), (settings) => unmounted(awsStore(settings))),
  minio: (env) => Result.map(minio.read(env), (settings) => unmounted(minioStore(settings))),
  gcs: (env) => Result.map(gcs.read(env), (settings) => unmounted(gcsStore(settings))),
};
