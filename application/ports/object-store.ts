import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import type { ChecksumAlgorithm } from "../../domain/checksum.ts";
import type { StorageKey } from "../../domain/storage-key.ts";

/** The store did not do what was asked of it; `reason` is for the operator. */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  reason: Schema.String,
}) {}

/** What the store says of an object. */
export interface ObjectFacts {
  /** In bytes. */
  readonly size: number;
  readonly mediaType: string;
  /** As the store writes it: it names these bytes, and is no checksum. */
  readonly etag: string;
  /** In base64, those that the store itself reports. */
  readonly checksums: { readonly [Algorithm in ChecksumAlgorithm]?: string };
  /** Headers that come with a download of the object, and that no upload is granted. */
  readonly extraHeaders: Readonly<Record<string, string>>;
  /** The version or generation, where the bucket keeps them apart. */
  readonly version?: string | undefined;
}

/** The rule by which a bucket itself removes uploads that nobody confirms. */
export interface BucketLifecycle {
  /** The rule alone, in the form that the store's own tools take. */
  readonly rule: (days: number) => string;
  /** Adds the rule to those that are there; fails rather than lose anything of another. */
  readonly apply: (days: number) => Effect.Effect<"added" | "there", StoreUnavailable>;
}

/** The calls that go to the store itself: the only port that needs the network. */
export class ObjectStore extends Context.Service<
  ObjectStore,
  {
    /** Succeeds when the bucket is there, after making it where the configuration says so. */
    readonly ensureBucket: Effect.Effect<void, StoreUnavailable>;
    /** Takes the mark off an object that nobody had confirmed, so that no rule removes it. */
    readonly keep: (key: StorageKey) => Effect.Effect<void, StoreUnavailable>;
    /** Removes one version (or generation) of an object, and no other. */
    readonly remove: (object: {
      readonly key: StorageKey;
      readonly version: string;
    }) => Effect.Effect<void, StoreUnavailable>;
    /** The bucket's own rules; undefined where it has none. */
    readonly lifecycle: BucketLifecycle | undefined;
    /** Looks at an object; none where there is none. */
    readonly head: (key: StorageKey) => Effect.Effect<Option.Option<ObjectFacts>, StoreUnavailable>;
  }
>()("valetkey/ObjectStore") {}
