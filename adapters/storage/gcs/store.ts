import { type ConfiguredStore, loaded } from "../../settings/loaded.ts";
import { isServiceAccount } from "./keys.ts";
import { GCS_CAPABILITIES, type GcsSettings } from "./settings.ts";

/** Google Cloud Storage, as it is configured. */
export const store = (settings: GcsSettings): ConfiguredStore => ({
  ...GCS_CAPABILITIES,
  // What an HMAC key signs cannot change an object's custom time.
  marks: settings.source.kind !== "key" || isServiceAccount(settings.source.signer),
  description: `Google Cloud Storage at ${settings.endpoint.href}, bucket ${settings.bucket}`,
  layer: loaded(async () => (await import("./layer.ts")).layer(settings)),
});
