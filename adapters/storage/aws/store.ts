import { type ConfiguredStore, loaded } from "../../settings/loaded.ts";
import { neededBy } from "../../settings/needed-by.ts";
import { PROVIDERS } from "../providers.ts";
import type { AwsSettings } from "./settings.ts";

/** Amazon S3, or another provider of its API, as it is configured. */
export const store = (settings: AwsSettings): ConfiguredStore => {
  const { title, ...limits } = PROVIDERS[settings.provider];
  return {
    ...limits,
    description: `${title} at ${settings.endpoint?.href ?? settings.region}, bucket ${settings.bucket}`,
    layer: loaded(async () => {
      const { layer } = await import("./layer.ts").catch(
        neededBy("the store aws", "@aws-sdk/client-s3"),
      );
      return layer(settings);
    }),
  };
};
