import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { assertAccepted, assertBytes } from "./assertions.ts";
import { send, sendPut, upload, withHeaders, withoutQuery } from "./send.ts";
import { CONTENT, newKey, OTHER } from "./uploads.ts";
import { promises } from "./store-promise.ts";
import type { Subject } from "./subject.ts";
import { attemptWith, findEffect, type Harm, HARMS } from "./unsigned-headers.ts";
import { REMOVAL, UNSIGNED_HEADERS } from "./unsigned-headers.ts";

/** Whatever a client adds to a PUT, a file that is confirmed is as it was granted. */
export const harmless = HARMS.flatMap((harm) =>
  promises(["unsigned headers"], {
    [`no unsigned header ${harm}, unseen by confirm`]: (subject) => expectNone(subject, harm),
  }),
);

/** Checks it under the policy `files`, or under one whose uploads wait until they are confirmed. */
export async function expectNone(subject: Subject, harm: Harm, policy?: "incoming"): Promise<void> {
  const place = { bucket: subject.bucket, other: subject.key, content: CONTENT };
  await upload({ ...(await subject.signPut()), body: OTHER });
  const unchanged: Array<() => Promise<void>> = [];
  for (const row of UNSIGNED_HEADERS[harm]) {
    const created = newKey();
    const { name, headers, body } = attemptWith(row, place, created);
    const granted = await subject.grant({}, policy);
    const { put, get, receipt, key } = granted;
    const first = policy === undefined ? granted : await subject.grant({}, policy);
    const plain = await sendPut({ ...first.put, body });
    assertAccepted(plain);
    if (policy !== undefined) assert.equal((await subject.confirm(first.receipt))._tag, "Done");
    const before = await send("GET", first.get.url);
    assertBytes(before, body);
    const added = await sendPut(withHeaders({ ...put, body }, headers));
    if (harm === "writes under another key") {
      const { status } = await subject.read({ key: created });
      assert.equal(status, 404, `an upload with ${name} wrote under another key`);
      if (added.ok) assert.equal(added.status, plain.status, `${name} changed the answer`);
    }
    const answer = await subject.confirm(receipt);
    // A copy that has it nevertheless is removed, and not confirmed.
    if (policy === undefined) {
      assert.notEqual(answer._tag, "StoreUnavailable", `confirm cannot tell what ${name} did`);
    }
    if (answer._tag !== "Done") continue;
    const expectUnchanged = async () => {
      const effect = findEffect(headers, before, await send("GET", get.url));
      assert.equal(effect, undefined, `with an unsigned ${name} ${effect}`);
    };
    await expectUnchanged();
    if (policy !== undefined) {
      assert.deepEqual((await subject.head(key)).extraHeaders, {}, `${name} is on the file`);
      await sendPut(withHeaders({ ...put, body: OTHER }, headers));
      await expectUnchanged();
    }
    const { status } = await send("GET", withoutQuery(get.url));
    assert.notEqual(status, 200, `an unsigned ${name} made the object public`);
    unchanged.push(expectUnchanged);
  }
  await subject.expectContent(OTHER);
  if (!harm.startsWith("removes") || unchanged.length === 0) return;
  await sleep(REMOVAL);
  for (const expectUnchanged of unchanged) await expectUnchanged();
}
