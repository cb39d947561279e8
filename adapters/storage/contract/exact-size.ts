import assert from "node:assert/strict";
import { assertMatches } from "./assertions.ts";
import { sendPut, upload, withHeaders, withoutHeader } from "./put.ts";
import { CONTENT, LONGER } from "./sample-upload.ts";
import { send } from "./send.ts";
import { everyStore, type StorePromise, storesWith, storesWithout } from "./store-promise.ts";
import type { Subject } from "./subject.ts";
import { mismatchOf } from "./use-cases.ts";

type Strictness = { readonly strict?: boolean };

/** The store accepts exactly the granted size, not a byte more or less. */
export const exactSize: ReadonlyArray<StorePromise> = [
  ...storesWith("exact size by default", isBound("by default", {})),
  ...storesWith("bound size", isBound("under strict", { strict: true })),
  ...storesWithout("exact size by default", {
    "a size that only strict binds is compared on confirm": (subject) => isCompared(subject, {}),
  }),
  ...storesWithout("bound size", {
    "a size that strict does not bind is compared on confirm": (subject) =>
      isCompared(subject, { strict: true }),
  }),
  ...everyStore({
    "a strict PUT is refused without the headers that were returned": async (subject) => {
      const { has, refusals } = subject;
      const put = await subject.signPut({ strict: true });
      const bindsSize = has("bound size") && !has("exact size by default");
      const further = has("write-once") || bindsSize ? 1 : 0;
      assert.ok(
        Object.keys(put.headers).length > further,
        "a header is missing from those returned",
      );
      for (const name of Object.keys(put.headers)) {
        if (name === "Content-Type" && !has("bound type")) continue;
        await subject.expectRefused(withoutHeader(put, name), [400, ...refusals]);
      }
    },
  }),
];

function isBound(when: string, over: Strictness): Parameters<typeof everyStore>[0] {
  return {
    [`${when}, a PUT one byte longer or shorter than granted is refused`]: async (subject) => {
      const put = await subject.signPut(over);
      await subject.expectRefused({ ...put, body: LONGER });
      await subject.expectRefused({ ...put, body: CONTENT.subarray(1) });
      await subject.expectStored(put);
    },
    [`${when}, a PUT that does not say its length is refused`]: async (subject) => {
      const put = await subject.signPut(over);
      // Stores have their own status for this, whether the signature is valid or not.
      await subject.expectRefused({ ...put, chunked: true }, [403, 411]);
    },
    [`${when}, a PUT that says its length and comes in chunks has no other size`]: async (
      subject,
    ) => {
      const put = await subject.signPut(over);
      const length = { "Content-Length": `${CONTENT.length}` };
      // Many servers hang up, as RFC 9112, section 6.1, allows it.
      await sendPut({ ...withHeaders(put, length), body: LONGER, chunked: true }).catch(
        () => undefined,
      );
      const { url } = await subject.signGet();
      assert.notEqual((await send("GET", url)).body.length, LONGER.length);
    },
  };
}

async function isCompared({ grant, confirm }: Subject, over: Strictness): Promise<void> {
  const { put, receipt } = await grant(over);
  await upload({ ...put, body: LONGER });
  const difference = { property: "size", expected: CONTENT.length, actual: LONGER.length };
  assertMatches(await confirm(receipt), mismatchOf(difference));
}
