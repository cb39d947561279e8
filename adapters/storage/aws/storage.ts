import { neededBy } from "../../settings/needed-by.ts";
import { PROVIDERS } from "../providers.ts";
import { loaded, type Storage } from "../storage.ts";
import type { AwsSettings } from "./settings.ts";

export function awsStorage(settings: AwsSettings): Storage {
  const provider = PROVIDERS[settings.provider];
  const place = settings.endpoint?.href ?? settings.region;
  return {
    description: `${provider.title} at ${place}, bucket ${settings.bucket}`,
    capabilities: provider,
    bucket: { api: "s3", name: settings.bucket },
    layer: loaded(async () => {
      const { layer } = await import("./layer.ts").catch(
        neededBy("the store aws", "@aws-sdk/client-s3"),
      );
      return layer(settings);
    }),
  };
}
