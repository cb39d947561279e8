import assert from "node:assert/strict";
import { incomingKey } from "../../../domain/storage-key.ts";
import { assertMatches, assertStatus } from "../sending/assertions.ts";
import { send, upload } from "../sending/send.ts";
import { promises } from "./store-promise.ts";
import { OTHER } from "../sending/uploads.ts";
import { FOREIGN_CALLS, UNKNOWN } from "../subject/use-cases.ts";

const DONE = { _tag: "Done" };

/**
 * A file that was removed stays away. A key that only signs can neither copy nor find the versions
 * that are to be removed.
 */
export const removal = promises(["copies"], {
  "a removed file is gone for every URL, and to remove it again is no error": async (subject) => {
    const { grant, confirm, has, remove } = subject;
    const { put, key, receipt, get } = await grant();
    await upload(put);
    if (has("repeated PUT")) await upload({ ...put, body: OTHER });
    for (const call of FOREIGN_CALLS.slice(1)) assertMatches(await remove(key, call), UNKNOWN);
    assertStatus(await send("GET", get.url), [200]);
    for (const _ of ["once", "again"]) assertMatches(await remove(key), DONE);
    assertStatus(await send("GET", get.url), [404]);
    assertMatches(await confirm(receipt), { _tag: "UploadIncomplete" });
  },
  "a removed file is not made of its upload again": async (subject) => {
    const { grant, confirm, remove, find, copyWaiting } = subject;
    const { put, key, receipt, get } = await grant({}, "incoming");
    await upload(put);
    assertMatches(await confirm(receipt), DONE);
    assertMatches(await remove(key), DONE);
    await upload(put);
    assertMatches(await confirm(receipt), UNKNOWN);
    assertStatus(await send("GET", get.url), [404]);
    // As if a confirm had looked before the removal, and ended once it had copied.
    const left = await find(incomingKey(key));
    // versitygw with versions refuses to write a key again of which all were removed.
    if (left !== undefined) await copyWaiting(key, left);
    assertMatches(await confirm(receipt), UNKNOWN);
    assertStatus(await send("GET", get.url), [404]);
  },
  "an upload that waits is removed before it becomes a file": async (subject) => {
    const { grant, confirm, remove, find } = subject;
    const { put, key, receipt } = await grant({}, "incoming");
    await upload(put);
    assertMatches(await remove(key), DONE);
    assert.equal(await find(incomingKey(key)), undefined);
    assertMatches(await confirm(receipt), UNKNOWN);
  },
});
