import { createCRC32 } from "hash-wasm";
import { createHash } from "node:crypto";
import type { ChecksumAlgorithm } from "../../../domain/checksum.ts";

/** Checksums by their algorithms, in base64. */
export type Checksums = { readonly [Algorithm in ChecksumAlgorithm]?: string };

/** Computes a checksum of bytes as they arrive. */
export interface Sum {
  readonly update: (chunk: Uint8Array) => void;
  readonly digest: () => Buffer;
}

/** Starts a checksum of this algorithm. */
export async function sumOf(algorithm: ChecksumAlgorithm): Promise<Sum> {
  if (algorithm !== "crc32c") {
    const hash = createHash(algorithm);
    return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest() };
  }
  // The Castagnoli polynomial, bit-reversed (RFC 3385, section 3).
  const crc = await createCRC32(0x82f63b78);
  crc.init();
  return {
    update: (chunk) => void crc.update(chunk),
    digest: () => Buffer.from(crc.digest("binary")),
  };
}
