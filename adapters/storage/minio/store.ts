import { type ConfiguredStore, loaded } from "../../settings/loaded.ts";
import { PROVIDERS } from "../providers.ts";
import type { MinioSettings } from "./settings.ts";

/** A MinIO server, or another of its kind, as it is configured. */
export const store = (settings: MinioSettings): ConfiguredStore => {
  const { title, ...limits } = PROVIDERS[settings.provider];
  return {
    ...limits,
    description: `${title} at ${settings.endpoint.href}, bucket ${settings.bucket}`,
    layer: loaded(async () => (await import("./layer.ts")).layer(settings)),
  };
};
