import { expect } from "vitest";
import { CONTENT } from "./sample-upload.ts";
import { send } from "./send.ts";
import type { StorePromise } from "./store-promise.ts";

/** A granted request works, and the object is stored as it was sent. */
export const storedAsSent: ReadonlyArray<StorePromise> = [
  {
    title: "a PUT as granted is stored byte for byte",
    check: async ({ signPut, expectStored }) => {
      const put = await signPut();
      const answer = await send("PUT", put.url, { headers: put.headers, body: CONTENT });
      expect(answer.ok, answer.body.toString()).toBe(true);
      await expectStored();
    },
  },
  {
    title: "the three-line client works: fetch with nothing but Content-Type",
    needs: "plain PUT",
    check: async ({ signPut, expectStored }) => {
      const put = await signPut();
      const file = new Blob([CONTENT.slice()], { type: "image/png" });
      const answer = await fetch(put.url, {
        method: "PUT",
        headers: { "Content-Type": file.type },
        body: file,
      });
      expect(answer.ok).toBe(true);
      await expectStored();
    },
  },
  {
    title: "a PUT needs a further header, which is returned",
    without: "plain PUT",
    check: async ({ signPut }) => {
      const { url, headers } = await signPut();
      expect(Object.keys(headers).length).toBeGreaterThan(1);
      const plain = { "Content-Type": headers["Content-Type"] ?? "" };
      expect((await send("PUT", url, { headers: plain, body: CONTENT })).ok).toBe(false);
    },
  },
  {
    title: "what is stored cannot be read without a signature",
    check: async ({ signPut, signGet, refusals }) => {
      const put = await signPut();
      await send("PUT", put.url, { headers: put.headers, body: CONTENT });
      const { url } = await signGet();
      expect((await send("GET", url.slice(0, url.indexOf("?")))).status).toBeOneOf([...refusals]);
    },
  },
];
