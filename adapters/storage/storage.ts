import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type { Presigner } from "../../application/ports/presigner.ts";
import type { StoreCapabilities } from "../../application/ports/store-capabilities.ts";
import type { StoreUnavailable } from "../../domain/errors.ts";

/** A configured store. */
export interface Storage {
  /** Such as `MinIO at http://127.0.0.1:9000, bucket files`. */
  readonly description: string;
  readonly capabilities: StoreCapabilities;
  /** The bucket, and whose notifications tell of it; the embedded store has none. */
  readonly bucket?: { readonly api: "s3" | "azure" | "gcs"; readonly name: string };
  /** The ports; the store's code is loaded when the layer is built. */
  readonly layer: Layer.Layer<Presigner | ObjectStore, StoreUnavailable>;
  /** Answers below `STORE_PATH`, if the service is the store itself. */
  readonly fetch?: (request: Request, onAnnounced?: OnAnnounced) => Promise<Response>;
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
