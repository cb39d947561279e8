import { PROVIDERS } from "../providers.ts";
import { loaded, type Storage } from "../storage.ts";
import type { MinioSettings } from "./settings.ts";

export function minioStorage(settings: MinioSettings): Storage {
  const provider = PROVIDERS[settings.provider];
  return {
    description: `${provider.title} at ${settings.endpoint.href}, bucket ${settings.bucket}`,
    capabilities: provider,
    bucket: { api: "s3", name: settings.bucket },
    layer: loaded(async () => (await import("./layer.ts")).layer(settings)),
  };
}
