import { expect } from "vitest";
import { CONTENT } from "./sample-upload.ts";
import { send } from "./send.ts";
import type { StorePromise } from "./store-promise.ts";
import { useCases } from "./use-cases.ts";

const longer = Buffer.concat([CONTENT, new Uint8Array(1)]);
const shorter = CONTENT.subarray(1);

/** The store accepts exactly the granted size, not a byte more or less. */
export const exactSize: ReadonlyArray<StorePromise> = [
  ...bound("by default", {}).map((promise): StorePromise => ({
    ...promise,
    needs: "exact size by default",
  })),
  ...bound("under strict", { strict: true }).map((promise): StorePromise => ({
    ...promise,
    needs: "bound size",
  })),
  {
    title: "a size that strict does not bind is compared on confirm",
    without: "bound size",
    check: async (subject) => {
      const { grant, confirm } = useCases(subject);
      const { put, receipt } = await grant({ strict: true });
      const { url, headers } = put;
      expect((await send("PUT", url, { headers, body: longer })).ok).toBe(true);
      expect(await confirm(receipt)).toMatchObject({
        _tag: "UploadMismatch",
        differences: [{ property: "size", expected: CONTENT.length, actual: longer.length }],
      });
    },
  },
  {
    title: "the size is bound under strict only",
    without: "exact size by default",
    check: async ({ signPut, expectStored }) => {
      const { url, headers } = await signPut();
      expect((await send("PUT", url, { headers, body: longer })).ok).toBe(true);
      await expectStored(longer);
    },
  },
  {
    title: "a strict PUT is refused without the headers that were returned",
    check: async ({ has, signPut, expectRefused }) => {
      const { url, headers } = await signPut({ strict: true });
      const bindsSize = has("bound size") && !has("exact size by default");
      const further = has("write-once") || bindsSize ? 1 : 0;
      expect(Object.keys(headers).length).toBeGreaterThan(further);
      for (const name of Object.keys(headers)) {
        if (name === "Content-Type" && !has("bound type")) continue;
        const { [name]: _, ...others } = headers;
        // MinIO calls a signed header that is missing a bad request.
        await expectRefused(await send("PUT", url, { headers: others, body: CONTENT }), [400, 403]);
      }
    },
  },
];

function bound(when: string, over: { readonly strict?: boolean }): ReadonlyArray<StorePromise> {
  return [
    {
      title: `${when}, a PUT one byte longer or shorter than granted is refused`,
      check: async ({ signPut, expectRefused, expectStored }) => {
        const { url, headers } = await signPut(over);
        await expectRefused(await send("PUT", url, { headers, body: longer }));
        await expectRefused(await send("PUT", url, { headers, body: shorter }));
        expect((await send("PUT", url, { headers, body: CONTENT })).ok).toBe(true);
        await expectStored();
      },
    },
    {
      title: `${when}, a PUT that does not say its length is refused`,
      check: async ({ signPut, expectRefused }) => {
        const { url, headers } = await signPut(over);
        // Stores have their own status for this, whether the signature is valid or not.
        const answer = await send("PUT", url, { headers, body: CONTENT, chunked: true });
        await expectRefused(answer, [403, 411]);
      },
    },
  ];
}
