import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import type { ChecksumAlgorithm } from "../../domain/checksum.ts";
import type { StorageKey } from "../../domain/storage-key.ts";

/**
 * The store did not do what was asked of it, or cannot be asked; `reason` is for the operator: it
 * says what to do where that is known, and holds no secret.
 */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  reason: Schema.String,
}) {}

/**
 * An object that the store shows to nobody who lacks a key that the client sent along: `header` is
 * what it sent.
 */
export class ObjectUnreadable extends Schema.TaggedError<ObjectUnreadable>()("ObjectUnreadable", {
  header: Schema.String,
}) {}

/** What the store says of an object. */
export interface ObjectFacts {
  /** In bytes. */
  readonly size: number;
  /** The `Content-Type` that is stored, character for character. */
  readonly mediaType: string;
  /** As the store writes it: it names these bytes, and is no checksum. */
  readonly etag: string;
  /** Of all the bytes, in base64: those that the store itself reports. */
  readonly checksums: { readonly [Algorithm in ChecksumAlgorithm]?: string };
  /**
   * The algorithms whose checksum the store reports wherever it came with the upload: an upload
   * that was granted with one is not confirmed where it is missing. SHA-256 and CRC-32C if left
   * out.
   */
  readonly reports?: ReadonlyArray<ChecksumAlgorithm>;
  /**
   * Whether the store obeys headers that are not signed, so that the same bytes can be sent again
   * with others: the object is then not final by its checksum alone. False if left out.
   */
  readonly isReplayable?: boolean;
  /**
   * Headers that rode along with the upload and are granted to none, by their names in lower case:
   * those that come with a download, such as `content-encoding`, `cache-control` and
   * `content-disposition`, and those by which others may read the object (`x-amz-acl`), or which
   * end or lock it. `x-amz-tagging` is the mark of an unconfirmed upload, where it is there. An
   * upload with any of them is not confirmed, so what the store adds by itself is left out.
   */
  readonly extraHeaders: Readonly<Record<string, string>>;
  /** The version or generation, where the bucket keeps them apart; undefined where it does not. */
  readonly version?: string | undefined;
}

/** The rule by which a bucket itself removes uploads that nobody confirms. */
export interface BucketLifecycle {
  /** The rule alone, in the form that the store's own tools take. */
  readonly rule: (days: number) => string;
  /** Adds the rule to those that are there; fails rather than lose anything of another. */
  readonly apply: (days: number) => Effect.Effect<"added" | "there", StoreUnavailable>;
}

/**
 * The calls that go to the store itself: the only port that needs the network. Each can be
 * interrupted, and is, when the one who asked has waited for some seconds.
 */
export class ObjectStore extends Context.Service<
  ObjectStore,
  {
    /** Succeeds when the bucket is there, after making it where the configuration says so. */
    readonly ensureBucket: Effect.Effect<void, StoreUnavailable>;
    /**
     * Takes the mark off an object that nobody had confirmed, so that no rule removes it. It may
     * be asked for again, of an object that bears no mark any more. Nothing where uploads are
     * never marked.
     */
    readonly keep: (key: StorageKey) => Effect.Effect<void, StoreUnavailable>;
    /**
     * Removes one version (or generation) of an object, and no other, also where the object has
     * been replaced meanwhile. Asked only with a version that `head` gave.
     */
    readonly remove: (object: {
      readonly key: StorageKey;
      readonly version: string;
    }) => Effect.Effect<void, StoreUnavailable>;
    /** The bucket's own rule for uploads that bear a mark; undefined where it can have none. */
    readonly lifecycle: BucketLifecycle | undefined;
    /**
     * Looks at an object; none where the store says that there is none. It fails where that cannot
     * be told, such as where the credentials may not look, and with `ObjectUnreadable` where the
     * object is there for nobody.
     */
    readonly head: (
      key: StorageKey,
    ) => Effect.Effect<Option.Option<ObjectFacts>, StoreUnavailable | ObjectUnreadable>;
  }
>()("valetkey/ObjectStore") {}
