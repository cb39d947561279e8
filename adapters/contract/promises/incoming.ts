import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { incomingKey } from "../../../domain/storage-key.ts";
import type { ConfirmedUpload } from "../../../application/ports/on-confirmed.ts";
import { assertMatches } from "../sending/assertions.ts";
import { onePart } from "./multipart.ts";
import { sendPut, upload } from "../sending/send.ts";
import { completing, expectOnly, inRounds } from "../subject/races.ts";
import { promises } from "./store-promise.ts";
import type { Subject } from "../subject/subject.ts";
import { DONE, INCOMPLETE } from "../subject/use-cases.ts";
import { CONTENT, newKey, OTHER, PNG } from "../sending/uploads.ts";

const arrive = ({ stored }: Subject) => stored({}, "incoming");

/** The answer to each confirm, without its URL. */
const answer = (confirmed: unknown) => {
  assertMatches(confirmed, DONE);
  const { _tag, key, etag, version, size } = confirmed as ConfirmedUpload & typeof DONE;
  return { _tag, key, etag, version, size };
};

/** Puts another upload in the place of one. Where no PUT replaces, as on Azure, the former is removed first. */
async function replace({ has, store }: Subject, { key, put }: Arrived) {
  const former = { key: incomingKey(key), version: undefined };
  if (!has("repeated PUT")) await Effect.runPromise(store.remove(former));
  return upload({ ...put, body: OTHER });
}

/** Copies an upload, while it is replaced after so many milliseconds. */
async function copied(subject: Subject, arrived: Arrived, after: number) {
  const looked = await subject.head(incomingKey(arrived.key));
  // Awaited from the start: nobody else would hear of a copy that fails meanwhile.
  const [outcome] = await Promise.all([
    subject.copyWaiting(arrived.key, looked),
    setTimeout(after).then(() => replace(subject, arrived)),
  ]);
  return outcome;
}
type Arrived = Awaited<ReturnType<typeof arrive>>;

/** An upload of a policy with `arrival: "incoming"` becomes the file when it is confirmed. */
const copies = promises(["copies"], {
  "an upload that waits is not the file, and becomes it when it is confirmed": async (subject) => {
    const granted = await subject.grant({}, "incoming");
    assertMatches(await subject.confirm(granted.receipt), INCOMPLETE);
    await upload(granted.put);
    await subject.expectGone(granted);
    const confirmed = await subject.confirm(granted.receipt);
    const facts = { ...DONE, key: granted.key, size: CONTENT.length, contentType: PNG };
    assertMatches(confirmed, { ...facts, final: subject.has("copies once") });
    await subject.expectFile(granted);
    assert.equal(await subject.find(incomingKey(granted.key)), undefined);
    assertMatches(await subject.confirm(granted.receipt), answer(confirmed));
  },
  "a PUT after the confirm does not reach the file": async (subject) => {
    const granted = await arrive(subject);
    const confirmed = await subject.confirm(granted.receipt);
    await sendPut({ ...granted.put, body: OTHER });
    await subject.expectFile(granted);
    assertMatches(await subject.confirm(granted.receipt), answer(confirmed));
    await subject.expectFile(granted);
  },
  "an upload that was replaced since it was looked at is not copied": async (subject) => {
    const granted = await arrive(subject);
    const looked = await subject.head(incomingKey(granted.key));
    await replace(subject, granted);
    const outcome = await subject.copyWaiting(granted.key, looked);
    const file = await subject.find(granted.key);
    // In a bucket with versions, the one that was looked at is still there.
    if (outcome === "changed") assert.equal(file, undefined);
    else await subject.expectFile(granted);
  },
  "an upload that is replaced while it is copied becomes the file as it was looked at, or not at all":
    async (subject) => {
      const began = performance.now();
      await copied(subject, await arrive(subject), 0);
      const duration = performance.now() - began;
      await inRounds(30, async (share) => {
        const granted = await arrive(subject);
        const outcome = await copied(subject, granted, duration * share);
        if (outcome === "copied") await subject.expectFile(granted);
        else assert.equal(await subject.find(granted.key), undefined, outcome);
      });
    },
  "of several confirms at once, each finds the file": async (subject) => {
    const granted = await arrive(subject);
    const confirming = [1, 2, 3, 4].map(() => subject.confirm(granted.receipt));
    const facts = { ...DONE, key: granted.key, size: CONTENT.length };
    for (const confirmed of await Promise.all(confirming)) assertMatches(confirmed, facts);
    await subject.expectFile(granted);
  },
  "a confirm that ended after its copy is finished by the next": async (subject) => {
    const granted = await arrive(subject);
    const looked = await subject.head(incomingKey(granted.key));
    assert.equal(await subject.copyWaiting(granted.key, looked), "copied");
    await replace(subject, granted);
    assertMatches(await subject.confirm(granted.receipt), DONE);
    await subject.expectFile(granted);
  },
});

/** Many copies of one key may be completed at once, each of which is an upload in parts of its own. */
const once = [
  ...promises(["copies", "copies once"], {
    "of copies of two uploads at once, one makes the file, and a later one does not replace it":
      async (subject) =>
        inRounds(5, async () => {
          const granted = await arrive(subject);
          const other = await subject.grant({}, "incoming");
          await upload({ ...other.put, body: OTHER });
          const copies = [granted, other].map(({ key }) => async () => {
            const looked = await subject.head(incomingKey(key));
            return subject.copyWaiting(granted.key, looked, key);
          });
          const copying = [1, 2, 3, 4].flatMap(() => copies.map((copy) => copy()));
          const outcomes = await Promise.all(copying);
          assert.equal(outcomes.filter((each) => each === "copied").length, 1, outcomes.join());
          for (const copy of copies) assert.equal(await copy(), "exists");
          const content = outcomes.indexOf("copied") % 2 === 0 ? CONTENT : OTHER;
          await expectOnly(subject, granted.key, content);
        }),
    "of several confirms at once, each gives the same answer": async (subject) => {
      const granted = await arrive(subject);
      const [first, ...others] = await Promise.all(
        [1, 2, 3, 4].map(() => subject.confirm(granted.receipt)),
      );
      assertMatches(first, { ...DONE, final: true });
      for (const other of others) assertMatches(other, { ...answer(first), final: true });
      await subject.expectFile(granted);
    },
  }),
  ...promises(["multipart", "copies", "copies once"], {
    "an object that is already under the key is not replaced": async (subject) => {
      const key = newKey();
      const complete = await (await onePart(subject, key)).store(OTHER);
      await subject.put({ key });
      assert.equal(await Effect.runPromise(complete), "exists");
      await subject.expectContent(CONTENT, key);
    },
    ...Object.fromEntries(
      [2, 16].map((count) => [
        `of ${count} uploads in parts of one key that are completed at once, one makes the object`,
        async (subject: Subject) =>
          inRounds(count === 2 ? 20 : 5, async () => {
            const key = newKey();
            const bodies = Array.from({ length: count }, (_, i) => CONTENT.map((byte) => byte ^ i));
            const completions = await Promise.all(
              bodies.map(async (body) => (await onePart(subject, key)).store(body)),
            );
            const winners = await completing(completions, async (at) => bodies[at] ?? OTHER);
            const { body } = await subject.read({ key });
            const winner = winners.find((each) => body.equals(each));
            assert.ok(winner !== undefined, "the object is of none that was completed");
            // Elsewhere a copy is no upload in parts, and one upload alone is signed for a key.
            if (subject.s3 === undefined) return;
            assert.equal(winners.length, 1, `${winners.length} were completed`);
            await expectOnly(subject, key, winner);
          }),
      ]),
    ),
  }),
];

export const incoming = [...copies, ...once];
