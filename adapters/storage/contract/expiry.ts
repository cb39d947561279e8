import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import assert from "node:assert/strict";
import { Lifetime } from "../../../domain/lifetime.ts";
import { assertStatus } from "./assertions.ts";
import { upload } from "./put.ts";
import { send } from "./send.ts";
import { signatureIn } from "./signature.ts";
import { everyStore } from "./store-promise.ts";

const secondsAgo = (seconds: number) => Date.now() - seconds * 1000;

/** A signed request works until `expiresAt`, and not after. */
export const expiry = everyStore({
  "a PUT within its lifetime is stored": async ({ signPut, expectStored }) => {
    await expectStored(await signPut({ signedAt: secondsAgo(30) }));
  },
  "a PUT past its lifetime is refused": async ({ signPut, expectRefused }) => {
    const put = await signPut({ signedAt: secondsAgo(62) });
    assert.ok(DateTime.toEpochMillis(put.expiresAt) < Date.now());
    await expectRefused(put);
  },
  "a GET past its lifetime is refused": async ({ signPut, signGet, refusals }) => {
    await upload(await signPut());
    const { url } = await signGet({ signedAt: secondsAgo(62) });
    assertStatus(await send("GET", url), refusals);
  },
  "a PUT whose lifetime was lengthened is refused": async ({ signPut, expectRefused }) => {
    const signedAt = secondsAgo(62);
    const put = await signPut({ signedAt });
    const long = await signPut({ signedAt, lifetime: Lifetime.make(Duration.minutes(10)) });
    const altered = long.url.replace(signatureIn(long.url), signatureIn(put.url));
    assert.notEqual(altered, long.url);
    await expectRefused({ ...put, url: altered });
  },
});
