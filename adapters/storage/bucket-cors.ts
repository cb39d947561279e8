import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type { StoreUnavailable } from "../../domain/errors.ts";

/** A bucket's permission for pages. The embedded store follows `CORS_ORIGINS` and has none. */
export class BucketCors extends Context.Service<
  BucketCors,
  {
    /** Writes the rule alone, as the store's own tools take it. */
    readonly rule: (origins: ReadonlyArray<string>) => string;
    /** Advice that follows "To set it yourself:". */
    readonly byHand: string;
    /**
     * Adds the rule; fails rather than change another rule. Origins of other deployments stay,
     * unless `replace` is set. Undefined if the store has no rules per bucket.
     */
    readonly apply?: (
      origins: ReadonlyArray<string>,
      options?: { readonly replace: boolean },
    ) => Effect.Effect<AppliedCors, StoreUnavailable>;
  }
>()("valetkey/BucketCors") {}

export interface AppliedCors {
  readonly outcome: "added" | "there";
  /** The rule's present origins, and those removed. */
  readonly origins: ReadonlyArray<string>;
  readonly removed: ReadonlyArray<string>;
}

export function mergeOrigins(
  present: ReadonlyArray<string>,
  wanted: ReadonlyArray<string>,
  replace: boolean,
): Omit<AppliedCors, "outcome"> {
  return {
    origins: replace ? wanted : [...new Set([...present, ...wanted])],
    removed: replace ? present.filter((origin) => !wanted.includes(origin)) : [],
  };
}

/** Lifetime of a browser's preflight, in seconds. */
export const CORS_MAX_AGE = 3600;
