import { type ConfiguredStore, loaded } from "../settings/loaded.ts";
import { PROVIDERS } from "./providers.ts";
import type { AwsSettings } from "./settings.ts";

/** Amazon S3, or another provider of its API, as it is configured. */
export const store = (settings: AwsSettings): ConfiguredStore => {
  const { title, ...limits } = PROVIDERS[settings.provider];
  return {
    ...limits,
    description: `${title} at ${settings.endpoint?.href ?? settings.region}, bucket ${settings.bucket}`,
    layer: loaded(async () => (await import("./layer.ts")).layer(settings)),
  };
};
