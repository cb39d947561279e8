import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { ContentDetector } from "../../application/ports/content-detector.ts";
import { StoreUnavailable } from "../../domain/errors.ts";
import { errorMessage } from "../values/thrown.ts";

/** Detects types by the package `file-type`, which is loaded for the first file. */
export const layer: Layer.Layer<never> = Layer.succeed(ContentDetector, (sample) =>
  Effect.tryPromise({
    try: async () => {
      const { fileTypeFromBuffer, supportedMimeTypes: known } = await import("file-type");
      // The package throws for some malformed files.
      const detected = await fileTypeFromBuffer(sample).catch(() => undefined);
      return { type: detected?.mime, known };
    },
    catch: (cause) => new StoreUnavailable({ kind: "refused", reason: errorMessage(cause) }),
  }),
);
