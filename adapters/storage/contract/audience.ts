import { expect } from "vitest";
import { everyStore, type StorePromise, storesWith, storesWithout } from "./store-promise.ts";

const worksOnlyAtItsOwn = (["public", "internal"] as const).map((audience) => {
  const other = audience === "public" ? "internal" : "public";
  return storesWith("two endpoints", {
    [`a PUT for the ${audience} endpoint works there and not at the ${other} one`]: async (
      subject,
    ) => {
      const put = await subject.signPut({ audience });
      const { [audience]: own = "", [other]: elsewhere = "" } = subject.origins ?? {};
      expect(new URL(put.url).origin).toBe(own);
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
      expect(new URL(external).origin).toBe(new URL(internal).origin);
    },
  }),
  ...everyStore({
    "pages are told to permit the origin that browsers are sent to": async ({
      presigner,
      signPut,
    }) => {
      const { url } = await signPut({ audience: "public" });
      expect(presigner.publicOrigin).toBe(new URL(url).origin);
    },
  }),
];
