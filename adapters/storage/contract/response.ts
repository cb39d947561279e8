import * as Duration from "effect/Duration";
import { expect } from "vitest";
import { MediaType } from "../../../domain/media-type.ts";
import { upload, withHeaders } from "./put.ts";
import { CONTENT, EXTRA_HEADERS } from "./sample-upload.ts";
import { send } from "./send.ts";
import { everyStore, type StorePromise, storesWith, storesWithout } from "./store-promise.ts";

/** A download has our headers, whatever headers came with the upload. */
export const response: ReadonlyArray<StorePromise> = [
  ...everyStore({
    "a GET answers with the type and disposition that were signed": async (subject) => {
      await upload(await subject.signPut());
      const responseDisposition = "attachment; filename=\"_.svg\"; filename*=UTF-8''%C3%A9.svg";
      const { url } = await subject.signGet({
        responseMediaType: MediaType.make("image/svg+xml"),
        responseDisposition,
      });
      const { headers } = await send("GET", url);
      expect(headers["content-type"]).toBe("image/svg+xml");
      expect(headers["content-disposition"]).toBe(responseDisposition);
    },
    "a GET whose disposition was altered is refused": async ({ signPut, signGet, refusals }) => {
      await upload(await signPut());
      const { url } = await signGet({ responseDisposition: "attachment" });
      const altered = url.replace("=attachment", "=inline");
      expect(altered).not.toBe(url);
      expect((await send("GET", altered)).status).toBeOneOf([...refusals]);
    },
    "a GET answers a range, and 304 to a client that has the object": async (subject) => {
      await upload(await subject.signPut());
      const { url } = await subject.signGet();
      const part = await send("GET", url, { headers: { Range: "bytes=10-19" } });
      expect(part.status).toBe(206);
      expect(part.body.equals(CONTENT.subarray(10, 20))).toBe(true);
      const { etag = "" } = part.headers;
      expect((await send("GET", url, { headers: { "If-None-Match": etag } })).status).toBe(304);
    },
    "within a window the same request has the same URL, and then another": async (subject) => {
      await upload(await subject.signPut());
      const window = Duration.seconds(20);
      const start = Math.floor(Date.now() / 20_000) * 20_000;
      const at = async (signedAt: number) => (await subject.signGet({ signedAt, window })).url;
      const first = await at(start);
      expect(await at(start + 19_999)).toBe(first);
      expect(await at(start + 20_000)).not.toBe(first);
      expect((await send("GET", first)).status).toBe(200);
    },
  }),
  ...storesWith("pinned downloads", {
    "a GET does not repeat unsigned headers of the upload": async ({ signPut, signGet }) => {
      await upload(withHeaders(await signPut(), EXTRA_HEADERS));
      const { headers, body } = await send("GET", (await signGet()).url);
      expect(headers["content-encoding"] ?? "identity").toBe("identity");
      expect(headers["cache-control"]).toBe("private, max-age=60");
      expect(headers["content-disposition"]).toBe("inline");
      expect(body.equals(CONTENT)).toBe(true);
    },
  }),
  ...storesWithout("pinned downloads", {
    "a GET sets type and disposition, and no other header": async (subject) => {
      // Cloud Storage would decompress an object that is marked as compressed.
      const { "Content-Encoding": _, ...further } = EXTRA_HEADERS;
      await upload(withHeaders(await subject.signPut(), further));
      const { headers } = await send("GET", (await subject.signGet()).url);
      expect(headers["content-disposition"]).toBe("inline");
      expect(headers["cache-control"]).not.toBe("private, max-age=60");
    },
  }),
];
