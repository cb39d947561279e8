import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import assert from "node:assert/strict";
import { Lifetime } from "../../../domain/lifetime.ts";
import { assertAccepted, assertNotAccepted, assertStatus } from "./assertions.ts";
import {
  type Put,
  putByFetch,
  send,
  sendPut,
  upload,
  withHeaders,
  withOtherDigit,
  withoutQuery,
} from "./send.ts";
import { CONTENT } from "./uploads.ts";
import { promises } from "./store-promise.ts";

/** The object is stored as it was sent. */
const works = [
  ...promises([], {
    "a PUT as granted is stored byte for byte": async ({ signPut, expectStored }) =>
      expectStored(await signPut()),
    "a stored object cannot be read without a signature": async ({ put, signGet, refusals }) => {
      await put();
      assertStatus(await send("GET", withoutQuery((await signGet()).url)), refusals);
    },
  }),
  ...promises(["plain PUT"], {
    "the three-line client works: fetch with nothing but Content-Type": async (subject) => {
      const { url } = await subject.signPut();
      assertAccepted(await putByFetch(url, new Blob([CONTENT.slice()], { type: "image/png" })));
      await subject.expectContent();
    },
  }),
  ...promises(["without plain PUT"], {
    "a PUT needs a further header, which is returned": async ({ signPut }) => {
      const { url, headers } = await signPut();
      assert.ok(Object.keys(headers).length > 1);
      const plain = { "Content-Type": headers["Content-Type"] ?? "" };
      assertNotAccepted(await sendPut({ url, headers: plain }));
    },
  }),
];

/** It is valid for one key, one bucket, one host and one method. */
const address = promises([], {
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
  "a PUT under another host name is refused": async ({ signPut, expectRefused }) =>
    expectRefused(withHeaders(await signPut(), { Host: "store.example.com" })),
  "a signed PUT cannot read, and a signed GET cannot write": async (subject) => {
    const { signPut, signGet, expectRefused, expectContent, refusals } = subject;
    const put = await signPut();
    await expectRefused({ ...put, url: (await signGet()).url });
    await upload(put);
    const { url, headers } = put;
    assertStatus(await send("GET", url, { headers }), refusals);
    assertStatus(await send("DELETE", url, { headers }), [405, ...refusals]);
    await expectContent();
  },
});

/** Browsers and services are each sent to their own endpoint. */
const audience = [
  ...(
    [
      ["public", "internal"],
      ["internal", "public"],
    ] as const
  ).flatMap(([audience, other]) =>
    promises(["two endpoints"], {
      [`a PUT for the ${audience} endpoint works there and not at the ${other} one`]: async ({
        origins,
        signPut,
        expectRefused,
        expectStored,
      }) => {
        const put = await signPut({ audience });
        const { [audience]: own = "", [other]: elsewhere = "" } = origins ?? {};
        assert.equal(new URL(put.url).origin, own);
        await expectRefused({ ...put, url: put.url.replace(own, elsewhere) });
        await expectStored(put);
      },
    }),
  ),
  ...promises(["without two endpoints"], {
    "browsers and services share one endpoint": async ({ signPut }) => {
      const { url: external } = await signPut({ audience: "public" });
      const { url: internal } = await signPut({ audience: "internal" });
      assert.equal(new URL(external).origin, new URL(internal).origin);
    },
  }),
  ...promises([], {
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
const signature = [
  ...promises([], {
    "a PUT with one digit of the signature changed is refused": async (subject) => {
      const put = await subject.signPut();
      const signature = signatureIn(put.url);
      const url = put.url.replace(signature, withOtherDigit(signature));
      await subject.expectRefused({ ...put, url });
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
  ...promises(["signed query"], {
    "a PUT with a further parameter is refused": async ({ signPut, expectRefused }) =>
      expectRefused(withParameter(await signPut())),
  }),
  ...promises(["without signed query"], {
    "a parameter that was added to a PUT is ignored": async ({ signPut, expectStored }) =>
      expectStored(withParameter(await signPut())),
  }),
];

const secondsAgo = (seconds: number) => ({ signedAt: Date.now() - seconds * 1000 });

/** It works until `expiresAt`, and not after. */
const expiry = promises([], {
  "a PUT within its lifetime is stored": async ({ signPut, expectStored }) =>
    expectStored(await signPut(secondsAgo(30))),
  "a PUT past its lifetime is refused": async ({ signPut, expectRefused }) => {
    const put = await signPut(secondsAgo(62));
    assert.ok(DateTime.toEpochMillis(put.expiresAt) < Date.now());
    await expectRefused(put);
  },
  "a GET past its lifetime is refused": async ({ put, read, refusals }) => {
    await put();
    assertStatus(await read(secondsAgo(62)), refusals);
  },
  "a PUT whose lifetime was lengthened is refused": async ({ signPut, expectRefused }) => {
    const past = secondsAgo(62);
    const put = await signPut(past);
    const long = await signPut({ ...past, lifetime: Lifetime.make(Duration.minutes(10)) });
    const url = long.url.replace(signatureIn(long.url), signatureIn(put.url));
    assert.notEqual(url, long.url);
    await expectRefused({ ...put, url });
  },
});

/** A signed request works as it was granted, and for nothing else. */
export const signedRequest = [works, address, audience, signature, expiry].flat();
