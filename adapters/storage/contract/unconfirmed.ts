import { expect } from "vitest";
import { CONTENT } from "./sample-upload.ts";
import { send } from "./send.ts";
import type { StorePromise } from "./store-promise.ts";
import { useCases } from "./use-cases.ts";

/** The store itself can tell an unconfirmed upload from a confirmed one. */
export const unconfirmed: ReadonlyArray<StorePromise> = [
  {
    title: "the mark of an unconfirmed upload is bound, and removed when it is confirmed",
    needs: "marks",
    check: async (subject) => {
      const { isMarked, refusals, signPut } = subject;
      const { grant, confirm } = useCases(subject);
      const { put, key, receipt } = await grant({}, "kept");
      const { url, headers } = put;
      const plain = await signPut({ writeOnce: true });
      const unmarked = Object.fromEntries(
        Object.entries(headers).filter(([name]) => Object.hasOwn(plain.headers, name)),
      );
      expect(unmarked, "no header marks the upload").not.toEqual(headers);
      const refused = await send("PUT", url, { headers: unmarked, body: CONTENT });
      expect([400, ...refusals]).toContain(refused.status);
      expect((await confirm(receipt))._tag).toBe("UploadIncomplete");
      expect((await send("PUT", url, { headers, body: CONTENT })).ok).toBe(true);
      expect(await isMarked?.(key)).toBe(true);
      expect((await confirm(receipt))._tag).toBe("Confirmed");
      expect(await isMarked?.(key)).toBe(false);
      expect((await confirm(receipt))._tag).toBe("Confirmed");
    },
  },
];
