import assert from "node:assert/strict";
import { assertAccepted, assertNotAccepted, assertStatus } from "./assertions.ts";
import { sendPut, upload } from "./put.ts";
import { CONTENT } from "./sample-upload.ts";
import { send, sendByFetch } from "./send.ts";
import { everyStore, type StorePromise, storesWith, storesWithout } from "./store-promise.ts";

/** A granted request works, and the object is stored as it was sent. */
export const storedAsSent: ReadonlyArray<StorePromise> = [
  ...everyStore({
    "a PUT as granted is stored byte for byte": async ({ signPut, expectStored }) => {
      await expectStored(await signPut());
    },
    "a stored object cannot be read without a signature": async (subject) => {
      await upload(await subject.signPut());
      const { url } = await subject.signGet();
      assertStatus(await send("GET", url.slice(0, url.indexOf("?"))), subject.refusals);
    },
  }),
  ...storesWith("plain PUT", {
    "the three-line client works: fetch with nothing but Content-Type": async (subject) => {
      const put = await subject.signPut();
      const file = new Blob([CONTENT.slice()], { type: "image/png" });
      const headers = { "Content-Type": file.type };
      assertAccepted(await sendByFetch(put.url, { headers, body: file }));
      await subject.expectContent();
    },
  }),
  ...storesWithout("plain PUT", {
    "a PUT needs a further header, which is returned": async ({ signPut }) => {
      const { url, headers } = await signPut();
      assert.ok(Object.keys(headers).length > 1);
      const plain = { "Content-Type": headers["Content-Type"] ?? "" };
      assertNotAccepted(await sendPut({ url, headers: plain }));
    },
  }),
];
