import * as Result from "effect/Result";
import { keyIn } from "../credentials/key-settings.ts";
import { untrustedIn } from "../untrusted.ts";
import { loaded, type KnownStorage, type Store } from "../storage.ts";
import {
  decidedFor,
  GCS_LIMITS,
  gcsAbilities,
  type GcsSettings,
  read as readSettings,
} from "./settings.ts";

export { settings } from "./settings.ts";

export const read: Store["read"] = (source) =>
  Result.map(readSettings(source), (settings) => () => gcsStorage(settings));

export const gcsStorage = (settings: GcsSettings): KnownStorage => ({
  description: `Google Cloud Storage at ${settings.endpoint.href}, bucket ${settings.bucket}`,
  abilities: gcsAbilities(settings),
  limits: GCS_LIMITS,
  ...(Object.keys(decidedFor(settings)).length > 0 && {
    unproved: "no certificate shows that it does",
  }),
  signsByCalls:
    settings.getRole !== undefined ||
    (settings.key === undefined && keyIn(settings, "get") === undefined),
  bucket: { api: "gcs", name: settings.bucket },
  untrusted: untrustedIn(settings),
  notificationForm: () => import("./notification-form.ts"),
  byHand: async () => {
    const { trustBy, ...byHand } = await import("./by-hand.ts");
    return { ...byHand, ...(settings.role && { trust: trustBy(settings.role) }) };
  },
  certifying: {
    endpoint: settings.endpoint,
    decided: decidedFor(settings),
    withAbilities: (abilities) => gcsStorage({ ...settings, certificate: { abilities } }),
  },
  layer: loaded(async () => (await import("./layer.ts")).layer(settings)),
});
