import type { Limiter } from "../../application/ports/limiter.ts";
import type { Limits } from "../../domain/limits.ts";
import type * as Layer from "effect/Layer";
import type { Mounts } from "../http/mounts.ts";
import type { ConfiguredStore } from "../settings/loaded.ts";
import type { ChecksumAlgorithm, SharedCount, Storage } from "./valetkey-options.ts";

// What is handed from one function of ours to another through a host, which need not know Effect
// to pass it on.

/** A store as it will be, once it is known how clients reach the service. */
export type StoreAt = (publicUrl: URL) => ConfiguredStore<Mounts>;

/** What counts for several processes, with what counts in its place while it does not answer. */
export type CountOf = (of: {
  readonly limits: Limits;
  readonly spare: Limiter["Service"] | undefined;
}) => Layer.Layer<Limiter>;

/** Stores. */
export const stores = hidden<StoreAt>(
  "storage must be what minio(), aws(), gcs() or local() gave, or storageOf() of valetkey/effect",
);

/** What counts for several processes. */
export const sharedCounts = hidden<CountOf>("limits.countIn must be what redis() gave");

/** A store, for `createValetkey`. */
export const asStorage = <Algorithm extends ChecksumAlgorithm>(
  store: StoreAt,
): Storage<Algorithm> => stores.hide(store) as Storage<Algorithm>;

/** A count, for `createValetkey`. */
export const asSharedCount = (count: CountOf): SharedCount =>
  sharedCounts.hide(count) as SharedCount;

function hidden<A>(otherwise: string) {
  const values = new WeakMap<object, A>();
  return {
    hide: (value: A): object => {
      const shown = Object.freeze({});
      values.set(shown, value);
      return shown;
    },
    /** Throws a `TypeError` for what was not hidden here. */
    find: (shown: object): A => {
      const value = values.get(shown);
      if (value === undefined) throw new TypeError(otherwise);
      return value;
    },
  };
}
