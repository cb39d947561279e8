import { type ConfiguredStore, loaded } from "../settings/loaded.ts";
import { S3_LIMITS } from "../settings/storage.ts";
import type { MinioSettings } from "./settings.ts";

/** A MinIO server, as it is configured. */
export const store = (settings: MinioSettings): ConfiguredStore => ({
  ...S3_LIMITS,
  description: `MinIO at ${settings.endpoint.href}, bucket ${settings.bucket}`,
  layer: loaded(async () => (await import("./layer.ts")).layer(settings)),
});
