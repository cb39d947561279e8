import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import assert from "node:assert/strict";
import type { Audience } from "../../../application/ports/presigner.ts";
import { Lifetime } from "../../../domain/lifetime.ts";
import { assertAccepted, assertNotAccepted, assertStatus } from "../sending/assertions.ts";
import { putByFetch, send, sendPut, upload } from "../sending/send.ts";
import { withHeaders, withOtherDigit, withoutQuery, withUrl } from "../sending/send.ts";
import { promises } from "./store-promise.ts";
import type { Subject } from "../subject/subject.ts";
import { CONTENT, ORGANIZATION, MINUTE } from "../sending/uploads.ts";

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

const address = promises([], {
  "a PUT to another key is refused": async ({ key, signPut, expectRefused }) =>
    expectRefused(
      withUrl(await signPut(), key, key.replace(ORGANIZATION, `${ORGANIZATION}-other`)),
    ),
  "a PUT to another bucket is refused": async ({ bucket, signPut, expectRefused }) => {
    const put = await signPut();
    const { host } = new URL(put.url);
    const altered = host.startsWith(`${bucket}.`)
      ? withHeaders(put, { Host: host.replace(bucket, `${bucket}x`) })
      : withUrl(put, `/${bucket}/`, `/${bucket}x/`);
    await expectRefused(altered, [403, 404]);
  },
  "a PUT under another host name is refused": async ({ signPut, expectRefused, refusals }) =>
    expectRefused(withHeaders(await signPut(), { Host: "store.example.com" }), [404, ...refusals]),
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

const worksAt = (audience: Audience, other: Audience) => async (subject: Subject) => {
  const put = await subject.signPut({ audience });
  const { [audience]: origin = "", [other]: elsewhere = "" } = subject.origins ?? {};
  assert.equal(new URL(put.url).origin, origin);
  await subject.expectRefused(withUrl(put, origin, elsewhere));
  await subject.expectStored(put);
};

const audience = [
  ...promises(["two endpoints"], {
    "a PUT for the public endpoint works there and not at the internal one": worksAt(
      "public",
      "internal",
    ),
    "a PUT for the internal endpoint works there and not at the public one": worksAt(
      "internal",
      "public",
    ),
  }),
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

const SIGNATURE = /([?&])(?:[^=&]*signature|sig)=([^&]+)&?/i;

function signatureIn(url: string): string {
  const [, , signature = ""] = SIGNATURE.exec(url) ?? [];
  assert.ok(signature, "the URL has no parameter whose name ends with signature, or is sig");
  return signature;
}

const signature = [
  ...promises([], {
    "a PUT with one digit of the signature changed is refused": async (subject) => {
      const put = await subject.signPut();
      const signature = signatureIn(put.url);
      await subject.expectRefused(withUrl(put, signature, withOtherDigit(signature)));
    },
    "a PUT without its signature is refused": async ({ signPut, expectRefused, refusals }) =>
      expectRefused(withUrl(await signPut(), SIGNATURE, "$1"), [400, ...refusals]),
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
      expectRefused(withUrl(await signPut(), /$/, "&further=x")),
  }),
  ...promises(["without signed query"], {
    "a parameter that was added to a PUT is ignored": async ({ signPut, expectStored }) =>
      expectStored(withUrl(await signPut(), /$/, "&further=x")),
  }),
];

/** For a minute that is over. */
const past = () => ({ signedAt: Date.now() - 62_000, lifetime: MINUTE });

const expiry = promises([], {
  "a PUT within its lifetime is stored": async ({ signPut, expectStored }) =>
    expectStored(await signPut({ signedAt: Date.now() - 30_000 })),
  "a PUT past its lifetime is refused": async ({ signPut, expectRefused }) => {
    const put = await signPut(past());
    assert.ok(DateTime.toEpochMillis(put.expiresAt) < Date.now());
    await expectRefused(put);
  },
  "a GET past its lifetime is refused": async ({ put, read, refusals }) => {
    await put();
    assertStatus(await read(past()), refusals);
  },
  "a PUT whose lifetime was lengthened is refused": async ({ signPut, expectRefused }) => {
    const asked = past();
    const put = await signPut(asked);
    const long = await signPut({ ...asked, lifetime: Lifetime.make(Duration.minutes(10)) });
    await expectRefused(withUrl(long, signatureIn(long.url), signatureIn(put.url)));
  },
});

/** A signed request works as it was granted, until it expires, and for nothing else. */
export const signedRequest = [works, address, audience, signature, expiry].flat();
