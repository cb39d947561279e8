import assert from "node:assert/strict";
import { putChecksums } from "../../../application/ports/abilities.ts";
import type { PutRequest } from "../../../application/ports/presigner.ts";
import type { ChecksumAlgorithm } from "../../../domain/checksum.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { assertMatches, assertStatus } from "../sending/assertions.ts";
import { confirms } from "./confirm.ts";
import { checksumFor, digest } from "../sending/digest.ts";
import { inRounds } from "../subject/races.ts";
import { type Checks, promises } from "./store-promise.ts";
import type { Subject } from "../subject/subject.ts";
import { sendPut, upload, withHeaders, withoutHeader } from "../sending/send.ts";
import { CONTENT, LONGER, newKey, OTHER, PNG, SHORTER } from "../sending/uploads.ts";
import { mismatch } from "../subject/use-cases.ts";

const HTML = { "Content-Type": "text/html" };

const contentType = [
  ...promises(["bound type"], {
    "a PUT of another type is refused": async ({ signPut, expectRefused }) =>
      expectRefused(withHeaders(await signPut(), HTML)),
    "a PUT without a type is refused": async ({ signPut, expectRefused, refusals }) =>
      expectRefused(withoutHeader(await signPut(), "Content-Type"), [400, ...refusals]),
    "a type with parameters is bound as it was declared": async (subject) => {
      const contentType = MediaType.make('text/plain; Charset="utf-8"; codecs="a, b"');
      const put = await subject.signPut({ contentType });
      await subject.expectRefused(withHeaders(put, { "Content-Type": "text/plain" }));
      await subject.expectStored(put);
    },
  }),
  ...promises(["without bound type"], {
    "a type that was not bound is compared on confirm": confirms(
      mismatch({ property: "contentType", expected: PNG, actual: "text/html" }),
      {},
      (put) => withHeaders(put, HTML),
    ),
  }),
];

const boundSize = (when: string, over: Partial<PutRequest>): Checks => ({
  [`${when}, a PUT one byte longer or shorter than granted is refused`]: async (subject) => {
    const put = await subject.signPut(over);
    await subject.expectRefused({ ...put, body: LONGER });
    await subject.expectRefused({ ...put, body: SHORTER });
    await subject.expectStored(put);
  },
  // Stores have their own status for this, whether the signature is valid or not.
  [`${when}, a PUT that does not say its length is refused`]: async (subject) =>
    subject.expectRefused({ ...(await subject.signPut(over)), chunked: true }, [400, 403, 411]),
  [`${when}, a PUT that says its length and comes in chunks has no other size`]: async (
    subject,
  ) => {
    const length = { "Content-Length": `${CONTENT.length}` };
    const put = withHeaders(await subject.signPut(over), length);
    // Many servers hang up, as RFC 9112, section 6.1, allows it.
    await sendPut({ ...put, body: LONGER, chunked: true }).catch(() => undefined);
    assert.notEqual((await subject.read()).body.length, LONGER.length);
  },
});

const comparedSize = (over: { strict?: boolean }) =>
  confirms(
    mismatch({ property: "size", expected: CONTENT.length, actual: LONGER.length }),
    over,
    (put) => ({ ...put, body: LONGER }),
  );

const exactSize = [
  ...promises(["exact size by default"], boundSize("by default", {})),
  ...promises(["bound size"], boundSize("under strict", { strict: true })),
  ...promises(["without exact size by default"], {
    "a size that only strict binds is compared on confirm": comparedSize({}),
  }),
  ...promises(["without bound size"], {
    "a size that strict does not bind is compared on confirm": comparedSize({ strict: true }),
  }),
  ...promises([], {
    "a strict PUT is refused without the headers that were returned": async (subject) => {
      const { has, refusals } = subject;
      const put = await subject.signPut({ strict: true });
      const names = Object.keys(put.headers);
      const signsSize = has("bound size") && !has("exact size by default");
      const further = has("write-once") || signsSize ? 1 : 0;
      assert.ok(names.length > further, "a header is missing from those returned");
      for (const name of names) {
        if (name === "Content-Type" && !has("bound type")) continue;
        await subject.expectRefused(withoutHeader(put, name), [400, ...refusals]);
      }
    },
  }),
];

const boundChecksum = (algorithm: ChecksumAlgorithm) => {
  const checksum = checksumFor(algorithm, CONTENT);
  const bound: Checks = {
    [`${algorithm} is offered`]: async ({ store }) => assert.ok(store.abilities.has(algorithm)),
    [`${algorithm}: other bytes of the same size are refused, and the right ones stored`]: async ({
      signPut,
      expectRefused,
      expectStored,
    }) => {
      const put = await signPut({ checksum });
      await expectRefused({ ...put, body: OTHER }, [400]);
      await expectStored(put);
    },
    [`${algorithm}: other bytes with their own checksum, or with none, are refused`]: async ({
      signPut,
      expectRefused,
      refusals,
    }) => {
      const put = { ...(await signPut({ checksum })), body: OTHER };
      const [name = "", value = ""] =
        Object.entries(put.headers).find(([, value]) => value.endsWith(checksum.value)) ?? [];
      const checksumOfOther = value.replace(checksum.value, digest(algorithm, OTHER));
      await expectRefused(withHeaders(put, { [name]: checksumOfOther }));
      await expectRefused(withoutHeader(put, name), [400, ...refusals]);
    },
  };
  const refused: Checks = {
    [`${algorithm} is not offered, since the store does not verify it`]: async ({ store }) =>
      assert.ok(!store.abilities.has(algorithm)),
    [`${algorithm} is refused with a list of what the store verifies`]: async (subject) => {
      const refused = await subject.grant({ checksum }).catch((refusal: unknown) => refusal);
      const supported = putChecksums(subject.store.abilities);
      assertMatches(refused, { _tag: "ChecksumNotSupported", supported });
    },
  };
  return [...promises([algorithm], bound), ...promises([`without ${algorithm}`], refused)];
};

const replaces =
  (over: Partial<PutRequest>) =>
  async ({ signPut, expectStored }: Subject) => {
    const put = await signPut(over);
    assert.equal(put.isOnce, false);
    await upload(put);
    await expectStored({ ...put, body: OTHER });
  };

const cannotBeReplayed =
  (over: Partial<PutRequest>) =>
  async ({ has, signPut, expectContent, refusals }: Subject) => {
    const put = await signPut(over);
    assert.equal(put.isOnce, has("write-once"));
    await upload(put);
    assertStatus(await sendPut({ ...put, body: OTHER }), [412, ...refusals]);
    await expectContent();
  };

/** On request, one PUT for a key is stored and every other is refused. */
const writeOnce = [
  ...promises(["write-once"], {
    "a PUT cannot be replayed under writeOnce": cannotBeReplayed({ writeOnce: true }),
    "a PUT cannot be replayed under strict": cannotBeReplayed({ strict: true }),
  }),
  ...promises(["write-once", "repeated PUT"], {
    "a write-once PUT without its condition is refused": async (subject) => {
      const { url } = await subject.signPut({ writeOnce: true });
      const { headers } = await subject.signPut();
      await subject.expectRefused({ url, headers }, [400, ...subject.refusals]);
    },
  }),
  ...promises(["write-once"], {
    "exactly one of 16 concurrent write-once PUTs is stored": async (subject) =>
      inRounds(5, async () => {
        const key = newKey();
        const put = await subject.signPut({ key, writeOnce: true });
        const bodies = Array.from({ length: 16 }, (_, i) => CONTENT.map((byte) => byte ^ i));
        const answers = await Promise.all(bodies.map((body) => sendPut({ ...put, body })));
        const winners = bodies.filter((_, i) => answers[i]?.ok);
        assert.equal(winners.length, 1);
        // The others came too late, or while the first was still running.
        for (const answer of answers) {
          if (!answer.ok) assertStatus(answer, [409, 412, ...subject.refusals]);
        }
        await subject.expectContent(winners[0], key);
      }),
  }),
  ...promises(["repeated PUT"], {
    "a PUT that is not write-once replaces the object": replaces({}),
  }),
  ...promises(["without repeated PUT"], {
    "a PUT cannot be replayed, whatever was asked for": cannotBeReplayed({}),
  }),
  ...promises(["repeated PUT", "without write-once"], {
    "a PUT cannot be made write-once, and is not reported as such": replaces({
      writeOnce: true,
      strict: true,
    }),
  }),
];

/** The store refuses a PUT whose type, size, bytes or place differ from what was granted. */
export const boundProperty = [
  contentType,
  exactSize,
  ...(["sha256", "crc32c", "md5"] as const).map(boundChecksum),
  writeOnce,
].flat();
