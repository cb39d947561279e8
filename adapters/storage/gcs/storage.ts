import * as Result from "effect/Result";
import { loaded, type KnownStorage, type Store } from "../storage.ts";
import { isServiceAccount } from "./credentials.ts";
import { GCS_CAPABILITIES, type GcsSettings, read as readSettings } from "./settings.ts";

export { settings } from "./settings.ts";

export const read: Store["read"] = (source) =>
  Result.map(readSettings(source), (settings) => () => gcsStorage(settings));

export function gcsStorage(settings: GcsSettings): KnownStorage {
  const { key } = settings;
  return {
    description: `Google Cloud Storage at ${settings.endpoint.href}, bucket ${settings.bucket}`,
    capabilities: {
      ...GCS_CAPABILITIES,
      // The official client copies, and cannot use an HMAC key.
      copies: key === undefined || isServiceAccount(key.signer),
    },
    bucket: { api: "gcs", name: settings.bucket },
    notificationForm: () => import("./notification-form.ts"),
    byHand: () => import("./by-hand.ts"),
    layer: loaded(async () => (await import("./layer.ts")).layer(settings)),
  };
}
