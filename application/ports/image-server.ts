import * as Context from "effect/Context";
import type * as DateTime from "effect/DateTime";
import type { Audience } from "./presigner.ts";

/** A picture in a width. */
export interface PictureRequest {
  /** A signed GET of the picture, for the server's `audience`. */
  readonly source: string;
  /** In pixels, one of those that a policy names; a narrower picture is not enlarged. */
  readonly width: number;
  /** The end of `source`. */
  readonly expiresAt: DateTime.Utc;
}

export interface ImageServerAddresses {
  /** Where the server reaches the store. */
  readonly audience: Audience;
  /** Returns the address of a picture at the server, always the same for the same request. */
  readonly addressOf: (picture: PictureRequest) => string;
}

/** The server that shows pictures in a width; undefined if there is none. */
export const ImageServer = Context.Reference<ImageServerAddresses | undefined>(
  "valetkey/ImageServer",
  { defaultValue: () => undefined },
);
