import { expect } from "vitest";
import { CONTENT } from "./sample-upload.ts";
import { send } from "./send.ts";
import type { StorePromise } from "./store-promise.ts";

const other = CONTENT.map((byte) => byte ^ 0xff);

/** If it is requested, one PUT for a key is stored and every other is refused. */
export const writeOnce: ReadonlyArray<StorePromise> = [
  ...[{ writeOnce: true }, { strict: true }].map((over): StorePromise => ({
    title: `a PUT cannot be replayed under ${Object.keys(over).join()}`,
    needs: "write-once",
    check: async ({ signPut, expectStored, refusals }) => {
      const { url, headers, isOnce } = await signPut(over);
      expect(isOnce).toBe(true);
      expect((await send("PUT", url, { headers, body: CONTENT })).ok).toBe(true);
      const replayed = await send("PUT", url, { headers, body: other });
      expect(replayed.status).toBeOneOf([412, ...refusals]);
      await expectStored();
    },
  })),
  {
    title: "a write-once PUT without its condition is refused",
    needs: "write-once",
    check: async ({ signPut, expectRefused }) => {
      const { url } = await signPut({ writeOnce: true });
      const { headers } = await signPut();
      // MinIO calls a signed header that is missing a bad request.
      await expectRefused(await send("PUT", url, { headers, body: CONTENT }), [400, 403]);
    },
  },
  {
    title: "of several write-once PUTs at once exactly one is stored",
    needs: "write-once",
    check: async ({ signPut, signGet, refusals }) => {
      const { url, headers } = await signPut({ writeOnce: true });
      const bodies = Array.from({ length: 16 }, (_, i) => CONTENT.map((byte) => byte ^ i));
      const answers = await Promise.all(bodies.map((body) => send("PUT", url, { headers, body })));
      const winners = bodies.filter((_, i) => answers[i]?.ok);
      expect(winners).toHaveLength(1);
      // The others came too late, or while the first was still running.
      for (const { ok, status } of answers) {
        if (!ok) expect(status).toBeOneOf([409, 412, ...refusals]);
      }
      const stored = await send("GET", (await signGet()).url);
      expect(stored.body.equals(winners[0] ?? new Uint8Array())).toBe(true);
    },
  },
  {
    title: "a PUT that is not write-once replaces the object",
    check: async ({ signPut, expectStored }) => {
      const { url, headers, isOnce } = await signPut();
      expect(isOnce).toBe(false);
      expect((await send("PUT", url, { headers, body: CONTENT })).ok).toBe(true);
      expect((await send("PUT", url, { headers, body: other })).ok).toBe(true);
      await expectStored(other);
    },
  },
  {
    title: "a PUT cannot be made write-once, and is not reported as such",
    without: "write-once",
    check: async ({ signPut, expectStored }) => {
      const { url, headers, isOnce } = await signPut({ writeOnce: true, strict: true });
      expect(isOnce).toBe(false);
      expect((await send("PUT", url, { headers, body: CONTENT })).ok).toBe(true);
      expect((await send("PUT", url, { headers, body: other })).ok).toBe(true);
      await expectStored(other);
    },
  },
];
