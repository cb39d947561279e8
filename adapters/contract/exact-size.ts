import { expect } from "vitest";
import { send } from "../support/send.ts";
import { CONTENT, promise } from "./promise.ts";

const longer = Buffer.concat([CONTENT, new Uint8Array(1)]);
const shorter = CONTENT.subarray(1);

for (const [title, over, has] of [
  ["by default", {}, true],
  ["under strict", { strict: true }, undefined],
] as const) {
  const which = (store: { readonly bindsSizeAlways: boolean }) =>
    has === undefined || store.bindsSizeAlways === has;

  promise(
    `${title}, a PUT one byte longer or shorter than granted is refused`,
    async ({ signPut, expectRefused, expectStored }) => {
      const { url, headers } = await signPut(over);
      await expectRefused(await send("PUT", url, { headers, body: longer }));
      await expectRefused(await send("PUT", url, { headers, body: shorter }));
      expect((await send("PUT", url, { headers, body: CONTENT })).status).toBe(200);
      await expectStored();
    },
    which,
  );

  promise(
    `${title}, a PUT that does not say its length is refused`,
    async ({ signPut, expectRefused }) => {
      const { url, headers } = await signPut(over);
      // Stores have their own status for this, whatever the signature says.
      const answer = await send("PUT", url, { headers, body: CONTENT, chunked: true });
      await expectRefused(answer, [403, 411]);
    },
    which,
  );
}

promise(
  "the size is bound under strict only",
  async ({ signPut, expectStored }) => {
    const { url, headers } = await signPut();
    expect((await send("PUT", url, { headers, body: longer })).status).toBe(200);
    await expectStored(longer);
  },
  (store) => !store.bindsSizeAlways,
);

promise("a strict PUT is refused without the headers that were returned", async (subject) => {
  const { url, headers } = await subject.signPut({ strict: true });
  expect(Object.keys(headers).length).toBeGreaterThan(1);
  for (const name of Object.keys(headers)) {
    const others = Object.fromEntries(Object.entries(headers).filter(([other]) => other !== name));
    // MinIO calls a signed header that is missing a bad request.
    await subject.expectRefused(
      await send("PUT", url, { headers: others, body: CONTENT }),
      [400, 403],
    );
  }
});
