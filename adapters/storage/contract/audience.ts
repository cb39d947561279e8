import { expect } from "vitest";
import type { Audience } from "../../../application/ports/presigner.ts";
import { CONTENT } from "./sample-upload.ts";
import { send } from "./send.ts";
import type { StorePromise } from "./store-promise.ts";

/** Browsers and services are each sent to their own endpoint. */
export const audience: ReadonlyArray<StorePromise> = [
  worksOnlyAtItsOwn("public", "internal"),
  worksOnlyAtItsOwn("internal", "public"),
  {
    title: "browsers and services share one endpoint",
    without: "two endpoints",
    check: async ({ signPut }) => {
      const { url: external } = await signPut({ audience: "public" });
      const { url: internal } = await signPut({ audience: "internal" });
      expect(new URL(external).origin).toBe(new URL(internal).origin);
    },
  },
  {
    title: "the origin that browsers are sent to is the one that pages are told to permit",
    check: async ({ presigner, signPut }) => {
      const { url } = await signPut({ audience: "public" });
      expect(presigner.publicOrigin).toBe(new URL(url).origin);
    },
  },
];

function worksOnlyAtItsOwn(audience: Audience, other: Audience): StorePromise {
  return {
    title: `a PUT for the ${audience} endpoint works there and not at the ${other} one`,
    needs: "two endpoints",
    check: async ({ origins, signPut, expectRefused, expectStored }) => {
      const { url, headers } = await signPut({ audience });
      const { [audience]: own = "", [other]: elsewhere = "" } = origins ?? {};
      expect(new URL(url).origin).toBe(own);
      const altered = url.replace(own, elsewhere);
      await expectRefused(await send("PUT", altered, { headers, body: CONTENT }));
      expect((await send("PUT", url, { headers, body: CONTENT })).ok).toBe(true);
      await expectStored();
    },
  };
}
