import assert from "node:assert/strict";
import type { PutRequest } from "../../../application/ports/presigner.ts";
import { assertStatus } from "./assertions.ts";
import { sendPut, upload } from "./put.ts";
import { CONTENT, OTHER } from "./sample-upload.ts";
import { everyStore, type StorePromise, storesWith, storesWithout } from "./store-promise.ts";
import type { Subject } from "./subject.ts";

const replayed = [{ writeOnce: true }, { strict: true }].map((over) =>
  storesWith("write-once", {
    [`a PUT cannot be replayed under ${Object.keys(over).join()}`]: async (subject) => {
      const put = await subject.signPut(over);
      assert.equal(put.isOnce, true);
      await upload(put);
      const replayed = await sendPut({ ...put, body: OTHER });
      assertStatus(replayed, [412, ...subject.refusals]);
      await subject.expectContent();
    },
  }),
);

/** On request, one PUT for a key is stored and every other is refused. */
export const writeOnce: ReadonlyArray<StorePromise> = [
  ...replayed.flat(),
  ...storesWith("write-once", {
    "a write-once PUT without its condition is refused": async (subject) => {
      const { url } = await subject.signPut({ writeOnce: true });
      const { headers } = await subject.signPut();
      await subject.expectRefused({ url, headers }, [400, ...subject.refusals]);
    },
    "exactly one of several concurrent write-once PUTs is stored": async (subject) => {
      const put = await subject.signPut({ writeOnce: true });
      const bodies = Array.from({ length: 16 }, (_, i) => CONTENT.map((byte) => byte ^ i));
      const answers = await Promise.all(bodies.map((body) => sendPut({ ...put, body })));
      const winners = bodies.filter((_, i) => answers[i]?.ok);
      assert.equal(winners.length, 1);
      // The others came too late, or while the first was still running.
      for (const answer of answers) {
        if (!answer.ok) assertStatus(answer, [409, 412, ...subject.refusals]);
      }
      await subject.expectContent(winners[0]);
    },
  }),
  ...everyStore({
    "a PUT that is not write-once replaces the object": (subject) => expectReplaced(subject, {}),
  }),
  ...storesWithout("write-once", {
    "a PUT cannot be made write-once, and is not reported as such": (subject) =>
      expectReplaced(subject, { writeOnce: true, strict: true }),
  }),
];

async function expectReplaced(
  { signPut, expectStored }: Subject,
  over: Partial<PutRequest>,
): Promise<void> {
  const put = await signPut(over);
  assert.equal(put.isOnce, false);
  await upload(put);
  await expectStored({ ...put, body: OTHER });
}
