import { expect } from "vitest";
import { CONTENT } from "./sample-upload.ts";
import { send } from "./send.ts";
import type { StorePromise } from "./store-promise.ts";

/** The store verifies the signature and everything that it covers. */
export const signature: ReadonlyArray<StorePromise> = [
  {
    title: "a PUT with one digit of the signature changed is refused",
    check: async ({ signPut, expectRefused }) => {
      const { url, headers } = await signPut();
      const signature = signatureIn(url);
      const changed = `${signature.startsWith("0") ? "1" : "0"}${signature.slice(1)}`;
      const altered = url.replace(signature, changed);
      await expectRefused(await send("PUT", altered, { headers, body: CONTENT }));
    },
  },
  {
    title: "a PUT without its signature is refused",
    check: async ({ signPut, expectRefused }) => {
      const { url, headers } = await signPut();
      const bare = url.replace(PARAMETER, "$1");
      await expectRefused(await send("PUT", bare, { headers, body: CONTENT }), [400, 403]);
    },
  },
  {
    title: "a PUT with a further parameter is refused",
    needs: "signed query",
    check: async ({ signPut, expectRefused }) => {
      const { url, headers } = await signPut();
      await expectRefused(await send("PUT", `${url}&further=x`, { headers, body: CONTENT }));
    },
  },
  {
    title: "a parameter that was added to a PUT is ignored",
    without: "signed query",
    check: async ({ signPut, expectStored }) => {
      const { url, headers } = await signPut();
      expect((await send("PUT", `${url}&further=x`, { headers, body: CONTENT })).ok).toBe(true);
      await expectStored();
    },
  },
  {
    title: "a header removed from the list of signed headers is refused",
    check: async ({ signPut, expectRefused }) => {
      const put = await signPut();
      const altered = put.url.replace(/(-SignedHeaders=)[^&]+/, "$1host");
      // Not every signature has such a list.
      if (altered === put.url) return;
      const headers = { ...put.headers, "Content-Type": "text/html" };
      await expectRefused(await send("PUT", altered, { headers, body: CONTENT }));
    },
  },
];

/** The signature in a URL. */
export function signatureIn(url: string): string {
  const [, , signature = ""] = PARAMETER.exec(url) ?? [];
  expect(signature, "the URL has no parameter whose name ends with signature, or is sig").not.toBe(
    "",
  );
  return signature;
}

const PARAMETER = /([?&])(?:[^=&]*signature|sig)=([^&]+)&?/i;
