import { make, SecureRandom } from "effect/crypto/SecureRandom";
import * as Layer from "effect/Layer";
import { randomFillSync } from "node:crypto";

const POOL_BYTES = 4096;

/**
 * Provides random bytes of the system, fetched 4 KiB at a time: a system call per key would cost
 * more than the signature. No byte is returned twice.
 */
export const layer: Layer.Layer<SecureRandom> = Layer.sync(SecureRandom, () => {
  let pool = new Uint8Array(0);
  let used = 0;
  return make((size) => {
    if (size > pool.length - used) {
      pool = randomFillSync(new Uint8Array(Math.max(size, POOL_BYTES)));
      used = 0;
    }
    used += size;
    // Copied, so that its buffer contains no byte that is still to be returned.
    return pool.slice(used - size, used);
  });
});
