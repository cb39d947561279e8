import * as Result from "effect/Result";
import { s3Storage } from "../s3/storage.ts";
import type { KnownStorage, Store } from "../storage.ts";
import { type MinioSettings, read as readSettings } from "./settings.ts";

export { settings } from "./settings.ts";

export const read: Store["read"] = (source) =>
  Result.map(readSettings(source), (settings) => () => minioStorage(settings));

export const minioStorage = (settings: MinioSettings): KnownStorage =>
  s3Storage(settings, settings.endpoint.href, async () =>
    (await import("./layer.ts")).layer(settings),
  );
