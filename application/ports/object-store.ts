import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type * as Option from "effect/Option";
import type { ObjectUnreadable, StoreUnavailable } from "../../domain/errors.ts";
import type { StorageKey } from "../../domain/storage-key.ts";
import type { ObjectFacts } from "../../domain/upload-difference.ts";

export type { ObjectFacts };

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
