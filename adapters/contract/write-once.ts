import { expect } from "vitest";
import { send } from "../support/send.ts";
import { CONTENT, promise } from "./promise.ts";

const other = CONTENT.map((byte) => byte ^ 0xff);

for (const over of [{ writeOnce: true }, { strict: true }]) {
  promise(
    `a PUT cannot be replayed under ${Object.keys(over).join()}`,
    async ({ signPut, expectStored }) => {
      const { url, headers } = await signPut(over);
      expect((await send("PUT", url, { headers, body: CONTENT })).status).toBe(200);
      expect((await send("PUT", url, { headers, body: other })).status).toBe(412);
      await expectStored();
    },
  );
}

promise("a write-once PUT without its condition is refused", async (subject) => {
  const { url } = await subject.signPut({ writeOnce: true });
  const headers = { "Content-Type": "image/png" };
  // MinIO calls a signed header that is missing a bad request.
  await subject.expectRefused(await send("PUT", url, { headers, body: CONTENT }), [400, 403]);
});

promise("of racing write-once PUTs one is stored", async ({ signPut, signGet }) => {
  const { url, headers } = await signPut({ writeOnce: true });
  const bodies = Array.from({ length: 16 }, (_, i) => CONTENT.map((byte) => byte ^ i));
  const answers = await Promise.all(bodies.map((body) => send("PUT", url, { headers, body })));
  const winners = bodies.filter((_, i) => answers[i]?.status === 200);
  expect(winners).toHaveLength(1);
  // The losers came too late, or while the winner was still at it.
  expect(new Set(answers.map(({ status }) => status))).toBeOneOf([
    new Set([200, 412]),
    new Set([200, 409]),
    new Set([200, 409, 412]),
  ]);
  const stored = await send("GET", (await signGet()).url);
  expect(stored.body.equals(winners[0] ?? new Uint8Array())).toBe(true);
});

promise(
  "a PUT that is not write-once replaces what is there",
  async ({ signPut, expectStored }) => {
    const { url, headers } = await signPut();
    expect((await send("PUT", url, { headers, body: CONTENT })).status).toBe(200);
    expect((await send("PUT", url, { headers, body: other })).status).toBe(200);
    await expectStored(other);
  },
);
