import { expect } from "vitest";
import { MediaType } from "../../../domain/media-type.ts";
import { CONTENT, PNG } from "./sample-upload.ts";
import { send } from "./send.ts";
import type { StorePromise } from "./store-promise.ts";
import { useCases } from "./use-cases.ts";

/** A stored object has the media type that was granted. */
export const mediaType: ReadonlyArray<StorePromise> = [
  {
    title: "a PUT of another type is refused",
    needs: "bound type",
    check: async ({ signPut, expectRefused }) => {
      const put = await signPut();
      const headers = { ...put.headers, "Content-Type": "text/html" };
      await expectRefused(await send("PUT", put.url, { headers, body: CONTENT }));
    },
  },
  {
    title: "a PUT without a type is refused",
    needs: "bound type",
    check: async ({ signPut, expectRefused }) => {
      const { url, headers } = await signPut();
      const { "Content-Type": _, ...others } = headers;
      // MinIO calls a signed header that is missing a bad request.
      await expectRefused(await send("PUT", url, { headers: others, body: CONTENT }), [400, 403]);
    },
  },
  {
    title: "a type that was not bound is compared on confirm",
    without: "bound type",
    check: async (subject) => {
      const { grant, confirm } = useCases(subject);
      const { put, receipt } = await grant();
      const headers = { ...put.headers, "Content-Type": "text/html" };
      expect((await send("PUT", put.url, { headers, body: CONTENT })).ok).toBe(true);
      expect(await confirm(receipt)).toMatchObject({
        _tag: "UploadMismatch",
        differences: [{ property: "mediaType", expected: PNG, actual: "text/html" }],
      });
    },
  },
  {
    title: "a type with parameters is bound as it was declared",
    needs: "bound type",
    check: async ({ signPut, expectRefused, expectStored }) => {
      const mediaType = MediaType.make('text/plain; Charset="utf-8"; codecs="a, b"');
      const { url, headers } = await signPut({ mediaType });
      const other = { ...headers, "Content-Type": "text/plain" };
      await expectRefused(await send("PUT", url, { headers: other, body: CONTENT }));
      expect((await send("PUT", url, { headers, body: CONTENT })).ok).toBe(true);
      await expectStored();
    },
  },
];
