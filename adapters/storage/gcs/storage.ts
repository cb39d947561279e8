import { loaded, type Storage } from "../storage.ts";
import { isServiceAccount } from "./credentials.ts";
import { GCS_CAPABILITIES, type GcsSettings } from "./settings.ts";

export function gcsStorage(settings: GcsSettings): Storage {
  const { key } = settings;
  return {
    description: `Google Cloud Storage at ${settings.endpoint.href}, bucket ${settings.bucket}`,
    capabilities: {
      ...GCS_CAPABILITIES,
      // The official client copies, and cannot use an HMAC key.
      copies: key === undefined || isServiceAccount(key.signer),
    },
    bucket: { api: "gcs", name: settings.bucket },
    layer: loaded(async () => (await import("./layer.ts")).layer(settings)),
  };
}
