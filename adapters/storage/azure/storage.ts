import * as Result from "effect/Result";
import { loaded, type KnownStorage, type Store } from "../storage.ts";
import { azureCapabilities, type AzureSettings, read as readSettings } from "./settings.ts";

export { settings } from "./settings.ts";

export const read: Store["read"] = (source) =>
  Result.map(readSettings(source), (settings) => () => azureStorage(settings));

export const azureStorage = (settings: AzureSettings): KnownStorage => ({
  description: `Azure Blob Storage at ${settings.endpoint.href}, container ${settings.bucket}`,
  capabilities: azureCapabilities(settings),
  bucket: { api: "azure", name: settings.bucket },
  notificationForm: () => import("./notification-form.ts"),
  byHand: () => import("./by-hand.ts"),
  layer: loaded(async () => (await import("./layer.ts")).layer(settings)),
});
