import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import assert from "node:assert/strict";
import { abortMultipart } from "../../../application/abort-multipart.ts";
import { completeMultipart } from "../../../application/complete-multipart.ts";
import { listParts } from "../../../application/list-parts.ts";
import { signParts } from "../../../application/sign-parts.ts";
import { startMultipart } from "../../../application/start-multipart.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import type { Checksum } from "../../../domain/checksum.ts";
import { PartNumber } from "../../../domain/multipart.ts";
import { codeOf } from "../../thrown.ts";
import { assertBytes, assertMatches, assertNotAccepted, assertStatus } from "./assertions.ts";
import { checksumFor } from "./digest.ts";
import { type Answer, send } from "./send.ts";
import { type StorePromise, storesWith, storesWithout } from "./store-promise.ts";
import type { Subject } from "./subject.ts";
import {
  CONTENT,
  newKey,
  OTHER,
  PNG,
  type Put,
  putRequest,
  sendPut,
  UPLOAD,
  upload,
} from "./uploads.ts";
import { FOREIGN_CALLS, mismatch, SERVICE } from "./use-cases.ts";

/** Two parts: one of 5 MiB, and a short one. */
const FILE: Uint8Array = Uint8Array.from(
  { length: 5 * 2 ** 20 + CONTENT.length },
  (_, i) => (i * 31 + (i >> 13)) & 0xff,
);
const FIRST = FILE.subarray(0, 5 * 2 ** 20);
const LAST = FILE.subarray(5 * 2 ** 20);
const OTHER_LAST = LAST.map((byte) => byte ^ 1);

/** Differences from an upload of `FILE` without a checksum. */
interface Change {
  readonly size?: number;
  readonly checksum?: Checksum;
}

const fileWith = ({ size = FILE.length, checksum }: Change) => ({
  ...UPLOAD,
  size: ByteSize.make(size),
  checksum,
});

/** An upload in parts, with the use cases that continue it. */
async function start({ run, refusals }: Subject, change: Change = {}) {
  const started = await run((member) => startMultipart({ member, upload: fileWith(change) }));
  if (started._tag !== "Done") throw new Error(`not started: ${started._tag}`);
  const token = { upload: started.upload };
  const sign = async (number: number, checksum?: Checksum) => {
    const parts = [{ partNumber: PartNumber.make(number), checksum }];
    const signed = await run((member) => signParts({ member, ...token, parts }));
    const put = signed._tag === "Done" ? signed.parts[0]?.put : undefined;
    if (put === undefined) throw new Error(`not signed: ${signed._tag}`);
    return put;
  };
  const list = async () => {
    const listed = await run((member) => listParts({ member, ...token }));
    return listed._tag === "Done" ? listed.parts : listed._tag;
  };
  return {
    ...started,
    sign,
    /** Sends a part that has to be accepted, and returns its ETag. */
    store: async (number: number, body: Uint8Array, checksum?: Checksum) =>
      upload({ ...(await sign(number, checksum)), body }),
    /** Names the parts in descending order, since no order is asked for. */
    complete: (etags: Readonly<Record<number, string>>, call?: Parameters<typeof run>[1]) => {
      const ascending = Object.entries(etags).map(([number, etag]) => ({
        partNumber: PartNumber.make(Number(number)),
        etag,
      }));
      const parts = ascending.toReversed();
      return run((member) => completeMultipart({ member, ...token, parts }), call);
    },
    list,
    abort: async () =>
      (await run((member) => Effect.as(abortMultipart({ member, ...token }), {})))._tag,
    /** Checks that a part is refused; a store may cut the connection of a body that it refuses. */
    expectRefused: async (put: Put) => {
      const answer = await sendPut(put).catch(noneIfCut);
      if (answer !== undefined) assertStatus(answer, [400, 411, ...refusals]);
      assert.deepEqual(await list(), []);
    },
  };
}

function noneIfCut(cause: unknown): undefined {
  if (!["ECONNRESET", "EPIPE"].includes(String(codeOf(cause)))) throw cause;
}

/** An upload that waits to be completed, with the ETags of its parts. */
async function uploaded(subject: Subject, change?: Change) {
  const started = await start(subject, change);
  const checksum = (body: Uint8Array) => change?.checksum && checksumFor("crc32c", body);
  const last = await started.store(2, LAST, checksum(LAST));
  const first = await started.store(1, FIRST, checksum(FIRST));
  return { ...started, etags: { 1: first, 2: last } };
}

const assertFile = async ({ get }: { readonly get: { readonly url: string } }): Promise<Answer> => {
  const answer = await send("GET", get.url);
  assertBytes(answer, FILE);
  return answer;
};

const INVALID = "InvalidUpload";

/** Promises in which stores that take parts differ. */
const someStores = [
  ...storesWith("file checksums", {
    "a file in parts that has the checksum given at its start is completed": async (subject) => {
      const checksum = checksumFor("crc32c", FILE);
      const { complete, sign, etags } = await uploaded(subject, { checksum });
      await assert.rejects(sign(1), /ChecksumRequired/);
      await assert.rejects(sign(1, checksumFor("md5", FIRST)), /ChecksumNotSupported/);
      const completed = await complete(etags);
      assertMatches(completed, { _tag: "Done", size: FILE.length, checksum });
      assertMatches(await complete(etags), { _tag: "Done", checksum });
      if (completed._tag === "Done") await assertFile(completed);
    },
    "a file in parts that has another checksum than that given at its start is not stored": async (
      subject,
    ) => {
      const checksum = checksumFor("crc32c", FIRST);
      const { complete, list, key, etags } = await uploaded(subject, { checksum });
      assertMatches(await complete(etags), mismatch({ property: "checksum" }));
      assert.equal(await list(), INVALID);
      await subject.expectNothing(key);
    },
  }),
  ...storesWithout("file checksums", {
    "the checksum of a whole file in parts is refused": async ({ run }) => {
      const upload = fileWith({ checksum: checksumFor("crc32c", FILE) });
      const refused = await run((member) => startMultipart({ member, upload }));
      assertMatches(refused, { _tag: "ChecksumNotSupported", supported: [] });
    },
  }),
  ...storesWith("replaced parts", {
    "a part that was replaced is not completed under its old ETag": async (subject) => {
      const { complete, store, etags } = await uploaded(subject);
      const replaced = await store(2, OTHER_LAST);
      const difference = { property: "parts/2/etag", actual: replaced };
      assertMatches(await complete(etags), mismatch(difference));
      assertMatches(await complete({ ...etags, 2: replaced }), { _tag: "Done" });
    },
    "a part that was replaced while the upload is completed is not part of the object": async ({
      presigner,
      store,
    }) => {
      const { multipart } = store;
      if (multipart === undefined) throw new Error("the store has no multipart");
      const key = newKey();
      const uploadId = await Effect.runPromise(multipart.create({ key, mediaType: PNG }));
      const part = { ...putRequest(key), uploadId, partNumber: PartNumber.make(1) };
      const put = await Effect.runPromise(presigner.part?.(part) ?? Effect.never);
      await upload(put);
      const listed = await Effect.runPromise(multipart.list({ key, uploadId }));
      await upload({ ...put, body: OTHER });
      const parts = Option.getOrThrow(listed);
      const completing = multipart.complete({ key, uploadId, parts });
      assert.equal(await Effect.runPromise(completing), "changed");
      assert.equal(Option.isNone(await Effect.runPromise(store.head(key))), true);
    },
  }),
  ...storesWithout("replaced parts", {
    "a part that was replaced is completed only where its own ETag is named": async (subject) => {
      const { complete, store, etags } = await uploaded(subject);
      await store(2, OTHER_LAST);
      const completed = await complete(etags);
      if (completed._tag === "Done") await assertFile(completed);
      else assertMatches(completed, mismatch({ property: "parts/2/etag" }));
    },
  }),
].map((promise) => ({ ...promise, needs: ["multipart", ...promise.needs] as const }));

/** Files that are uploaded in parts. */
export const multipart: ReadonlyArray<StorePromise> = [
  ...storesWith("multipart", {
    "a file in parts is stored byte for byte, and confirmed as it is completed": async (
      subject,
    ) => {
      const { key, partSize, partCount, list, complete, etags } = await uploaded(subject);
      assert.deepEqual([partSize, partCount], [FIRST.length, 2]);
      assertMatches(await list(), [
        { partNumber: 1, size: FIRST.length },
        { partNumber: 2, size: LAST.length },
      ]);
      const completed = await complete({ 2: etags[2].replaceAll('"', ""), 1: etags[1] });
      const facts = { _tag: "Done", key, size: FILE.length, mediaType: PNG, final: true };
      assertMatches(completed, facts);
      assertMatches(subject.reported, [{ key, organization: "acme", subject: "member" }]);
      if (completed._tag !== "Done") return;
      const { headers } = await assertFile(completed);
      assert.equal(headers["content-type"], PNG);
    },
    "a file of one short part is an upload in parts too": async (subject) => {
      const { store, complete } = await start(subject, { size: LAST.length });
      const etag = await store(1, LAST);
      assertMatches(await complete({ 1: etag }), { _tag: "Done", final: true });
    },
    "a part one byte longer or shorter than its own length is refused": async (subject) => {
      const { sign, expectRefused } = await start(subject);
      for (const [number, body] of [
        [1, FILE.subarray(0, FIRST.length + 1)],
        [1, FILE.subarray(0, FIRST.length - 1)],
        [2, Buffer.concat([LAST, LAST.subarray(0, 1)])],
        [2, LAST.subarray(1)],
        [2, FIRST],
      ] as const) {
        await expectRefused({ ...(await sign(number)), body });
      }
    },
    "a part that does not say its length is refused": async (subject) => {
      const { sign, expectRefused } = await start(subject);
      await expectRefused({ ...(await sign(2)), body: LAST, chunked: true });
    },
    "the URL of a part works for no other part, upload or object": async (subject) => {
      const { sign, expectRefused, key } = await start(subject);
      const other = await start(subject);
      const put = { ...(await sign(2)), body: LAST };
      const { searchParams } = new URL((await other.sign(2)).url);
      for (const [name, value] of [
        ["partNumber", "1"],
        ["partNumber", "3"],
        ["uploadId", searchParams.get("uploadId") ?? ""],
      ] as const) {
        const changed = new URL(put.url);
        changed.searchParams.set(name, value);
        await expectRefused({ ...put, url: changed.href });
      }
      await expectRefused({ ...put, url: put.url.replace(key, other.key) });
      assert.deepEqual(await other.list(), []);
      assertStatus(await send("GET", put.url), [405, ...subject.refusals]);
    },
    "a part is verified by each checksum that is offered": async (subject) => {
      const { partChecksums = [] } = subject.presigner;
      assert.notDeepEqual(partChecksums, []);
      for (const algorithm of partChecksums) {
        const { sign, expectRefused, list } = await start(subject);
        const put = { ...(await sign(2, checksumFor(algorithm, LAST))), body: LAST };
        await expectRefused({ ...put, body: OTHER_LAST });
        await expectRefused({ ...put, headers: (await sign(2)).headers });
        await upload(put);
        assertMatches(await list(), [{ partNumber: 2 }]);
      }
    },
    "an upload without one of its parts is not completed, and can be continued": async (
      subject,
    ) => {
      const { store, complete } = await start(subject);
      const first = await store(1, FIRST);
      const missing = { _tag: "PartsMissing", missing: [2] };
      assertMatches(await complete({ 1: first }), missing);
      assertMatches(await complete({ 1: first, 2: '"0"' }), missing);
      const last = await store(2, LAST);
      assertMatches(await complete({ 1: first }), missing);
      assertMatches(await complete({ 1: first, 2: last }), { _tag: "Done" });
    },
    "completing again, or several times at once, gives the same answer": async (subject) => {
      const { complete, etags } = await uploaded(subject);
      const answers = await Promise.all(Array.from({ length: 8 }, () => complete(etags)));
      const again = await complete(etags);
      const identity = (answer: typeof again) =>
        answer._tag === "Done" ? [answer.key, answer.etag, answer.size] : answer._tag;
      for (const answer of answers) assert.deepEqual(identity(answer), identity(again));
      assertMatches(again, { _tag: "Done", size: FILE.length });
    },
    "completing and aborting at once leaves the whole file or nothing, and no parts": async (
      subject,
    ) => {
      for (let round = 0; round < 4; round += 1) {
        const { abort, complete, list, etags, key } = await uploaded(subject);
        const [completed] = await Promise.all([complete(etags), abort()]);
        const found = await subject.read({ key });
        if (completed._tag === "Done" || found.ok) assertBytes(found, FILE);
        else assertStatus(found, [404]);
        assert.equal(await list(), INVALID);
      }
    },
    "an object that is already under the key is not replaced": async (subject) => {
      const { complete, etags, key } = await uploaded(subject);
      await upload(await subject.signPut({ key }));
      const difference = { property: "size", expected: FILE.length, actual: CONTENT.length };
      assertMatches(await complete(etags), mismatch(difference));
      await subject.expectContent(CONTENT, key);
    },
    "an aborted upload is over, and nothing of it stays": async (subject) => {
      const { abort, complete, list, sign, etags, key } = await uploaded(subject);
      assert.deepEqual([await abort(), await abort()], ["Done", "Done"]);
      assert.equal(await list(), INVALID);
      assert.equal((await complete(etags))._tag, INVALID);
      assertNotAccepted(await sendPut({ ...(await sign(2)), body: LAST }));
      await subject.expectNothing(key);
    },
    "a completed upload takes no more parts, and to abort it removes nothing": async (subject) => {
      const { abort, complete, sign, etags } = await uploaded(subject);
      const completed = await complete(etags);
      assertNotAccepted(await sendPut({ ...(await sign(2)), body: LAST }));
      assert.equal(await abort(), "Done");
      if (completed._tag !== "Done") throw new Error(`not completed: ${completed._tag}`);
      await assertFile(completed);
    },
    "an upload is valid for its person, its organization and its time": async (subject) => {
      const { complete, etags, expiresAt } = await uploaded(subject);
      for (const [call, tag] of [
        ...FOREIGN_CALLS,
        [{ at: expiresAt.epochMilliseconds }, INVALID],
        [{ principal: SERVICE }, "Done"],
      ] as const) {
        assert.equal((await complete(etags, call))._tag, tag);
      }
    },
    "the URL of a part ends no later than its upload": async (subject) => {
      const { upload, expiresAt } = await start(subject);
      const at = expiresAt.epochMilliseconds - Duration.toMillis("30 seconds");
      const asked = { upload, parts: [{ partNumber: PartNumber.make(1) }] };
      const signed = await subject.run((member) => signParts({ member, ...asked }), { at });
      // Credentials for a remote signature may have a clock of their own.
      assert.ok(signed._tag === "Done" || subject.presigner.isRemote, signed._tag);
      const parts = signed._tag === "Done" ? signed.parts : [];
      const ends = parts.map(({ put }) => put.expiresAt.epochMilliseconds);
      assert.ok(Math.max(...ends) <= expiresAt.epochMilliseconds);
    },
    "a part that the file does not have is neither signed nor completed": async (subject) => {
      const { upload, complete, etags } = await uploaded(subject);
      const parts = [{ partNumber: PartNumber.make(3) }];
      const refused = { _tag: "PartOutOfRange", partNumber: 3, partCount: 2 };
      assertMatches(await subject.run((member) => signParts({ member, upload, parts })), refused);
      assertMatches(await complete({ ...etags, 3: etags[2] }), refused);
    },
  }),
  ...someStores,
  ...storesWithout("multipart", {
    "an upload in parts is refused": async ({ run }) => {
      const refused = await run((member) => startMultipart({ member, upload: UPLOAD }));
      assert.equal(refused._tag, "MultipartNotSupported");
    },
  }),
];
