import assert from "node:assert/strict";
import { everyStore, type StorePromise, storesWith, storesWithout } from "./store-promise.ts";

const worksOnlyAtItsOwn = (["public", "internal"] as const).map((audience) => {
  const other = audience === "public" ? "internal" : "public";
  return storesWith("two endpoints", {
    [`a PUT for the ${audience} endpoint works there and not at the ${other} one`]: async (
      subject,
    ) => {
      const put = await subject.signPut({ audience });
      const { [audience]: own = "", [other]: elsewhere = "" } = subject.origins ?? {};
      assert.equal(new URL(put.url).origin, own);
      await subject.expectRefused({ ...put, url: put.url.replace(own, elsewhere) });
      await subject.expectStored(put);
    },
  });
});

/** Browsers and services are each sent to their own endpoint. */
export const audience: ReadonlyArray<StorePromise> = [
  ...worksOnlyAtItsOwn.flat(),
  ...storesWithout("two endpoints", {
    "browsers and services share one endpoint": async ({ signPut }) => {
      const { url: external } = await signPut({ audience: "public" });
      const { url: internal } = await signPut({ audience: "internal" });
      assert.equal(new URL(external).origin, new URL(internal).origin);
    },
  }),
  ...everyStore({
    "pages are told to permit the origin that browsers are sent to": async ({
      presigner,
      signPut,
    }) => {
      const { url } = await signPut({ audience: "public" });
      assert.equal(presigner.publicOrigin, new URL(url).origin);
    },
  }),
];
