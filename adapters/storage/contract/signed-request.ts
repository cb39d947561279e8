import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import assert from "node:assert/strict";
import { Lifetime } from "../../../domain/lifetime.ts";
import { assertAccepted, assertNotAccepted, assertStatus } from "./assertions.ts";
import { send, sendByFetch } from "./send.ts";
import { everyStore, type StorePromise, storesWith, storesWithout } from "./store-promise.ts";
import { CONTENT, type Put, sendPut, upload, withHeaders } from "./uploads.ts";

/** A signed request works: the object is stored as it was sent. */
const works: ReadonlyArray<StorePromise> = [
  ...everyStore({
    "a PUT as granted is stored byte for byte": async ({ signPut, expectStored }) => {
      await expectStored(await signPut());
    },
    "a stored object cannot be read without a signature": async (subject) => {
      await upload(await subject.signPut());
      const { url } = await subject.signGet();
      assertStatus(await send("GET", url.slice(0, url.indexOf("?"))), subject.refusals);
    },
  }),
  ...storesWith("plain PUT", {
    "the three-line client works: fetch with nothing but Content-Type": async (subject) => {
      const put = await subject.signPut();
      const file = new Blob([CONTENT.slice()], { type: "image/png" });
      const headers = { "Content-Type": file.type };
      assertAccepted(await sendByFetch(put.url, { headers, body: file }));
      await subject.expectContent();
    },
  }),
  ...storesWithout("plain PUT", {
    "a PUT needs a further header, which is returned": async ({ signPut }) => {
      const { url, headers } = await signPut();
      assert.ok(Object.keys(headers).length > 1);
      const plain = { "Content-Type": headers["Content-Type"] ?? "" };
      assertNotAccepted(await sendPut({ url, headers: plain }));
    },
  }),
];

/** It is valid for one key, one bucket, one host and one method. */
const address = everyStore({
  "a PUT to another key is refused": async ({ key, signPut, expectRefused }) => {
    const put = await signPut();
    const other = key.replace("orgs/acme", "orgs/globex");
    await expectRefused({ ...put, url: put.url.replace(key, other) });
  },
  "a PUT to another bucket is refused": async ({ bucket, signPut, expectRefused }) => {
    const put = await signPut();
    const { host } = new URL(put.url);
    const altered = host.startsWith(`${bucket}.`)
      ? withHeaders(put, { Host: host.replace(bucket, `${bucket}x`) })
      : { ...put, url: put.url.replace(`/${bucket}/`, `/${bucket}x/`) };
    assert.notDeepEqual(altered, put, `the URL names no bucket ${bucket}`);
    await expectRefused(altered, [403, 404]);
  },
  "a PUT under another host name is refused": async ({ signPut, expectRefused }) => {
    await expectRefused(withHeaders(await signPut(), { Host: "store.example.com" }));
  },
  "a signed PUT cannot read, and a signed GET cannot write": async (subject) => {
    const { signPut, signGet, expectRefused, expectContent, refusals } = subject;
    const put = await signPut();
    await expectRefused({ ...put, url: (await signGet()).url });
    await upload(put);
    assertStatus(await send("GET", put.url, { headers: put.headers }), refusals);
    assertStatus(await send("DELETE", put.url, { headers: put.headers }), [405, ...refusals]);
    await expectContent();
  },
});

/** Browsers and services are each sent to their own endpoint. */
const audience: ReadonlyArray<StorePromise> = [
  ...(["public", "internal"] as const).flatMap((audience) => {
    const other = audience === "public" ? "internal" : "public";
    return storesWith("two endpoints", {
      [`a PUT for the ${audience} endpoint works there and not at the ${other} one`]: async (
        subject,
      ) => {
        const put = await subject.signPut({ audience });
        const { [audience]: own = "", [other]: elsewhere = "" } = subject.origins ?? {};
        assert.equal(new URL(put.url).origin, own);
        await subject.expectRefused({ ...put, url: put.url.replace(own, elsewhere) });
        await subject.expectStored(put);
      },
    });
  }),
  ...storesWithout("two endpoints", {
    "browsers and services share one endpoint": async ({ signPut }) => {
      const { url: external } = await signPut({ audience: "public" });
      const { url: internal } = await signPut({ audience: "internal" });
      assert.equal(new URL(external).origin, new URL(internal).origin);
    },
  }),
  ...everyStore({
    "pages are told to permit the origin that browsers are sent to": async (subject) => {
      const { url } = await subject.signPut({ audience: "public" });
      assert.equal(subject.presigner.publicOrigin, new URL(url).origin);
    },
  }),
];

const PARAMETER = /([?&])(?:[^=&]*signature|sig)=([^&]+)&?/i;

/** The signature in a URL. */
function signatureIn(url: string): string {
  const [, , signature = ""] = PARAMETER.exec(url) ?? [];
  assert.ok(signature, "the URL has no parameter whose name ends with signature, or is sig");
  return signature;
}

const withParameter = (put: Put): Put => ({ ...put, url: `${put.url}&further=x` });

/** The store verifies the signature and everything that it covers. */
const signature: ReadonlyArray<StorePromise> = [
  ...everyStore({
    "a PUT with one digit of the signature changed is refused": async (subject) => {
      const put = await subject.signPut();
      const signature = signatureIn(put.url);
      const changed = `${signature.startsWith("0") ? "1" : "0"}${signature.slice(1)}`;
      await subject.expectRefused({ ...put, url: put.url.replace(signature, changed) });
    },
    "a PUT without its signature is refused": async ({ signPut, expectRefused, refusals }) => {
      const put = await signPut();
      const url = put.url.replace(PARAMETER, "$1");
      await expectRefused({ ...put, url }, [400, ...refusals]);
    },
    "a header removed from the list of signed headers is refused": async (subject) => {
      const put = await subject.signPut();
      const url = put.url.replace(/(-SignedHeaders=)[^&]+/, "$1host");
      // Not every signature has such a list.
      if (url === put.url) return;
      await subject.expectRefused(withHeaders({ ...put, url }, { "Content-Type": "text/html" }));
    },
  }),
  ...storesWith("signed query", {
    "a PUT with a further parameter is refused": async ({ signPut, expectRefused }) => {
      await expectRefused(withParameter(await signPut()));
    },
  }),
  ...storesWithout("signed query", {
    "a parameter that was added to a PUT is ignored": async ({ signPut, expectStored }) => {
      await expectStored(withParameter(await signPut()));
    },
  }),
];

const secondsAgo = (seconds: number) => Date.now() - seconds * 1000;

/** It works until `expiresAt`, and not after. */
const expiry = everyStore({
  "a PUT within its lifetime is stored": async ({ signPut, expectStored }) => {
    await expectStored(await signPut({ signedAt: secondsAgo(30) }));
  },
  "a PUT past its lifetime is refused": async ({ signPut, expectRefused }) => {
    const put = await signPut({ signedAt: secondsAgo(62) });
    assert.ok(DateTime.toEpochMillis(put.expiresAt) < Date.now());
    await expectRefused(put);
  },
  "a GET past its lifetime is refused": async ({ signPut, read, refusals }) => {
    await upload(await signPut());
    assertStatus(await read({ signedAt: secondsAgo(62) }), refusals);
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

/** A signed request works as it was granted, and for nothing else. */
export const signedRequest = [works, address, audience, signature, expiry].flat();
