import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import type { DetectedType } from "../../domain/content-type.ts";
import { StoreUnavailable } from "../../domain/errors.ts";

/** Detects the type of a file by its first bytes, which may be hostile. */
export const ContentDetector = Context.Reference<
  (sample: Uint8Array) => Effect.Effect<DetectedType, StoreUnavailable>
>("valetkey/ContentDetector", {
  defaultValue: () => () =>
    Effect.fail(
      new StoreUnavailable({
        kind: "refused",
        reason: "a policy verifies content, and nothing detects types; provide contentDetector",
      }),
    ),
});
