import { expect } from "vitest";
import { sendPut, upload } from "./put.ts";
import { storesWith } from "./store-promise.ts";

/** The store itself can tell an unconfirmed upload from a confirmed one. */
export const unconfirmed = storesWith("marks", {
  "the mark of an unconfirmed upload is bound, and removed on confirm": async (subject) => {
    const { isMarked, refusals, grant, confirm } = subject;
    const { put, key, receipt } = await grant({}, "kept");
    const plain = await subject.signPut({ writeOnce: true });
    const unmarked = Object.entries(put.headers).filter(([name]) =>
      Object.hasOwn(plain.headers, name),
    );
    const headers = Object.fromEntries(unmarked);
    expect(headers, "no header marks the upload").not.toEqual(put.headers);
    expect((await sendPut({ ...put, headers })).status).toBeOneOf([400, ...refusals]);
    expect((await confirm(receipt))._tag).toBe("UploadIncomplete");
    await upload(put);
    expect(await isMarked?.(key)).toBe(true);
    expect((await confirm(receipt))._tag).toBe("Confirmed");
    expect(await isMarked?.(key)).toBe(false);
    expect((await confirm(receipt))._tag).toBe("Confirmed");
  },
});
