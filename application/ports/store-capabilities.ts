import type { ChecksumAlgorithm } from "../../domain/checksum.ts";

/** The abilities of a store; a policy that asks for more is refused at the start. */
export interface StoreCapabilities {
  /** The largest object that one PUT can make, in bytes. */
  readonly largestPut: number;
  /** The largest object that is made of parts, in bytes; left out if uploads in parts are not. */
  readonly largestMultipart?: number;
  /** Why uploads in parts are not made with it, if that was found out. */
  readonly noMultipart?: string;
  /** The store can accept only one PUT under a key; perhaps only in a bucket without versions. */
  readonly writeOnce: boolean | "without versions";
  /** One version of an object can be removed, and no other. */
  readonly versions: boolean;
  /** It copies exactly the upload that was looked at, and only to a key without an object. */
  readonly copies: boolean;
  /** A scanner's verdict can be a tag of the object, which no upload can set; false if left out. */
  readonly scanTags?: boolean;
  /** The checksums that the store verifies on a PUT. */
  readonly checksums: ReadonlyArray<ChecksumAlgorithm>;
}
