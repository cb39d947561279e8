import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type { ScannerUnavailable, StoreUnavailable } from "../../domain/errors.ts";

/** The outcome of a scan; a file that the scanner did not scan whole is not clean. */
export type Verdict = "clean" | { readonly infected: string } | { readonly unscannable: string };

export interface FileScanner {
  /** Fails if the scanner cannot be reached, or calls a file clean that it did not scan. */
  readonly check: Effect.Effect<void, ScannerUnavailable>;
  /** Opens a file once a scan can begin, and scans all of its bytes. */
  readonly scan: <E>(
    open: Effect.Effect<AsyncIterable<Uint8Array>, E>,
  ) => Effect.Effect<Verdict, E | ScannerUnavailable | StoreUnavailable>;
}

/** The scanner of the service; undefined if no policy needs one. */
export const Scanner = Context.Reference<FileScanner | undefined>("valetkey/Scanner", {
  defaultValue: () => undefined,
});
