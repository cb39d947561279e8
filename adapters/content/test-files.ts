import { gzipSync } from "node:zlib";

/** "Anti Malware Testfile", eicar.org; in two pieces, so that no scanner finds it here. */
export const TEST_FILE: Uint8Array = Buffer.from(
  [String.raw`X5O!P%@AP[4\PZX54(P^)7CC)7}$`, "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].join(""),
);

/** The same, packed one level deeper than clamd can be set to unpack (`MaxRecursion`). */
export const deepTestFile = (): Uint8Array =>
  Array.from({ length: 101 }).reduce<Uint8Array>((packed) => gzipSync(packed), TEST_FILE);
