import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type * as Option from "effect/Option";
import type { Checksum } from "../../domain/checksum.ts";
import type { ObjectUnreadable, StoreUnavailable } from "../../domain/errors.ts";
import type { MediaType } from "../../domain/media-type.ts";
import type { StoredPart } from "../../domain/multipart.ts";
import type { IncomingKey, ObjectKey, StorageKey } from "../../domain/storage-key.ts";
import type { ObjectFacts } from "../../domain/upload-difference.ts";
import type { Abilities, StoreLimits } from "./abilities.ts";

export type { ObjectFacts };

/** The rules after they were applied. */
export interface AppliedLifecycle {
  readonly outcome: "added" | "there";
  readonly days: number;
}

/** The effect of one rule of a bucket on files. */
export interface LifecycleRule {
  readonly name: string;
  /** Such as "removes every file 1 day after it was stored". */
  readonly effect: string;
  /**
   * Its files: every one, uploads below `incoming/`, those with a tag, replaced versions, or parts
   * that nobody completed.
   */
  readonly scope: "every" | "incoming" | "tagged" | "replaced" | "parts";
  /** Days until then, where it counts from the upload. */
  readonly days?: number;
}

/** The bucket's own rules that remove uploads which nobody confirms or completes. */
export interface BucketRules {
  /** One of the rules removes uploads in parts that nobody completes; false if left out. */
  readonly removesParts?: boolean;
  /**
   * The rules alone, in the format of the store's own tools. `days` is how long uploads wait below
   * `incoming/`; with 0, only the rule for parts is meant.
   */
  readonly rule: (days: number) => string;
  /**
   * Adds the rules to the existing ones; fails rather than change another rule. The longer time
   * counts, since files of another deployment may wait there, unless `replace` is set.
   */
  readonly apply: (
    days: number,
    options?: { readonly replace: boolean },
  ) => Effect.Effect<AppliedLifecycle, StoreUnavailable>;
  /** The effects of the bucket's enabled rules on our files; unknown if left out. */
  readonly effects?: Effect.Effect<ReadonlyArray<LifecycleRule>, StoreUnavailable>;
  /**
   * The time for which the bucket keeps each new object from being removed, such as "30 days";
   * undefined if it does not, or does not say.
   */
  readonly retention?: Effect.Effect<string | undefined, StoreUnavailable>;
}

/** The outcome of a call to complete a multipart upload. */
export type Completion =
  /** The object is there. */
  | "completed"
  /** There is already an object under the key; the upload is left as it is. */
  | "exists"
  /** There is no such upload: it was completed, aborted or removed. */
  | "ended"
  /** The whole file has another checksum; there is no object. */
  | "mismatch"
  /** A part was replaced since the parts were listed; the upload is left as it is. */
  | "changed";

/** An object as `head` described it. */
export interface ObjectRef extends Pick<ObjectFacts, "etag" | "size" | "version"> {
  readonly key: ObjectKey;
}

/** The outcome of a copy inside the store. */
export type CopyOutcome =
  | "copied"
  /** There is already an object under the key. */
  | "exists"
  /** The upload is gone, or another one by now; there is no copy. */
  | "changed";

/** A part of what is below a prefix, in the order of the store. */
export interface Page<Each, After> {
  readonly found: ReadonlyArray<Each>;
  /** Asks for the rest; left out if there is none. */
  readonly next?: After;
}

/** A version of an object, or a delete marker. */
export interface StoredVersion {
  readonly key: ObjectKey;
  readonly version: string | undefined;
}

/** The objects of one page. */
export interface PageQuery {
  readonly prefix: string;
  readonly after?: string | undefined;
  readonly limit: number;
}

/** An object as a list names it, which may have been made by others. */
export interface ListedObject extends Pick<ObjectFacts, "size" | "etag"> {
  readonly key: string;
  /** Milliseconds since it was stored, by the clock of the store. */
  readonly age: number;
}

/** A multipart upload of the store. */
export interface MultipartId {
  readonly key: ObjectKey;
  /** The store's own name for it. */
  readonly uploadId: string;
}

/** The calls for uploads in parts, made with the service's own key. */
export interface Parts<Spoiled = ObjectUnreadable> {
  /**
   * Names what removes uploads that nobody completes, if no rule of the bucket does: a sentence
   * without a full stop.
   */
  readonly abandoned?: string | undefined;
  /**
   * Begins an upload and returns the store's name for it. With a `checksum` of the whole file, each
   * part has one of that algorithm too, and `complete` gets the same value.
   */
  readonly create: (object: {
    readonly key: ObjectKey;
    readonly contentType: MediaType;
    readonly checksum?: Checksum | undefined;
  }) => Effect.Effect<string, StoreUnavailable>;
  /** All parts that are there, ascending, each number once; none if there is no such upload. */
  readonly list: (
    upload: MultipartId,
  ) => Effect.Effect<Option.Option<ReadonlyArray<StoredPart>>, StoreUnavailable>;
  /**
   * Makes the object of exactly these parts, which ascend, if nothing is under its key yet. Fails with
   * `ObjectUnreadable` if that is impossible because of what the client did to the upload.
   */
  readonly complete: (
    upload: MultipartId & {
      readonly parts: ReadonlyArray<StoredPart>;
      readonly checksum?: Checksum | undefined;
    },
  ) => Effect.Effect<Completion, StoreUnavailable | Spoiled>;
  /** Removes an upload and its parts; succeeds if there is no such upload. */
  readonly abort: (upload: MultipartId) => Effect.Effect<void, StoreUnavailable>;
  /**
   * Lists those below a prefix that were left open, also by copies. MinIO names only those of a
   * whole key.
   */
  readonly listOpen: (below: {
    readonly prefix: string;
    readonly after?: OpenUpload | undefined;
  }) => Effect.Effect<Page<OpenUpload, OpenUpload>, StoreUnavailable>;
}

/** A multipart upload that nobody has completed, which may have been begun by others. */
export interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
  /** Milliseconds since it began, by the clock of the store. */
  readonly age: number;
}

/** Makes files of uploads inside the store. */
export interface Copies {
  /**
   * Makes a file of the bytes that `head` described and of no others, with this type and nothing
   * else that came with the upload, and only while the key has no object. A copy that was
   * interrupted leaves none.
   */
  readonly copy: (
    upload: ObjectRef & { readonly to: StorageKey; readonly contentType: MediaType },
  ) => Effect.Effect<CopyOutcome, StoreUnavailable>;
  readonly writeEmpty: (key: IncomingKey) => Effect.Effect<void, StoreUnavailable>;
}

/** Lists objects whose keys begin with a prefix. */
export interface Lists {
  /** At most `limit`, up to 1000, that come after `after`. */
  readonly objects: (
    below: PageQuery,
  ) => Effect.Effect<Page<ListedObject, string>, StoreUnavailable>;
  /**
   * Their versions and delete markers: all that `remove` has to be asked for. Left out by stores
   * that keep one version of an object.
   */
  readonly versions?: (
    below: Omit<PageQuery, "limit">,
  ) => Effect.Effect<Page<StoredVersion, string>, StoreUnavailable>;
}

/**
 * The calls to the store itself: four that each store has, and groups that are there exactly if the
 * store has their ability. Each must be interruptible, since callers wait for a few seconds.
 */
export class ObjectStore extends Context.Service<
  ObjectStore,
  {
    /** As was last seen of the bucket: a set that may change, and asks nobody. */
    readonly abilities: Abilities;
    /** None are known if left out. */
    readonly limits?: StoreLimits;
    /** Succeeds if the bucket exists, or could be made where the configuration allows it. */
    readonly ensureBucket: Effect.Effect<void, StoreUnavailable>;
    /**
     * Returns what the store says of an object; none if the store says that it does not exist.
     * Fails if that is unknown, or with `ObjectUnreadable` if nobody can read the object.
     */
    readonly head: (
      key: ObjectKey,
    ) => Effect.Effect<Option.Option<ObjectFacts>, StoreUnavailable | ObjectUnreadable>;
    /**
     * Removes one version of an object, as `head` returned it, and no other; without a version,
     * whatever object is there. Succeeds if there is none.
     */
    readonly remove: (object: StoredVersion) => Effect.Effect<void, StoreUnavailable>;
    /**
     * Of `reads`: opens the object that `head` described and no other: its first `length` bytes, or
     * all. The reader gets exactly these, or a `StoreUnavailable`; whoever stops reading closes it,
     * and whoever does not begin leaves it open.
     */
    readonly read?: (
      object: ObjectRef & { readonly length?: number },
    ) => Effect.Effect<AsyncIterable<Uint8Array> | "changed", StoreUnavailable>;
    /** Of `multipart`. */
    readonly parts?: Parts;
    /** Of `copies`. */
    readonly copies?: Copies;
    readonly list?: Lists;
    /** The bucket's own rules for what waits. */
    readonly rules?: BucketRules;
    /** Of `scan tags`: the tag in which a scanner left its verdict, if there is one yet. */
    readonly scanTag?: (object: ObjectRef) => Effect.Effect<string | undefined, StoreUnavailable>;
    /**
     * Looks at the state of the bucket, on which some abilities depend; fails with why they do not
     * hold, or why that is unknown. Left out if none depends on it.
     */
    readonly checkState?: Effect.Effect<void, StoreUnavailable>;
    /** It has not answered for a while, so that most calls fail at once; no call if left out. */
    readonly isPaused?: () => boolean;
    /** Names the certificate by which its abilities are known, for operators. */
    readonly certificate?: string | undefined;
  }
>()("valetkey/ObjectStore") {}
