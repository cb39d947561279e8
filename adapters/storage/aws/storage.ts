import { neededBy } from "../../settings/needed-by.ts";
import { configuredProvider, describeStore } from "../certificate/in-use.ts";
import { loaded, type Storage } from "../storage.ts";
import type { AwsSettings } from "./settings.ts";

export function awsStorage(settings: AwsSettings): Storage {
  return {
    description: describeStore(settings, settings.endpoint?.href ?? settings.region),
    capabilities: configuredProvider(settings),
    bucket: { api: "s3", name: settings.bucket },
    layer: loaded(async () => {
      const { layer } = await import("./layer.ts").catch(
        neededBy("the store aws", "@aws-sdk/client-s3"),
      );
      return layer(settings);
    }),
  };
}
