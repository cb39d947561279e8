import mediaTypes from "mime-db";
import { MediaType } from "./media-type.ts";

/** The media type that an extension (without its dot) stands for, where it is a known one. */
export const mediaTypeOf = (extension: string): MediaType => BY_EXTENSION.get(extension) ?? UNKNOWN;

const UNKNOWN = MediaType.make("application/octet-stream");

/** Of several types with an extension, the one that has it as its usual one, registered first. */
const BY_EXTENSION: ReadonlyMap<string, MediaType> = new Map(
  Object.entries(mediaTypes)
    .flatMap(([type, { extensions = [], source }]) =>
      extensions.map((extension, index) => ({
        extension,
        type: type as MediaType,
        rank: index * 2 + (source === "iana" ? 0 : 1),
      })),
    )
    // The last of several entries of a map counts.
    .toSorted((a, b) => b.rank - a.rank)
    .map(({ extension, type }) => [extension, type]),
);
