import * as Schema from "effect/Schema";
import { essence, type MediaType } from "./media-type.ts";

const message = "it is not a whole number of pixels from 16 to 4096";

/** A width of a picture, in pixels. */
export const PictureWidth = Schema.Int.annotate({ message }).check(
  Schema.isBetween({ minimum: 16, maximum: 4096 }, { message }),
);

/** The widths in which the pictures of a policy are shown: 1 to 16, each once. */
export const PictureWidths = Schema.Array(PictureWidth).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(16),
  Schema.isUnique(),
);

/**
 * Returns true for a type that every supported image server reads, but not for SVG, which can hold
 * scripts and refer to other files.
 */
export const isPicture = (contentType: MediaType): boolean => PICTURES.has(essence(contentType));

const PICTURES: ReadonlySet<string> = new Set([
  "image/gif",
  "image/jpeg",
  "image/png",
  "image/webp",
]);
