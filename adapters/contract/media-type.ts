import { expect } from "vitest";
import { MediaType } from "../../domain/media-type.ts";
import { CONTENT } from "./sample-upload.ts";
import { send } from "./send.ts";
import type { StorePromise } from "./store-promise.ts";

/** What is stored has the media type that was granted. */
export const mediaType: ReadonlyArray<StorePromise> = [
  {
    title: "a PUT of another type is refused",
    check: async ({ signPut, expectRefused }) => {
      const { url } = await signPut();
      const headers = { "Content-Type": "text/html" };
      await expectRefused(await send("PUT", url, { headers, body: CONTENT }));
    },
  },
  {
    title: "a PUT without a type is refused",
    check: async ({ signPut, expectRefused }) => {
      const { url } = await signPut();
      // MinIO calls a signed header that is missing a bad request.
      await expectRefused(await send("PUT", url, { body: CONTENT }), [400, 403]);
    },
  },
  {
    title: "a type with parameters is bound as it was declared",
    check: async ({ signPut, expectRefused, expectStored }) => {
      const mediaType = MediaType.make('text/plain; Charset="utf-8";  codecs="a, b"');
      const { url, headers } = await signPut({ mediaType });
      const other = { "Content-Type": "text/plain" };
      await expectRefused(await send("PUT", url, { headers: other, body: CONTENT }));
      expect((await send("PUT", url, { headers, body: CONTENT })).status).toBe(200);
      await expectStored();
    },
  },
];
