import * as Layer from "effect/Layer";
import { guarded } from "../../application/store/guarded-store.ts";
import { Limiter } from "../../application/ports/limiter.ts";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type { Presigner } from "../../application/ports/presigner.ts";
import type { StoreCapabilities } from "../../application/ports/store-capabilities.ts";
import type { StoreUnavailable } from "../../domain/errors.ts";
import type { SharedLimiter } from "../limits/layer.ts";
import { S3_CAPABILITIES } from "../storage/providers.ts";
import type { Storage as Store } from "../storage/storage.ts";
import { SharedCount, Storage } from "./opaque.ts";
import { orThrow } from "./options.ts";

/**
 * The store that `minio({…})` or the function of another store returned. Only the embedded store
 * needs `publicUrl`; once its layer is built, its `fetch` answers under `/store` there.
 */
export function storageAt(storage: Storage, publicUrl = new URL("http://127.0.0.1:8787")): Store {
  return orThrow("storageAt()", Storage.open(storage))(publicUrl);
}

/** The ports alone of such a store. */
export const layerOf = (
  storage: Storage,
  publicUrl?: URL,
): Layer.Layer<Presigner | ObjectStore, StoreUnavailable> =>
  guarded(storageAt(storage, publicUrl).layer);

/**
 * Counts for several processes, in the Redis of `redis({…})`. While it does not answer, `spare`
 * counts; without `spare`, requests are refused.
 */
export const limiterIn = (
  count: SharedCount,
  options: Parameters<SharedLimiter>[0],
): Layer.Layer<Limiter> =>
  Layer.effect(Limiter, orThrow("limiterIn()", SharedCount.open(count))(options));

/** A store of your own, and what it can do; a capability left out is that of Amazon S3. */
export interface OwnStore
  extends Partial<Omit<StoreCapabilities, "checksums">>, Pick<StoreCapabilities, "checksums"> {
  /** Names the store in messages, such as `Garage at http://127.0.0.1:3900`. */
  readonly description?: string;
  readonly layer: Layer.Layer<Presigner | ObjectStore, StoreUnavailable>;
}

/** A store of your own, for `createValetkey`. */
export function storageOf({
  layer,
  description = "a store of the host's own",
  ...capabilities
}: OwnStore): Storage {
  const store = { description, capabilities: { ...S3_CAPABILITIES, ...capabilities }, layer };
  return new Storage(() => store);
}
