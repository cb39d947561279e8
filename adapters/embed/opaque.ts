import * as Result from "effect/Result";
import type { SharedLimiter } from "../limits/layer.ts";
import type { Read } from "../settings/setting.ts";
import type { Storage as Store } from "../storage/storage.ts";
import { optionFault } from "./options.ts";

// A host hands these from one of our functions to another. It does not need to know Effect for
// that: what is marked as internal is left out of the published declarations.

/** A checksum that a store may verify. */
export type ChecksumAlgorithm = "sha256" | "crc32c" | "md5";

declare const verifies: unique symbol;

/**
 * A store, as `minio()` of `valetkey/minio` and its like make it. Of two stores between which a
 * condition chooses, those checksums count that both verify.
 */
export class Storage<Algorithm extends ChecksumAlgorithm = ChecksumAlgorithm> {
  /** Takes the checksums that the store verifies; it is for the compiler alone. */
  declare readonly [verifies]: (algorithm: Algorithm) => void;
  readonly #store: StoreOption;
  /** @internal */
  constructor(store: StoreOption) {
    this.#store = store;
  }
  /** @internal */
  static open(storage: unknown): Read<StoreOption> {
    return isObject(storage) && #store in storage
      ? Result.succeed(storage.#store)
      : Result.fail([NO_STORAGE]);
  }
}

/** Where several processes count together, as `redis()` of `valetkey/redis` makes it. */
export class SharedCount {
  readonly #limiter: SharedLimiter;
  /** @internal */
  constructor(limiter: SharedLimiter) {
    this.#limiter = limiter;
  }
  /** @internal */
  static open(count: unknown): Read<SharedLimiter> {
    return isObject(count) && #limiter in count
      ? Result.succeed(count.#limiter)
      : Result.fail([NO_COUNT]);
  }
}

/**
 * A store that waits for the address of the service, which is where the embedded store answers.
 *
 * @internal
 */
export type StoreOption = (publicUrl: URL) => Store;

const NO_STORAGE = optionFault(
  "storage",
  "must be what minio(), aws(), gcs() or local() gave, or storageOf() of valetkey/effect",
);
const NO_COUNT = optionFault("limits.countIn", "must be what redis() gave");

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
