import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type * as Option from "effect/Option";
import type { Checksum } from "../../domain/checksum.ts";
import type { ObjectUnreadable, StoreUnavailable } from "../../domain/errors.ts";
import type { MediaType } from "../../domain/media-type.ts";
import type { StoredPart } from "../../domain/multipart.ts";
import type { IncomingKey, ObjectKey } from "../../domain/storage-key.ts";
import type { ObjectFacts } from "../../domain/upload-difference.ts";
import type { Abilities, StoreLimits } from "./abilities.ts";
import type { CredentialsRequest, ScopedCredentials } from "./scoped-credentials.ts";

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
   * that were never completed.
   */
  readonly scope: "every" | "incoming" | "tagged" | "replaced" | "parts";
  /** Days from the upload to the effect, if it counts from there. */
  readonly days?: number;
}

/** The bucket's own rules that remove uploads which are never confirmed or completed. */
export interface BucketRules {
  /** True if a rule removes uploads in parts that are never completed; false if left out. */
  readonly removesParts?: boolean;
  /**
   * Writes the rules in the format of the store's tools. `days` is how long uploads wait below
   * `incoming/`; with 0, only the rule for parts is meant.
   */
  readonly rule: (days: number) => string;
  /**
   * Adds the rules to the existing ones; fails rather than change another rule. The longer time
   * counts, since another deployment may use it, unless `replace` is set.
   */
  readonly apply: (
    days: number,
    options?: { readonly replace: boolean },
  ) => Effect.Effect<AppliedLifecycle, StoreUnavailable>;
  /** The effects of the bucket's enabled rules on files; unknown if left out. */
  readonly effects?: Effect.Effect<ReadonlyArray<LifecycleRule>, StoreUnavailable>;
  /**
   * The time for which the bucket prevents removal of new objects, such as "30 days"; undefined if
   * there is none, or it is unknown.
   */
  readonly retention?: Effect.Effect<string | undefined, StoreUnavailable>;
}

/** The outcome of a call to complete a multipart upload. */
export type Completion =
  /** The object is there. */
  | "completed"
  /** The key has an object already; the upload is left as it is. */
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
  /** The key has an object already. */
  | "exists"
  /** The upload is gone or was replaced, or must not be published; there is no copy. */
  | "changed";

/** A page of the entries below a prefix, in the order of the store. */
export interface Page<Each, After> {
  readonly found: ReadonlyArray<Each>;
  /** Requests the next page; left out on the last one. */
  readonly next?: After;
}

/** A version of an object, or a delete marker. */
export interface StoredVersion {
  readonly key: ObjectKey;
  readonly version: string | undefined;
  /** In bytes, as lists have it; a delete marker has none. */
  readonly size?: number | undefined;
}

/** The objects of one page. */
export interface PageQuery {
  readonly prefix: string;
  readonly after?: string | undefined;
  readonly limit: number;
}

/** An object in a list, which another program may have stored. */
export interface ListedObject extends Pick<ObjectFacts, "size" | "etag"> {
  readonly key: string;
  /** Milliseconds since it was stored, by the clock of the store. */
  readonly age: number;
  /** The time at which it was stored, by the same clock, in milliseconds since 1970. */
  readonly storedAt: number;
}

/** A multipart upload of the store. */
export interface MultipartId {
  readonly key: ObjectKey;
  /** The store's name for it. */
  readonly uploadId: string;
}

/** The calls for uploads in parts, made with the service's own key. */
export interface Parts<Spoiled = ObjectUnreadable> {
  /**
   * Says what removes uploads that are never completed, if no rule of the bucket does: a sentence
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
    readonly names?: string | undefined;
    readonly checksum?: Checksum | undefined;
  }) => Effect.Effect<string, StoreUnavailable>;
  /** Lists all parts in ascending order, each number once; none if there is no such upload. */
  readonly list: (
    upload: MultipartId,
  ) => Effect.Effect<Option.Option<ReadonlyArray<StoredPart>>, StoreUnavailable>;
  /**
   * Makes the object of exactly these parts, in ascending order, if its key has none yet. Fails
   * with `ObjectUnreadable` if what the client did to the upload makes that impossible.
   */
  readonly complete: (
    upload: MultipartId & {
      readonly parts: ReadonlyArray<StoredPart>;
      readonly checksum?: Checksum | undefined;
    },
  ) => Effect.Effect<Completion, StoreUnavailable | Spoiled>;
  /** Removes an upload and its parts; succeeds if there is no such upload. */
  readonly abort: (upload: MultipartId) => Effect.Effect<void, StoreUnavailable>;
  /** Lists open uploads below a prefix, and copies. MinIO lists only those of a whole key. */
  readonly listOpen: (below: {
    readonly prefix: string;
    readonly after?: OpenUpload | undefined;
  }) => Effect.Effect<Page<OpenUpload, OpenUpload>, StoreUnavailable>;
}

/** An open multipart upload, which another program may have begun. */
export interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
  /** Milliseconds since it began, by the store's clock. */
  readonly age: number;
}

/** Makes files of uploads inside the store. */
export interface Copies {
  /**
   * Makes a file of exactly the bytes that `head` described, with this type, these names as its
   * metadata `valetkey-names` and no other header or tag of the upload, and only while the key has
   * no object. An interrupted copy leaves none.
   */
  readonly copy: (
    upload: ObjectRef & {
      readonly to: ObjectKey;
      readonly contentType: MediaType;
      /** Printable ASCII, up to 1,900 characters. A store that cannot keep them drops them. */
      readonly names?: string | undefined;
      /**
       * Asked once the bytes are taken, and before anybody can read them: with false there is no
       * copy. For stores whose ETag two bodies may share, such as an MD5; others need not ask.
       */
      readonly mayPublish?: Effect.Effect<boolean, StoreUnavailable> | undefined;
    },
  ) => Effect.Effect<CopyOutcome, StoreUnavailable>;
  readonly writeEmpty: (key: IncomingKey) => Effect.Effect<void, StoreUnavailable>;
}

/** Lists objects whose keys begin with a prefix. */
export interface Lists {
  /** Lists at most `limit` objects, up to 1000, after `after`: a `next`, or any key. */
  readonly objects: (
    below: PageQuery,
  ) => Effect.Effect<Page<ListedObject, string>, StoreUnavailable>;
  /** True for a store where `after` must be a `next`; false if left out. */
  readonly continuesAtPages?: boolean;
  /**
   * Lists versions and delete markers: all that `remove` must be called for. Left out by stores
   * that keep one version of an object.
   */
  readonly versions?: (
    below: Omit<PageQuery, "limit">,
  ) => Effect.Effect<Page<StoredVersion, string>, StoreUnavailable>;
}

/**
 * The calls to a store: four that each store has, and groups that exist if the store has their
 * ability. Each must be interruptible, since callers wait for a few seconds.
 */
export class ObjectStore extends Context.Service<
  ObjectStore,
  {
    /** As last seen of the bucket: a set that may change. Reading it makes no call. */
    readonly abilities: Abilities;
    /** Unknown if left out. */
    readonly limits?: StoreLimits;
    /** Succeeds if the bucket exists, or was created where the configuration allows it. */
    readonly ensureBucket: Effect.Effect<void, StoreUnavailable>;
    /**
     * Returns the store's facts of an object; none if the store says that it does not exist. Fails
     * if that is unknown, or with `ObjectUnreadable` for an object that cannot be read.
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
     * For `reads`: opens the object that `head` described and no other: `length` bytes from `start`
     * on, or all. The reader gets exactly these, or a `StoreUnavailable`. Ending the read closes it;
     * without a read it stays open.
     */
    readonly read?: (
      object: ObjectRef & { readonly start?: number; readonly length?: number },
    ) => Effect.Effect<AsyncIterable<Uint8Array> | "changed", StoreUnavailable>;
    /** For `multipart`. */
    readonly parts?: Parts;
    /** For `copies`. */
    readonly copies?: Copies;
    readonly list?: Lists;
    /** The bucket's own rules for uploads that wait. */
    readonly rules?: BucketRules;
    /** For `scan tags`: returns the tag with a scanner's verdict, if there is one yet. */
    readonly scanTag?: (object: ObjectRef) => Effect.Effect<string | undefined, StoreUnavailable>;
    /** For `scoped credentials`: gives credentials that may put below one prefix alone. */
    readonly credentials?: (
      request: CredentialsRequest,
    ) => Effect.Effect<ScopedCredentials, StoreUnavailable>;
    /**
     * Checks the state of the bucket on which some abilities depend; fails with the reason why they
     * do not hold, or why that is unknown. Left out if none depends on it.
     */
    readonly checkState?: Effect.Effect<void, StoreUnavailable>;
    /** Returns true while most calls fail at once, since the store is down; false if left out. */
    readonly isPaused?: () => boolean;
    /** Names the certificate of its abilities, for operators. */
    readonly certificate?: string | undefined;
  }
>()("valetkey/ObjectStore") {}
