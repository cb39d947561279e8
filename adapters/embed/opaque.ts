import * as Predicate from "effect/Predicate";
import type * as Layer from "effect/Layer";
import * as Result from "effect/Result";
import type { SharedLimiter } from "../limits/layer.ts";
import { anyOf, type Read } from "../settings/setting.ts";
import { STORE_NAMES } from "../storage/settings.ts";
import type { Storage as Store } from "../storage/storage.ts";
import { optionFault } from "./options.ts";

// A host passes these from one of our functions to another, without knowing Effect: what is marked
// as internal is left out of the published declarations.

/** A checksum that a store may verify. */
export type ChecksumAlgorithm = "sha256" | "crc32c" | "md5";

/** A store, as `minio()` of `valetkey/minio` and others make it. */
export class Storage {
  readonly #store: StoreOption;
  /** @internal */
  constructor(store: StoreOption) {
    this.#store = store;
  }
  /** @internal */
  static open(storage: unknown): Read<StoreOption> {
    return Predicate.isObject(storage) && #store in storage
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
    return Predicate.isObject(count) && #limiter in count
      ? Result.succeed(count.#limiter)
      : Result.fail([NO_COUNT]);
  }
}

/** Where events go, as `events()` of `valetkey/events` makes it. */
export class Events {
  readonly #layer: EventsLayer;
  /** @internal */
  constructor(layer: EventsLayer) {
    this.#layer = layer;
  }
  /** @internal */
  static open(events: unknown): Read<EventsLayer> {
    return Predicate.isObject(events) && #layer in events
      ? Result.succeed(events.#layer)
      : Result.fail([NO_EVENTS]);
  }
}

/** @internal The port, for files at the address of the service. */
type EventsLayer = (publicUrl: URL) => Layer.Layer<never>;

/** @internal A store at the address of the service, where the embedded store answers. */
type StoreOption = (publicUrl: URL) => Store;

const NO_STORAGE = optionFault(
  "storage",
  `must be what ${anyOf(STORE_NAMES.map((name) => `${name}()`))} gave, or storageOf() of valetkey/effect`,
);
const NO_COUNT = optionFault("limits.countIn", "must be what redis() gave");
const NO_EVENTS = optionFault("events", "must be what events() of valetkey/events gave");
