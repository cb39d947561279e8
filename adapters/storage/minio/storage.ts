import { configuredProvider, describeStore } from "../certificate/in-use.ts";
import { loaded, type Storage } from "../storage.ts";
import type { MinioSettings } from "./settings.ts";

export function minioStorage(settings: MinioSettings): Storage {
  return {
    description: describeStore(settings, settings.endpoint.href),
    capabilities: configuredProvider(settings),
    bucket: { api: "s3", name: settings.bucket },
    layer: loaded(async () => (await import("./layer.ts")).layer(settings)),
  };
}
