import type * as Layer from "effect/Layer";
import * as Result from "effect/Result";
import type { Limiter } from "../../application/ports/limiter.ts";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type { Presigner } from "../../application/ports/presigner.ts";
import type { StoreCapabilities } from "../../application/ports/store-capabilities.ts";
import type { StoreUnavailable } from "../../domain/errors.ts";
import type { ChecksumAlgorithm } from "../../domain/checksum.ts";
import type { SharedLimiter } from "../limits/layer.ts";
import { type Fault, sentenceOf } from "../settings/setting.ts";
import { OPTIONS } from "../settings/source.ts";
import { S3_CAPABILITIES } from "../storage/providers.ts";
import type { Storage as Store } from "../storage/storage.ts";
import { SharedCount, Storage } from "./opaque.ts";

/**
 * A store of ours, for an Effect application: what `minio({…})`, `aws({…})`, `gcs({…})` or
 * `local({…})` gave. The embedded store alone needs `publicUrl`, and has a `fetch` that answers
 * below `/store` there, once its layer is built.
 */
export function storageAt(
  storage: Storage<never>,
  publicUrl = new URL("http://127.0.0.1:8787"),
): Store {
  return Result.getOrThrowWith(Storage.open(storage), asTypeError)(publicUrl);
}

/** The ports alone of such a store. */
export const layerOf = (
  storage: Storage<never>,
  publicUrl?: URL,
): Layer.Layer<Presigner | ObjectStore, StoreUnavailable> => storageAt(storage, publicUrl).layer;

/**
 * Counts for several processes, in what `redis({…})` gave. `spare` counts while Redis does not
 * answer; without it, requests are refused meanwhile.
 */
export const limiterIn = (
  count: SharedCount,
  options: Parameters<SharedLimiter>[0],
): Layer.Layer<Limiter> => Result.getOrThrowWith(SharedCount.open(count), asTypeError)(options);

/** A store of somebody else's, and what it can do; a capability left out is that of Amazon S3. */
export interface OwnStore<Algorithm extends ChecksumAlgorithm> extends Partial<
  Omit<StoreCapabilities, "checksums">
> {
  /** The checksums that the store verifies on a PUT. */
  readonly checksums: ReadonlyArray<Algorithm>;
  /** Names the store in messages, such as `Garage at http://127.0.0.1:3900`. */
  readonly description?: string;
  readonly layer: Layer.Layer<Presigner | ObjectStore, StoreUnavailable>;
}

/** A store of one's own, for `createValetkey`. */
export function storageOf<Algorithm extends ChecksumAlgorithm>({
  layer,
  description = "a store of the host's own",
  ...capabilities
}: OwnStore<Algorithm>): Storage<Algorithm> {
  const store = { description, capabilities: { ...S3_CAPABILITIES, ...capabilities }, layer };
  return new Storage(() => store);
}

const asTypeError = (faults: ReadonlyArray<Fault>) =>
  new TypeError(faults.map((fault) => sentenceOf(fault, OPTIONS)).join("\n"));
