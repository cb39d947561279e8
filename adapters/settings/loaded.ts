import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type { Presigner } from "../../application/ports/presigner.ts";
import type { StoreCapabilities } from "../../application/ports/store-capabilities.ts";
import type { StoreUnavailable } from "../../domain/errors.ts";

/** A configured store, whose code is loaded when its layer is built. */
export interface ConfiguredStore<Further = never> extends StoreCapabilities {
  /** What a person is told of it. */
  readonly description: string;
  readonly layer: Layer.Layer<Presigner | ObjectStore | Further, StoreUnavailable>;
}

/** A layer whose code is loaded when it is built. */
export const loaded = <A, E>(load: () => Promise<Layer.Layer<A, E>>): Layer.Layer<A, E> =>
  Layer.unwrap(Effect.promise(load));
