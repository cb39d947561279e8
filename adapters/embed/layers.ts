import type * as Layer from "effect/Layer";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import type { StoreCapabilities } from "../../application/ports/store-capabilities.ts";
import { StoreUnavailable } from "../../domain/errors.ts";
import type { ChecksumAlgorithm } from "../../domain/checksum.ts";
import { Mounts, unmounted } from "../http/mounts.ts";
import { S3_CAPABILITIES } from "../storage/providers.ts";
import { asStorage, type CountOf, sharedCounts, stores } from "./hidden.ts";
import type { SharedCount, Storage } from "./valetkey-options.ts";

/**
 * The ports that a store of ours is behind, for an Effect application: those of `minio({…})`,
 * `aws({…})`, `gcs({…})` or `local({…})`. The embedded store alone needs `publicUrl`, and has a
 * fetch handler to mount.
 */
export const layerOf = (
  storage: Storage<never>,
  publicUrl = new URL("http://127.0.0.1:8787"),
): Layer.Layer<Presigner | ObjectStore | Mounts, StoreUnavailable> =>
  stores.find(storage)(publicUrl).layer;

/**
 * Counts for several processes, in what `redis({…})` gave; `spare` counts while that does not
 * answer, or without one requests are refused.
 */
export const limiterIn = (count: SharedCount, of: Parameters<CountOf>[0]): ReturnType<CountOf> =>
  sharedCounts.find(count)(of);

/** A store of somebody else's, and what it can do: as `StoreCapabilities`, or as S3 where it is left out. */
export interface OwnStore<Algorithm extends ChecksumAlgorithm> extends Partial<
  Omit<StoreCapabilities, "checksums">
> {
  /** The checksums that it verifies on a PUT. */
  readonly checksums: ReadonlyArray<Algorithm>;
  /** What a person is told of it, such as `Garage at http://127.0.0.1:3900`. */
  readonly description?: string;
  readonly layer: Layer.Layer<Presigner | ObjectStore, StoreUnavailable>;
}

/** A store of one's own, for `createValetkey`. */
export const storageOf = <Algorithm extends ChecksumAlgorithm>({
  layer,
  description = "a store of the host's own",
  ...limits
}: OwnStore<Algorithm>): Storage<Algorithm> =>
  asStorage(() => unmounted({ ...S3_CAPABILITIES, ...limits, description, layer }));
