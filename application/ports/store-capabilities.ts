import type { ChecksumAlgorithm } from "../../domain/checksum.ts";

/**
 * The abilities of a store, one value for each provider. A policy that asks for more is refused at the
 * start, and the contract tries these and no others.
 */
export interface StoreCapabilities {
  /** The type of a PUT is bound; true if left out. */
  readonly bindsType?: boolean;
  /** When the size of a PUT is bound; always if left out. */
  readonly bindsSize?: "always" | "strict" | "never";
  /** A URL to which a parameter was added is refused; true if left out. */
  readonly bindsQuery?: boolean;
  /** The headers that every PUT has to have beside its type; none if left out. */
  readonly putHeaders?: ReadonlyArray<string>;
  /** A signed GET sets all headers of a download, not only its type; true if left out. */
  readonly pinsDownloads?: boolean;
  /** The largest object that one PUT can make, in bytes. */
  readonly largestPut: number;
  /** The checksums that the store verifies on a PUT. */
  readonly checksums: ReadonlyArray<ChecksumAlgorithm>;
  /**
   * The store can accept only one PUT under a key, of any that are under way; perhaps only in a bucket
   * without versions.
   */
  readonly writeOnce: boolean | "without versions";
  /** It refuses every PUT that begins when there is an object, without a header; false if left out. */
  readonly alwaysOnce?: boolean;
  /** One version of an object can be removed, and no other. */
  readonly versions: boolean;
  /** It copies exactly the upload that was looked at. */
  readonly copies: boolean;
  /** A copy never replaces an object, nor does a completion; false if left out. */
  readonly copiesOnce?: boolean;
  /** Of several completions of one upload in parts, one object stays; false if left out. */
  readonly completesOnce?: boolean;
  /** A scanner's verdict can be a tag of the object, which no upload can set; false if left out. */
  readonly scanTags?: boolean;
  /** The largest object that is made of parts, in bytes; left out if uploads in parts are not. */
  readonly largestMultipart?: number | undefined;
  /** The checksums that it verifies on a part, without an announcement at the start. */
  readonly partChecksums?: ReadonlyArray<ChecksumAlgorithm> | undefined;
  /** As in `Multipart`. */
  readonly fileChecksums?: ReadonlyArray<ChecksumAlgorithm> | undefined;
  /** As in `Multipart`. */
  readonly abandoned?: string;
  /**
   * The URL of a part takes this part of this upload alone, while it lasts, and the ETag of a part
   * tells its bytes; true if left out.
   */
  readonly bindsParts?: boolean;
  /** True if a completion may use a part that was replaced. */
  readonly keepsReplacedParts?: boolean;
  /** Of what it lacks, if `valetkey certify` may show that it has it: a sentence without a full stop. */
  readonly unproved?: string;
}
