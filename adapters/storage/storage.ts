import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type { Presigner } from "../../application/ports/presigner.ts";
import type { StoreCapabilities } from "../../application/ports/store-capabilities.ts";
import type { NotificationForm } from "../../application/ports/notification-form.ts";
import type { StoreUnavailable } from "../../domain/errors.ts";
import type { Read, Settings } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import type { ByHand } from "./by-hand.ts";

/** A kind of store, as the module `storage.ts` of its folder. */
export interface Store {
  readonly settings: Settings;
  /** Only the embedded store is at the address of the service. */
  readonly read: (source: Source) => Read<(publicUrl: URL) => KnownStorage>;
}

/** A configured store. */
export interface Storage {
  /** Such as `MinIO at http://127.0.0.1:9000, bucket files`. */
  readonly description: string;
  readonly capabilities: StoreCapabilities;
  /** The bucket, and whose notifications tell of it; the embedded store has none. */
  readonly bucket?: { readonly api: string; readonly name: string };
  /** The ports; the store's code is loaded when the layer is built. */
  readonly layer: Layer.Layer<Presigner | ObjectStore, StoreUnavailable>;
  /** Answers below `STORE_PATH`, if the service is the store itself. */
  readonly fetch?: (request: Request, onAnnounced?: OnAnnounced) => Promise<Response>;
}

/** A store of a kind that we have, and what is loaded for notifications and for commands. */
export interface KnownStorage extends Storage {
  readonly notificationForm?: () => Promise<NotificationForm>;
  readonly byHand: () => Promise<ByHand>;
}

/** Hears of an upload that has arrived with its grant, before the answer. */
export type OnAnnounced = (key: string) => Promise<unknown>;

/** The path below `PUBLIC_URL` at which the service answers as a store. */
export const STORE_PATH = "/store";

export const mountsFor = ({ fetch }: Storage) =>
  fetch === undefined ? [] : [{ path: STORE_PATH, fetch }];

/** Loads a layer's code when the layer is built. */
export const loaded = <A, E>(load: () => Promise<Layer.Layer<A, E>>): Layer.Layer<A, E> =>
  Layer.unwrap(Effect.promise(load));
