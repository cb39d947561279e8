import * as Result from "effect/Result";
import { untrustedIn } from "../untrusted.ts";
import { loaded, type KnownStorage, type Store } from "../storage.ts";
import {
  AZURE_LIMITS,
  azureAbilities,
  decidedFor,
  type AzureSettings,
  read as readSettings,
} from "./settings.ts";

export { settings } from "./settings.ts";

export const read: Store["read"] = (source) =>
  Result.map(readSettings(source), (settings) => () => azureStorage(settings));

export const azureStorage = (settings: AzureSettings): KnownStorage => ({
  description: `Azure Blob Storage at ${settings.endpoint.href}, container ${settings.bucket}`,
  abilities: azureAbilities(settings),
  limits: AZURE_LIMITS,
  ...(settings.key === undefined && { unproved: "no certificate shows that it does" }),
  bucket: { api: "azure", name: settings.bucket, word: "container" },
  untrusted: untrustedIn(settings),
  notificationForm: () => import("./notification-form.ts"),
  byHand: async () => {
    const { trustBy, ...byHand } = await import("./by-hand.ts");
    return { ...byHand, ...(settings.tenantId && { trust: trustBy(settings.clientId) }) };
  },
  certifying: {
    endpoint: settings.endpoint,
    decided: decidedFor(settings),
    withAbilities: (abilities) => azureStorage({ ...settings, certificate: { abilities } }),
  },
  layer: loaded(async () => (await import("./layer.ts")).layer(settings)),
});
