import assert from "node:assert/strict";
import { incomingKey } from "../../../domain/storage-key.ts";
import { assertMatches, assertStatus } from "../sending/assertions.ts";
import { send, upload } from "../sending/send.ts";
import { OTHER } from "../sending/uploads.ts";
import { DONE, FOREIGN_CALLS, INCOMPLETE, UNKNOWN } from "../subject/use-cases.ts";
import { promises } from "./store-promise.ts";

/**
 * A file that was removed stays away. A key that only signs can neither copy nor find the versions
 * that are to be removed.
 */
export const removal = promises(["copies"], {
  "a removed file is gone for every URL, and to remove it again is no error": async (subject) => {
    const { confirm, expectGone, has, remove } = subject;
    const granted = await subject.stored();
    const { put, key, receipt, get } = granted;
    if (has("repeated PUT")) await upload({ ...put, body: OTHER });
    for (const call of FOREIGN_CALLS.slice(1)) assertMatches(await remove(key, call), UNKNOWN);
    assertStatus(await send("GET", get.url), [200]);
    for (const _ of ["once", "again"]) assertMatches(await remove(key), DONE);
    await expectGone(granted);
    assertMatches(await confirm(receipt), INCOMPLETE);
  },
  "a removed file is not made of its upload again": async (subject) => {
    const { confirm, expectGone, remove, find, copyWaiting } = subject;
    const granted = await subject.stored({}, "incoming");
    const { put, key, receipt } = granted;
    assertMatches(await confirm(receipt), DONE);
    assertMatches(await remove(key), DONE);
    await upload(put);
    assertMatches(await confirm(receipt), UNKNOWN);
    await expectGone(granted);
    // As if a confirm had looked before the removal, and ended once it had copied.
    const left = await find(incomingKey(key));
    // versitygw with versions refuses to write a key again of which all were removed.
    if (left !== undefined) await copyWaiting(key, left);
    assertMatches(await confirm(receipt), UNKNOWN);
    await expectGone(granted);
  },
  "an upload that waits is removed before it becomes a file": async (subject) => {
    const { key, receipt } = await subject.stored({}, "incoming");
    assertMatches(await subject.remove(key), DONE);
    assert.equal(await subject.find(incomingKey(key)), undefined);
    assertMatches(await subject.confirm(receipt), UNKNOWN);
  },
});
