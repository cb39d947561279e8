import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import { incomingKey } from "../../domain/storage-key.ts";
import type { ConfirmedUpload } from "../../application/ports/on-confirmed.ts";
import { assertBytes, assertMatches, assertStatus } from "./assertions.ts";
import { send, sendPut, upload } from "./send.ts";
import { promises } from "./store-promise.ts";
import type { Subject } from "./subject.ts";
import { CONTENT, OTHER, PNG } from "./uploads.ts";

const DONE = { _tag: "Done", final: true };

const arrive = async ({ grant }: Subject) => {
  const granted = await grant({}, "incoming");
  await upload(granted.put);
  return granted;
};

/** The answer to each confirm, without its URL. */
const answer = (confirmed: unknown) => {
  assertMatches(confirmed, DONE);
  const { _tag, key, etag, version, size, final } = confirmed as ConfirmedUpload & typeof DONE;
  return { _tag, key, etag, version, size, final };
};

/** The file by its signed GET. */
const bytes = (granted: { readonly get: { readonly url: string } }) => send("GET", granted.get.url);

/** An upload of a policy with `arrival: "incoming"` becomes the file when it is confirmed. */
export const incoming = promises(["copies"], {
  "an upload that waits is not the file, and becomes it when it is confirmed": async (subject) => {
    const granted = await subject.grant({}, "incoming");
    assertMatches(await subject.confirm(granted.receipt), { _tag: "UploadIncomplete" });
    await upload(granted.put);
    assertStatus(await bytes(granted), [404]);
    const confirmed = await subject.confirm(granted.receipt);
    assertMatches(confirmed, { ...DONE, key: granted.key, size: CONTENT.length, mediaType: PNG });
    assertBytes(await bytes(granted), CONTENT);
    assert.equal(await subject.find(incomingKey(granted.key)), undefined);
    assertMatches(await subject.confirm(granted.receipt), answer(confirmed));
  },
  "a PUT after the confirm does not reach the file": async (subject) => {
    const granted = await arrive(subject);
    const confirmed = await subject.confirm(granted.receipt);
    await sendPut({ ...granted.put, body: OTHER });
    assertBytes(await bytes(granted), CONTENT);
    assertMatches(await subject.confirm(granted.receipt), answer(confirmed));
    assertBytes(await bytes(granted), CONTENT);
  },
  "an upload that was replaced since it was looked at is not copied": async (subject) => {
    const granted = await arrive(subject);
    const looked = await subject.head(incomingKey(granted.key));
    await sendPut({ ...granted.put, body: OTHER });
    const outcome = await subject.copyWaiting(granted.key, looked);
    const file = await subject.find(granted.key);
    // In a bucket with versions, the one that was looked at is still there.
    if (outcome === "changed") assert.equal(file, undefined);
    else assertBytes(await bytes(granted), CONTENT);
  },
  "of several copies at once, one makes the file, and a later one does not replace it": async (
    subject,
  ) => {
    const granted = await arrive(subject);
    const looked = await subject.head(incomingKey(granted.key));
    const copying = Array.from({ length: 8 }, () => subject.copyWaiting(granted.key, looked));
    const outcomes = await Promise.all(copying);
    assert.equal(outcomes.filter((each) => each === "copied").length, 1, outcomes.join());
    await sendPut({ ...granted.put, body: OTHER });
    const other = await subject.head(incomingKey(granted.key));
    assert.equal(await subject.copyWaiting(granted.key, other), "exists");
    assertBytes(await bytes(granted), CONTENT);
    const versions = subject.store.versions?.({ prefix: granted.key });
    if (versions === undefined) return;
    assert.equal((await Effect.runPromise(versions)).found.length, 1);
  },
  "of several confirms at once, each gives the same answer": async (subject) => {
    const granted = await arrive(subject);
    const [first, ...others] = await Promise.all(
      [1, 2, 3, 4].map(() => subject.confirm(granted.receipt)),
    );
    assertMatches(first, DONE);
    for (const other of others) assertMatches(other, answer(first));
    assertBytes(await bytes(granted), CONTENT);
  },
  "a confirm that ended after its copy is finished by the next": async (subject) => {
    const granted = await arrive(subject);
    const looked = await subject.head(incomingKey(granted.key));
    assert.equal(await subject.copyWaiting(granted.key, looked), "copied");
    await sendPut({ ...granted.put, body: OTHER });
    assertMatches(await subject.confirm(granted.receipt), DONE);
    assertBytes(await bytes(granted), CONTENT);
  },
});
