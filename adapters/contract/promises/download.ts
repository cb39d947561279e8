import * as Duration from "effect/Duration";
import assert from "node:assert/strict";
import { MediaType } from "../../../domain/media-type.ts";
import { assertBytes, assertStatus } from "../sending/assertions.ts";
import { send, upload, withHeaders, without } from "../sending/send.ts";
import { CONTENT } from "../sending/uploads.ts";
import { promises } from "./store-promise.ts";

/** Headers that a client may add to a PUT unsigned, where stores keep them. */
const EXTRA_HEADERS = {
  "Content-Encoding": "gzip",
  "Cache-Control": "public, max-age=31536000",
  "Content-Disposition": "inline; filename=evil.html",
};

/** A download has our headers, whatever headers came with the upload. */
export const download = [
  ...promises([], {
    "a GET answers with the type and disposition that were signed": async ({ put, read }) => {
      await put();
      const responseDisposition = "attachment; filename=\"_.svg\"; filename*=UTF-8''%C3%A9.svg";
      const responseMediaType = MediaType.make("image/svg+xml");
      const { headers } = await read({ responseMediaType, responseDisposition });
      assert.equal(headers["content-type"], responseMediaType);
      assert.equal(headers["content-disposition"], responseDisposition);
    },
    "a GET whose disposition was altered is refused": async ({ put, signGet, refusals }) => {
      await put();
      const { url } = await signGet({ responseDisposition: "attachment" });
      const altered = url.replace("=attachment", "=inline");
      assert.notEqual(altered, url);
      assertStatus(await send("GET", altered), refusals);
    },
    "a GET answers a range, and 304 to a client that has the object": async ({ put, signGet }) => {
      await put();
      const { url } = await signGet();
      const part = await send("GET", url, { headers: { Range: "bytes=10-19" } });
      assertStatus(part, [206]);
      assertBytes(part, CONTENT.subarray(10, 20));
      const { etag = "" } = part.headers;
      assertStatus(await send("GET", url, { headers: { "If-None-Match": etag } }), [304]);
    },
    "within a window the same request has the same URL, and then another": async (subject) => {
      await subject.put();
      const window = Duration.seconds(20);
      const start = Math.floor(Date.now() / 20_000) * 20_000;
      const at = async (signedAt: number) => (await subject.signGet({ signedAt, window })).url;
      const first = await at(start);
      assert.equal(await at(start + 19_999), first);
      assert.notEqual(await at(start + 20_000), first);
      assertStatus(await send("GET", first), [200]);
    },
  }),
  ...promises(["pinned downloads"], {
    "a GET does not repeat unsigned headers of the upload": async ({ signPut, read }) => {
      await upload(withHeaders(await signPut(), EXTRA_HEADERS));
      const answer = await read();
      const { headers } = answer;
      assert.equal(headers["content-encoding"] ?? "identity", "identity");
      assert.equal(headers["cache-control"], "private, max-age=3600");
      assert.equal(headers["content-disposition"], "inline");
      assertBytes(answer, CONTENT);
    },
  }),
  ...promises(["without pinned downloads"], {
    "a GET sets type and disposition, and no other header": async ({ signPut, read }) => {
      // Cloud Storage would decompress an object that is marked as compressed.
      const further = without(EXTRA_HEADERS, "Content-Encoding");
      await upload(withHeaders(await signPut(), further));
      const { headers } = await read();
      assert.equal(headers["content-disposition"], "inline");
      assert.notEqual(headers["cache-control"], "private, max-age=3600");
    },
  }),
];
