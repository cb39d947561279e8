import { loaded, type Storage } from "../storage.ts";
import { AZURE_CAPABILITIES, type AzureSettings } from "./settings.ts";

export const azureStorage = (settings: AzureSettings): Storage => ({
  description: `Azure Blob Storage at ${settings.endpoint.href}, container ${settings.bucket}`,
  capabilities: AZURE_CAPABILITIES,
  bucket: { api: "azure", name: settings.bucket },
  layer: loaded(async () => (await import("./layer.ts")).layer(settings)),
});
