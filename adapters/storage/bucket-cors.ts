import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type { StoreUnavailable } from "../../domain/errors.ts";

/**
 * The bucket's permission for pages of other origins, for the command that sets it. Stores provide
 * it with their layer; the embedded store follows `CORS_ORIGINS` and has none.
 */
export class BucketCors extends Context.Service<
  BucketCors,
  {
    /** The rule alone, as the store's own tools take it. */
    readonly rule: (origins: ReadonlyArray<string>) => string;
    /** How the rule is set by hand, in a sentence. */
    readonly byHand: string;
    /**
     * Adds the rule to the existing ones, or replaces an older one of ours; fails rather than
     * change another rule. Undefined where a store has no rules per bucket.
     */
    readonly apply?: (
      origins: ReadonlyArray<string>,
    ) => Effect.Effect<"added" | "there", StoreUnavailable>;
  }
>()("valetkey/BucketCors") {}

/** How long a browser may remember the answer to a preflight, in seconds. */
export const CORS_MAX_AGE = 3600;
