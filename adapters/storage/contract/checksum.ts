import { createHash } from "node:crypto";
import { createCRC32 } from "hash-wasm";
import { expect } from "vitest";
import type { Checksum, ChecksumAlgorithm } from "../../../domain/checksum.ts";
import { CONTENT } from "./sample-upload.ts";
import { send } from "./send.ts";
import type { StorePromise } from "./store-promise.ts";
import { useCases } from "./use-cases.ts";

const crc32c = await createCRC32(0x82f63b78);
const digest = (algorithm: ChecksumAlgorithm, bytes: Uint8Array): string =>
  algorithm === "crc32c"
    ? Buffer.from(crc32c.init().update(bytes).digest("binary")).toString("base64")
    : createHash(algorithm).update(bytes).digest("base64");

const other = CONTENT.map((byte) => byte ^ 1);

/** The store itself verifies the bytes of a PUT by the checksum that was granted. */
export const checksum: ReadonlyArray<StorePromise> = (["sha256", "crc32c", "md5"] as const).flatMap(
  (algorithm) => {
    const checksum: Checksum = { algorithm, value: digest(algorithm, CONTENT) };
    return [
      {
        title: `${algorithm}: is offered`,
        needs: algorithm,
        check: async ({ presigner }) => expect(presigner.checksums).toContain(algorithm),
      },
      {
        title: `${algorithm}: other bytes of the same size are refused, and the right ones stored`,
        needs: algorithm,
        check: async ({ signPut, expectRefused, expectStored }) => {
          const { url, headers } = await signPut({ checksum });
          await expectRefused(await send("PUT", url, { headers, body: other }), [400]);
          const stored = await send("PUT", url, { headers, body: CONTENT });
          expect(stored.ok, stored.body.toString()).toBe(true);
          await expectStored();
        },
      },
      {
        title: `${algorithm}: other bytes with their own checksum, or with none, are refused`,
        needs: algorithm,
        check: async ({ signPut, expectRefused }) => {
          const { url, headers } = await signPut({ checksum });
          const [name = "", value = ""] =
            Object.entries(headers).find(([, value]) => value.endsWith(checksum.value)) ?? [];
          const changed = {
            ...headers,
            [name]: value.replace(checksum.value, digest(algorithm, other)),
          };
          await expectRefused(await send("PUT", url, { headers: changed, body: other }));
          const { [name]: _, ...dropped } = headers;
          // MinIO calls a signed header that is missing a bad request.
          await expectRefused(
            await send("PUT", url, { headers: dropped, body: other }),
            [400, 403],
          );
        },
      },
      {
        title: `${algorithm}: cannot be verified here, and is not offered`,
        without: algorithm,
        check: async ({ presigner }) => expect(presigner.checksums).not.toContain(algorithm),
      },
      {
        title: `${algorithm} is refused with what the store verifies instead`,
        without: algorithm,
        check: async (subject) => {
          const refused = useCases(subject).grant({ checksum });
          await expect(refused).rejects.toMatchObject({
            _tag: "ChecksumNotSupported",
            supported: subject.presigner.checksums,
          });
        },
      },
    ] satisfies ReadonlyArray<StorePromise>;
  },
);
