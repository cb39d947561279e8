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

/** What the store says of an object. */
export interface ObjectFacts {
  /** In bytes. */
  readonly size: number;
  /** The `Content-Type` that is stored, character for character. */
  readonly mediaType: string;
  /** As the store writes it: it names these bytes, and is no checksum. */
  readonly etag: string;
  /**
   * Of all the bytes, in base64: those that the store itself reports. An upload that was granted
   * with SHA-256 or CRC-32C is confirmed only where that is reported; MD5, which S3 verifies and
   * forgets, may be missing.
   */
  readonly checksums: { readonly [Algorithm in ChecksumAlgorithm]?: string };
  /**
   * Headers that come with a download of the object, and that no upload is granted, by their names
   * in lower case: `content-encoding`, `cache-control`, `content-disposition` and their like. An
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
     * be told, such as where the credentials may not look.
     */
    readonly head: (key: StorageKey) => Effect.Effect<Option.Option<ObjectFacts>, StoreUnavailable>;
  }
>()("valetkey/ObjectStore") {}
