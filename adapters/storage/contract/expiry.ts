import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import { expect } from "vitest";
import { Lifetime } from "../../../domain/lifetime.ts";
import { CONTENT } from "./sample-upload.ts";
import { send } from "./send.ts";
import { signatureIn } from "./signature.ts";
import type { StorePromise } from "./store-promise.ts";

const seconds = (count: number) => count * 1000;

/** A signed request works until `expiresAt`, and not after. */
export const expiry: ReadonlyArray<StorePromise> = [
  {
    title: "a PUT within its lifetime is stored",
    check: async ({ signPut, expectStored }) => {
      const { url, headers } = await signPut({ signedAt: Date.now() - seconds(30) });
      expect((await send("PUT", url, { headers, body: CONTENT })).ok).toBe(true);
      await expectStored();
    },
  },
  {
    title: "a PUT past its lifetime is refused",
    check: async ({ signPut, expectRefused }) => {
      const put = await signPut({ signedAt: Date.now() - seconds(62) });
      expect(DateTime.toEpochMillis(put.expiresAt)).toBeLessThan(Date.now());
      await expectRefused(await send("PUT", put.url, { headers: put.headers, body: CONTENT }));
    },
  },
  {
    title: "a GET past its lifetime is refused",
    check: async ({ signPut, signGet, refusals }) => {
      const put = await signPut();
      await send("PUT", put.url, { headers: put.headers, body: CONTENT });
      const { url } = await signGet({ signedAt: Date.now() - seconds(62) });
      expect((await send("GET", url)).status).toBeOneOf([...refusals]);
    },
  },
  {
    title: "a lifetime that was lengthened is refused",
    check: async ({ signPut, expectRefused }) => {
      const signedAt = Date.now() - seconds(62);
      const { url, headers } = await signPut({ signedAt });
      const long = await signPut({ signedAt, lifetime: Lifetime.make(Duration.minutes(10)) });
      const altered = long.url.replace(signatureIn(long.url), signatureIn(url));
      expect(altered).not.toBe(long.url);
      await expectRefused(await send("PUT", altered, { headers, body: CONTENT }));
    },
  },
];
