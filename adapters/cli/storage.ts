import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Result from "effect/Result";
import type { ObjectStore, StoreUnavailable } from "../../application/ports/object-store.ts";
import type { Presigner } from "../../application/ports/presigner.ts";
import { PROVIDERS } from "../aws/providers.ts";
import * as aws from "../aws/settings.ts";
import { Mounts } from "../http/mounts.ts";
import * as local from "../local/settings.ts";
import { isServiceAccount } from "../gcs/keys.ts";
import * as gcs from "../gcs/settings.ts";
import * as minio from "../minio/settings.ts";
import {
  choice,
  type Env,
  fault,
  type Read,
  readSettings,
  type Setting,
  withDefault,
} from "../settings/setting.ts";
import { S3_LIMITS, type StoreLimits } from "../settings/storage.ts";

const own = {
  adapter: withDefault(
    choice("STORAGE_ADAPTER", ["local", "aws", "minio", "gcs"], { example: "minio" }),
    "local",
  ),
};

/** Variables of the choice and of every adapter, chosen or not. */
export const settings = [own, local.settings, aws.settings, minio.settings, gcs.settings].flatMap(
  (group): ReadonlyArray<Setting<unknown>> => Object.values(group),
);

/** The chosen store. */
export interface Storage extends StoreLimits {
  /** What a person is told of it. */
  readonly description: string;
  /** Loads the adapter's code when it is built, which happens for the chosen adapter only. */
  readonly layer: Layer.Layer<Presigner | ObjectStore | Mounts, StoreUnavailable>;
}

/** Reads the choice, and the variables of the adapter that it names. */
export const read = (env: Env, publicUrl: URL): Read<Storage> =>
  Result.flatMap(
    readSettings(own, env, () => {
      if (env["STORAGE_ADAPTER"]) return [];
      if (env["STORAGE_PROVIDER"]) {
        return [fault(own.adapter, "must be aws where STORAGE_PROVIDER is set", "aws")];
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
    Result.map(local.read(env), (values) => ({
      ...S3_LIMITS,
      marks: false,
      description: `embedded, in the folder ${values.directory}`,
      layer: loaded(async () => {
        const { layer, LocalStore } = await import("../local/layer.ts");
        const mounts = Layer.effect(
          Mounts,
          LocalStore.useSync(({ fetch }) => [{ path: "/store", fetch }]),
        );
        return Layer.provideMerge(mounts, layer(values, new URL("/store", publicUrl)));
      }),
    })),
  aws: (env) =>
    Result.map(aws.read(env), (values) => ({
      ...PROVIDERS[values.provider],
      description: `${PROVIDERS[values.provider].title} at ${values.endpoint?.href ?? values.region}, bucket ${values.bucket}`,
      layer: loaded(async () => unmounted((await import("../aws/layer.ts")).layer(values))),
    })),
  minio: (env) =>
    Result.map(minio.read(env), (values) => ({
      ...S3_LIMITS,
      description: `MinIO at ${values.endpoint.href}, bucket ${values.bucket}`,
      layer: loaded(async () => unmounted((await import("../minio/layer.ts")).layer(values))),
    })),
  gcs: (env) =>
    Result.map(gcs.read(env), (values) => ({
      ...gcs.limits,
      // What an HMAC key signs cannot change an object's custom time.
      marks: values.source.kind !== "key" || isServiceAccount(values.source.signer),
      description: `Google Cloud Storage at ${values.endpoint.href}, bucket ${values.bucket}`,
      layer: loaded(async () => unmounted((await import("../gcs/layer.ts")).layer(values))),
    })),
};

/** A layer whose code is loaded when it is built. */
const loaded = <A, E>(load: () => Promise<Layer.Layer<A, E>>): Layer.Layer<A, E> =>
  Layer.unwrap(Effect.promise(load));

/** A store that answers elsewhere: the service serves nothing for it. */
const unmounted = <A, E>(store: Layer.Layer<A, E>) => Layer.merge(store, Layer.succeed(Mounts, []));
