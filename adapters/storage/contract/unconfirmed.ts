import assert from "node:assert/strict";
import { assertStatus } from "./assertions.ts";
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
    assert.notDeepEqual(headers, put.headers, "no header marks the upload");
    assertStatus(await sendPut({ ...put, headers }), [400, ...refusals]);
    assert.equal((await confirm(receipt))._tag, "UploadIncomplete");
    await upload(put);
    assert.equal(await isMarked?.(key), true);
    assert.equal((await confirm(receipt))._tag, "Confirmed");
    assert.equal(await isMarked?.(key), false);
    assert.equal((await confirm(receipt))._tag, "Confirmed");
  },
});
