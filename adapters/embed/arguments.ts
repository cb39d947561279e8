import type * as Layer from "effect/Layer";
import * as Predicate from "effect/Predicate";
import * as Result from "effect/Result";
import type { WrittenSize as Size } from "../../domain/byte-size.ts";
import type { Addresses } from "../events/events.ts";
import type { SharedLimiter } from "../limits/layer.ts";
import type { SharedLedger } from "../limits/usage/layer.ts";
import { anyOf, optionFault, type Read } from "../settings/setting.ts";
import { STORE_NAMES } from "../storage/settings.ts";
import type { Storage as Store } from "../storage/storage.ts";

// Arguments and results of the package for hosts without Effect: callers, options of stores, and
// opaque values that one function makes for another. Members marked as internal are left out of the
// published declarations.

/** The caller. */
export interface Caller {
  /** The caller's stable name, such as a user's id: 1 to 256 printable characters. */
  readonly id: string;
  /** A user gets URLs for the public endpoint, a service for the internal; `"user"` if left out. */
  readonly kind?: "user" | "service" | undefined;
  /** The rights of the caller; to upload, open files and confirm uploads if left out. */
  readonly scopes?:
    | ReadonlyArray<"write" | "read" | "confirm" | "list" | "remove" | "mine">
    | undefined;
  /** The bytes that it may be granted in one day (UTC), in place of the limit of all callers. */
  readonly bytesPerDay?: Size | undefined;
  /**
   * The bytes that may be stored by its plan, in place of the limit of all callers: in its folder if
   * the policy's key has one, or else in the organization.
   */
  readonly storedBytes?: Size | undefined;
}

/** The caller and the organization of a call. */
export interface CallContext {
  readonly caller: Caller;
  /** The organization's name, as `organizations` knows it. */
  readonly organization: string;
}

/** A checksum that a store may verify. */
export type ChecksumAlgorithm = "sha256" | "crc32c" | "md5";

/** A digest of the file, in base64. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: string;
}

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

/** A counter for several processes, as `redis()` of `valetkey/redis` makes it. */
export class SharedCount {
  readonly #shared: Shared;
  /** @internal */
  constructor(shared: Shared) {
    this.#shared = shared;
  }
  /** @internal */
  static open(count: unknown): Read<Shared> {
    return Predicate.isObject(count) && #shared in count
      ? Result.succeed(count.#shared)
      : Result.fail([NO_COUNT]);
  }
}

/** @internal What processes share: the counts of limits, and of stored files. */
export interface Shared {
  readonly limiter: SharedLimiter;
  readonly ledger: SharedLedger;
}

/** A receiver of events, as `events()` of `valetkey/events` makes it. */
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

/** @internal The port, for files at these addresses. */
type EventsLayer = (addresses: Addresses) => Layer.Layer<never>;

/** @internal A store at the address of the service, where the embedded store answers. */
type StoreOption = (publicUrl: URL, path?: string) => Store;

const NO_STORAGE = optionFault(
  "storage",
  `must be what ${anyOf(STORE_NAMES.map((name) => `${name}()`))} gave, or storageOf() of valetkey/effect`,
);
const NO_COUNT = optionFault("limits.countIn", "must be what redis() gave");
const NO_EVENTS = optionFault("events", "must be what events() of valetkey/events gave");

/** Options of all stores with an API. */
export interface StoreOptions {
  /** `files` if left out. */
  readonly bucket?: string | undefined;
  /** Lets `ready()` make a missing bucket. */
  readonly createBucket?: boolean | undefined;
  /** The address of the store for browsers; that of this service if left out. */
  readonly publicEndpoint?: string | URL | undefined;
  /** True for `https://host/bucket/key` rather than `https://bucket.host/key`. */
  readonly pathStyle?: boolean | undefined;
  /** The id of the access key. */
  readonly accessKey?: string | undefined;
  /** The secret of the access key. */
  readonly secretKey?: string | undefined;
  /** In place of both: the path of a JSON file with the key, which may change. */
  readonly credentialsFile?: string | undefined;
  /** A key that may only upload, and signs uploads. */
  readonly putAccessKey?: string | undefined;
  readonly putSecretKey?: string | undefined;
  /** A key that may only download, and signs downloads. */
  readonly getAccessKey?: string | undefined;
  readonly getSecretKey?: string | undefined;
  /** True for a bucket of somebody else: answers are bounded, and addresses have to be public. */
  readonly untrusted?: boolean | undefined;
  /** True to allow such a bucket other addresses, and http. */
  readonly allowPrivate?: boolean | undefined;
}

/** The provider of a store with S3's API. */
export type StoreProvider =
  | ("aws" | "minio" | "ceph" | "seaweedfs" | "versitygw" | "swift")
  | ("garage" | "r2" | "b2" | "wasabi" | "spaces" | "s3");

/** Options of stores with the API of S3. */
export interface S3Options extends StoreOptions {
  /** The path or content of the certificate that `valetkey certify --output` wrote. */
  readonly certificate?: string | object | undefined;
  /** Starts although the certificate shows a broken promise that every store must keep. */
  readonly acceptBroken?: boolean | undefined;
  readonly region?: string | undefined;
  /** The token that came with temporary keys. */
  readonly sessionToken?: string | undefined;
  readonly putSessionToken?: string | undefined;
  readonly getSessionToken?: string | undefined;
}
