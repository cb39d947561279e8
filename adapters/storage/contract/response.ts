import * as Duration from "effect/Duration";
import { expect } from "vitest";
import { MediaType } from "../../../domain/media-type.ts";
import { CONTENT } from "./sample-upload.ts";
import { send } from "./send.ts";
import type { StorePromise } from "./store-promise.ts";
import type { Subject } from "./subject.ts";

/** A download has our headers, whatever headers came with the upload. */
export const response: ReadonlyArray<StorePromise> = [
  {
    title: "a GET answers with the type and disposition that were signed",
    check: async (subject) => {
      await upload(subject);
      const responseDisposition = "attachment; filename=\"_.svg\"; filename*=UTF-8''%C3%A9.svg";
      const { url } = await subject.signGet({
        responseMediaType: MediaType.make("image/svg+xml"),
        responseDisposition,
      });
      const { headers } = await send("GET", url);
      expect(headers["content-type"]).toBe("image/svg+xml");
      expect(headers["content-disposition"]).toBe(responseDisposition);
    },
  },
  {
    title: "a GET whose disposition was altered is refused",
    check: async (subject) => {
      await upload(subject);
      const { url } = await subject.signGet({ responseDisposition: "attachment" });
      const altered = url.replace("=attachment", "=inline");
      expect(altered).not.toBe(url);
      expect((await send("GET", altered)).status).toBeOneOf([...subject.refusals]);
    },
  },
  {
    title: "a GET answers a range, and 304 to a client that has the object",
    check: async (subject) => {
      await upload(subject);
      const { url } = await subject.signGet();
      const part = await send("GET", url, { headers: { Range: "bytes=10-19" } });
      expect(part.status).toBe(206);
      expect(part.body.equals(CONTENT.subarray(10, 20))).toBe(true);
      const { etag = "" } = part.headers;
      expect((await send("GET", url, { headers: { "If-None-Match": etag } })).status).toBe(304);
    },
  },
  {
    title: "a GET does not repeat unsigned headers of the upload",
    needs: "pinned downloads",
    check: async (subject) => {
      await upload(subject, RODE_ALONG);
      const { headers, body } = await send("GET", (await subject.signGet()).url);
      expect(headers["content-encoding"] ?? "identity").toBe("identity");
      expect(headers["cache-control"]).toBe("private, max-age=60");
      expect(headers["content-disposition"]).toBe("inline");
      expect(body.equals(CONTENT)).toBe(true);
    },
  },
  {
    title: "a GET decides on type and disposition, and on no other header",
    without: "pinned downloads",
    check: async (subject) => {
      // Cloud Storage would decompress an object that is marked as compressed.
      const { "Content-Encoding": _, ...further } = RODE_ALONG;
      await upload(subject, further);
      const { headers } = await send("GET", (await subject.signGet()).url);
      expect(headers["content-disposition"]).toBe("inline");
      expect(headers["cache-control"]).not.toBe("private, max-age=60");
    },
  },
  {
    title: "within a window the same request has the same URL, and then another",
    check: async (subject) => {
      await upload(subject);
      const window = Duration.seconds(20);
      const start = Math.floor(Date.now() / 20_000) * 20_000;
      const at = async (signedAt: number) => (await subject.signGet({ signedAt, window })).url;
      const first = await at(start);
      expect(await at(start + 19_999)).toBe(first);
      expect(await at(start + 20_000)).not.toBe(first);
      expect((await send("GET", first)).status).toBe(200);
    },
  },
];

const RODE_ALONG = {
  "Content-Encoding": "gzip",
  "Cache-Control": "public, max-age=31536000",
  "Content-Disposition": "inline; filename=evil.html",
};

async function upload({ signPut }: Subject, further: Readonly<Record<string, string>> = {}) {
  const put = await signPut();
  const headers = { ...put.headers, ...further };
  const answer = await send("PUT", put.url, { headers, body: CONTENT });
  expect(answer.ok, answer.body.toString()).toBe(true);
}
