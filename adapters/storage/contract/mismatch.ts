import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { ByteSize } from "../../../domain/byte-size.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { assertMatches } from "./assertions.ts";
import { checksumOf } from "./checksum.ts";
import { upload } from "./put.ts";
import { CONTENT, LONGER, PNG } from "./sample-upload.ts";
import { everyStore, type StorePromise, storesWith } from "./store-promise.ts";
import { mismatchOf } from "./use-cases.ts";

const SHA256 = checksumOf("sha256");

/** An upload that differs from its grant is not confirmed. */
export const mismatch: ReadonlyArray<StorePromise> = [
  ...everyStore({
    "an object that another key of the store replaced is not confirmed": async (subject) => {
      const { key, receipt } = await subject.grant();
      const mediaType = MediaType.make("text/plain");
      const size = ByteSize.make(LONGER.length);
      await upload({ ...(await subject.signPut({ key, mediaType, size })), body: LONGER });
      assertMatches(
        await subject.confirm(receipt),
        mismatchOf(
          { property: "size", expected: CONTENT.length, actual: LONGER.length },
          { property: "mediaType", expected: PNG, actual: mediaType },
        ),
      );
    },
  }),
  ...storesWith("sha256", {
    "a checksum is compared with the SHA-256 that the store reports": async (subject) => {
      const { put, receipt, key } = await subject.grant({ checksum: SHA256 });
      await upload(put);
      const facts = Option.getOrThrow(await Effect.runPromise(subject.store.head(key)));
      assertMatches(facts, { checksums: { sha256: SHA256.value } });
      assertMatches(await subject.confirm(receipt), {
        _tag: "Confirmed",
        checksum: SHA256,
        final: facts.isReplayable !== true,
      });
    },
    "an object that came without its granted checksum is not confirmed": async (subject) => {
      const { receipt, key } = await subject.grant({ checksum: SHA256 });
      // The same bytes, by another PUT of ours that binds no checksum.
      await upload(await subject.signPut({ key }));
      assertMatches(
        await subject.confirm(receipt),
        mismatchOf({ property: "checksum", expected: SHA256.value, actual: "none" }),
      );
    },
  }),
];
