import * as Result from "effect/Result";
import * as aws from "../storage/aws/settings.ts";
import { awsStorage } from "../storage/aws/storage.ts";
import * as gcs from "../storage/gcs/settings.ts";
import { gcsStorage } from "../storage/gcs/storage.ts";
import * as local from "../storage/local/settings.ts";
import { embeddedStorage } from "../storage/local/storage.ts";
import * as minio from "../storage/minio/settings.ts";
import { minioStorage } from "../storage/minio/storage.ts";
import type { Storage } from "../storage/storage.ts";
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

/** The variables of the choice and of every store, chosen or not. */
export const settings = [own, local.settings, aws.settings, minio.settings, gcs.settings].flatMap(
  (group): ReadonlyArray<Setting<unknown>> => Object.values(group),
);

/** Reads the choice, and the variables of the store that it names. */
export const read = (env: Env, publicUrl: URL): Read<Storage> =>
  Result.flatMap(
    readSettings(own, env, () => {
      if (env["STORAGE_ADAPTER"]) return [];
      if (env["STORAGE_PROVIDER"]) {
        return [fault(own.adapter, "must be aws or minio where STORAGE_PROVIDER is set", "aws")];
      }
      // Without this, a misspelt STORAGE_ADAPTER would leave uploads in a folder unnoticed.
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
    Result.map(local.read(env), (settings) => embeddedStorage(settings, publicUrl)),
  aws: (env) => Result.map(aws.read(env), awsStorage),
  minio: (env) => Result.map(minio.read(env), minioStorage),
  gcs: (env) => Result.map(gcs.read(env), gcsStorage),
};
