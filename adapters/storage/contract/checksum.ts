import { createHash } from "node:crypto";
import { createCRC32 } from "hash-wasm";
import assert from "node:assert/strict";
import type { Checksum, ChecksumAlgorithm } from "../../../domain/checksum.ts";
import { assertMatches } from "./assertions.ts";
import { withHeaders, withoutHeader } from "./put.ts";
import { CONTENT, OTHER } from "./sample-upload.ts";
import { type StorePromise, storesWith, storesWithout } from "./store-promise.ts";

const crc32c = await createCRC32(0x82f63b78);
/** The checksum of these bytes, in base64. */
export const digest = (algorithm: ChecksumAlgorithm, bytes: Uint8Array): string =>
  algorithm === "crc32c"
    ? Buffer.from(crc32c.init().update(bytes).digest("binary")).toString("base64")
    : createHash(algorithm).update(bytes).digest("base64");

/** The checksum of `CONTENT`. */
export const checksumOf = (algorithm: ChecksumAlgorithm): Checksum => ({
  algorithm,
  value: digest(algorithm, CONTENT),
});

const promisesOf = (algorithm: ChecksumAlgorithm): ReadonlyArray<StorePromise> => {
  const checksum = checksumOf(algorithm);
  return [
    ...storesWith(algorithm, {
      [`${algorithm} is offered`]: async ({ presigner }) =>
        assert.ok(presigner.checksums.includes(algorithm)),
      [`${algorithm}: other bytes of the same size are refused, and the right ones stored`]: async (
        subject,
      ) => {
        const put = await subject.signPut({ checksum });
        await subject.expectRefused({ ...put, body: OTHER }, [400]);
        await subject.expectStored(put);
      },
      [`${algorithm}: other bytes with their own checksum, or with none, are refused`]: async ({
        signPut,
        expectRefused,
        refusals,
      }) => {
        const put = { ...(await signPut({ checksum })), body: OTHER };
        const [name = "", value = ""] =
          Object.entries(put.headers).find(([, value]) => value.endsWith(checksum.value)) ?? [];
        const own = value.replace(checksum.value, digest(algorithm, OTHER));
        await expectRefused(withHeaders(put, { [name]: own }));
        await expectRefused(withoutHeader(put, name), [400, ...refusals]);
      },
    }),
    ...storesWithout(algorithm, {
      [`${algorithm} is not offered, since the store does not verify it`]: async ({ presigner }) =>
        assert.ok(!presigner.checksums.includes(algorithm)),
      [`${algorithm} is refused with a list of what the store verifies`]: async (subject) => {
        const refused = await subject.grant({ checksum }).catch((refusal: unknown) => refusal);
        assertMatches(refused, {
          _tag: "ChecksumNotSupported",
          supported: subject.presigner.checksums,
        });
      },
    }),
  ];
};

/** The store itself verifies the bytes of a PUT by the checksum that was granted. */
export const checksum = (["sha256", "crc32c", "md5"] as const).flatMap(promisesOf);
