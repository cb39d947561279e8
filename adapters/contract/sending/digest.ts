import { createHash } from "node:crypto";
import { createCRC32 } from "hash-wasm";
import type { Checksum, ChecksumAlgorithm } from "../../../domain/checksum.ts";

const crc32c = await createCRC32(0x82f63b78);

/** The checksum of these bytes, in base64. */
export const digest = (algorithm: ChecksumAlgorithm, bytes: Uint8Array): string =>
  algorithm === "crc32c"
    ? Buffer.from(crc32c.init().update(bytes).digest("binary")).toString("base64")
    : createHash(algorithm).update(bytes).digest("base64");

/** The checksum of these bytes, as a client declares it. */
export const checksumFor = (algorithm: ChecksumAlgorithm, bytes: Uint8Array): Checksum => ({
  algorithm,
  value: digest(algorithm, bytes),
});
