import * as Context from "effect/Context";
import type { Audience, SignedRequest } from "./presigner.ts";

export interface ImageServerAddresses {
  /** Where the server reaches the store. */
  readonly audience: Audience;
  /**
   * Returns the address of a picture by its signed GET, in a width in pixels; a narrower picture is
   * not enlarged. It is always the same for the same GET.
   */
  readonly addressOf: (source: Pick<SignedRequest, "url" | "expiresAt">, width: number) => string;
}

/** The server that shows pictures in a width; undefined if there is none. */
export const ImageServer = Context.Reference<ImageServerAddresses | undefined>(
  "valetkey/ImageServer",
  { defaultValue: () => undefined },
);
