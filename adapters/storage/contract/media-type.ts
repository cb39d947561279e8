import { MediaType } from "../../../domain/media-type.ts";
import { assertMatches } from "./assertions.ts";
import { upload, withHeaders, withoutHeader } from "./put.ts";
import { PNG } from "./sample-upload.ts";
import { type StorePromise, storesWith, storesWithout } from "./store-promise.ts";
import { mismatchOf } from "./use-cases.ts";

const HTML = { "Content-Type": "text/html" };

/** A stored object has the media type that was granted. */
export const mediaType: ReadonlyArray<StorePromise> = [
  ...storesWith("bound type", {
    "a PUT of another type is refused": async ({ signPut, expectRefused }) => {
      await expectRefused(withHeaders(await signPut(), HTML));
    },
    "a PUT without a type is refused": async ({ signPut, expectRefused, refusals }) => {
      await expectRefused(withoutHeader(await signPut(), "Content-Type"), [400, ...refusals]);
    },
    "a type with parameters is bound as it was declared": async (subject) => {
      const mediaType = MediaType.make('text/plain; Charset="utf-8"; codecs="a, b"');
      const put = await subject.signPut({ mediaType });
      await subject.expectRefused(withHeaders(put, { "Content-Type": "text/plain" }));
      await subject.expectStored(put);
    },
  }),
  ...storesWithout("bound type", {
    "a type that was not bound is compared on confirm": async ({ grant, confirm }) => {
      const { put, receipt } = await grant();
      await upload(withHeaders(put, HTML));
      const difference = { property: "mediaType", expected: PNG, actual: "text/html" };
      assertMatches(await confirm(receipt), mismatchOf(difference));
    },
  }),
];
