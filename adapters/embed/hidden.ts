import type { Limiter } from "../../application/ports/limiter.ts";
import type { Limits } from "../../domain/limits.ts";
import type * as Layer from "effect/Layer";
import * as Result from "effect/Result";
import type { Mounts } from "../http/mounts.ts";
import type { ConfiguredStore } from "../settings/loaded.ts";
import type { Fault, Read } from "../settings/setting.ts";
import type { OptionSettings } from "./options.ts";
import type { ChecksumAlgorithm, SharedCount, Storage } from "./valetkey-options.ts";

// What is handed from one function of ours to another through a host, which need not know Effect
// to pass it on.

/** A store as it will be, once it is known how clients reach the service. */
export type StoreAt = (publicUrl: URL) => EmbeddedStore;

/** A store, which may be one that the service serves itself. */
export interface EmbeddedStore extends ConfiguredStore<Mounts> {
  /** Where `fetch` answers for it. */
  readonly paths?: ReadonlyArray<string>;
  /** Its options, in whose names a host is told of it. */
  readonly settings?: OptionSettings;
}

/** What counts for several processes, with what counts in its place while it does not answer. */
export type CountOf = (of: {
  readonly limits: Limits;
  readonly spare: Limiter["Service"] | undefined;
}) => Layer.Layer<Limiter>;

/** Stores. */
export const stores = hidden<StoreAt>({
  name: "storage",
  problem: "must be what minio(), aws(), gcs() or local() gave, or storageOf() of valetkey/effect",
  example: "",
});

/** What counts for several processes. */
export const sharedCounts = hidden<CountOf>({
  name: "limits.countIn",
  problem: "must be what redis() gave",
  example: "",
});

/** A store, for `createValetkey`. */
export const asStorage = <Algorithm extends ChecksumAlgorithm>(
  store: StoreAt,
): Storage<Algorithm> => stores.hide(store) as Storage<Algorithm>;

/** A count, for `createValetkey`. */
export const asSharedCount = (count: CountOf): SharedCount =>
  sharedCounts.hide(count) as SharedCount;

function hidden<A>(otherwise: Fault) {
  const values = new WeakMap<object, A>();
  return {
    hide: (value: A): object => {
      const shown = Object.freeze({});
      values.set(shown, value);
      return shown;
    },
    /** Fails for what was not hidden here. */
    read: (shown: object): Read<A> => {
      const value = values.get(shown);
      return value === undefined ? Result.fail([otherwise]) : Result.succeed(value);
    },
    /** Throws a `TypeError` for what was not hidden here. */
    find: (shown: object): A => {
      const value = values.get(shown);
      if (value === undefined) throw new TypeError(`${otherwise.name} ${otherwise.problem}`);
      return value;
    },
  };
}
