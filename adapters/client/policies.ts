import { boolean, list, number, object, optional, text, texts } from "./decode.ts";

/** What the caller may upload under one policy. Sizes are in bytes, lifetimes in seconds. */
export interface UploadPolicy {
  /** What an upload gives as `policy`. */
  readonly name: string;
  readonly maxSize: number;
  /** Media types, or all subtypes of one, such as `image/*`. */
  readonly allowedTypes: ReadonlyArray<string>;
  /** The allowed types by their usual extensions: `".png": "image/png"`. */
  readonly extensions: Readonly<Record<string, string>>;
  readonly putLifetime: number;
  readonly getLifetime: number;
  /** The longest that a link works; undefined if links are not allowed. */
  readonly linkLifetime?: number | undefined;
  readonly strict: boolean;
  readonly writeOnce: boolean;
  readonly requireChecksum: boolean;
  /** The algorithms that the store verifies. */
  readonly checksums: ReadonlyArray<string>;
  /** Files in parts: the largest, and the checksums of parts. Undefined if the store takes none. */
  readonly multipart?:
    | { readonly maxSize: number; readonly checksums: ReadonlyArray<string> }
    | undefined;
}

export const decodePolicy = object({
  name: text,
  maxSize: number,
  allowedTypes: list(text),
  extensions: texts,
  putLifetime: number,
  getLifetime: number,
  linkLifetime: optional(number),
  strict: boolean,
  writeOnce: boolean,
  requireChecksum: boolean,
  checksums: list(text),
  multipart: optional(object({ maxSize: number, checksums: list(text) })),
});

/** The usual type of files with such a name, for a file whose type the browser does not know. */
export const typeByName = (name: string, policy: UploadPolicy | undefined): string | undefined =>
  // With a dot or of one letter, so that it names nothing that every object has.
  policy?.extensions[name.slice(name.lastIndexOf(".")).toLowerCase()];
