import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";

/** The store did not do what was asked of it; `reason` is for the operator. */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  reason: Schema.String,
}) {}

/** The calls that go to the store itself: the only port that needs the network. */
export class ObjectStore extends Context.Service<
  ObjectStore,
  {
    /** Succeeds when the bucket is there, after making it where the configuration says so. */
    readonly ensureBucket: Effect.Effect<void, StoreUnavailable>;
  }
>()("valetkey/ObjectStore") {}
