import assert from "node:assert/strict";
import { type Put, withHeaders } from "./put.ts";
import { everyStore, type StorePromise, storesWith, storesWithout } from "./store-promise.ts";

/** The store verifies the signature and everything that it covers. */
export const signature: ReadonlyArray<StorePromise> = [
  ...everyStore({
    "a PUT with one digit of the signature changed is refused": async (subject) => {
      const put = await subject.signPut();
      const signature = signatureIn(put.url);
      const changed = `${signature.startsWith("0") ? "1" : "0"}${signature.slice(1)}`;
      await subject.expectRefused({ ...put, url: put.url.replace(signature, changed) });
    },
    "a PUT without its signature is refused": async ({ signPut, expectRefused, refusals }) => {
      const put = await signPut();
      const url = put.url.replace(PARAMETER, "$1");
      await expectRefused({ ...put, url }, [400, ...refusals]);
    },
    "a header removed from the list of signed headers is refused": async (subject) => {
      const put = await subject.signPut();
      const url = put.url.replace(/(-SignedHeaders=)[^&]+/, "$1host");
      // Not every signature has such a list.
      if (url === put.url) return;
      await subject.expectRefused(withHeaders({ ...put, url }, { "Content-Type": "text/html" }));
    },
  }),
  ...storesWith("signed query", {
    "a PUT with a further parameter is refused": async ({ signPut, expectRefused }) => {
      await expectRefused(withParameter(await signPut()));
    },
  }),
  ...storesWithout("signed query", {
    "a parameter that was added to a PUT is ignored": async ({ signPut, expectStored }) => {
      await expectStored(withParameter(await signPut()));
    },
  }),
];

const withParameter = (put: Put): Put => ({ ...put, url: `${put.url}&further=x` });

/** The signature in a URL. */
export function signatureIn(url: string): string {
  const [, , signature = ""] = PARAMETER.exec(url) ?? [];
  assert.ok(signature, "the URL has no parameter whose name ends with signature, or is sig");
  return signature;
}

const PARAMETER = /([?&])(?:[^=&]*signature|sig)=([^&]+)&?/i;
