import { configuredProvider, describeStore } from "../certificate/in-use.ts";
import { type KnownStorage, loaded, type Storage } from "../storage.ts";
import type { S3Users } from "./by-hand.ts";

/** A store of S3's API, at a place such as the address of its endpoint. */
export const s3Storage = (
  settings: S3Users & Parameters<typeof describeStore>[0],
  place: string,
  load: () => Promise<Storage["layer"]>,
): KnownStorage => ({
  description: describeStore(settings, place),
  capabilities: configuredProvider(settings),
  bucket: { api: "s3", name: settings.bucket },
  notificationForm: () => import("./notification-form.ts"),
  byHand: async () => (await import("./by-hand.ts")).s3ByHand(settings),
  layer: loaded(load),
});
