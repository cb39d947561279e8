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
import { FileName } from "../../../domain/file-name.ts";
import { PartNumber } from "../../../domain/multipart.ts";
import { codeOf } from "../../thrown.ts";
import {
  assertAccepted,
  assertBytes,
  assertMatches,
  assertNotAccepted,
  assertStatus,
} from "./assertions.ts";
import { digest } from "./checksum.ts";
import { upload as sendWhole } from "./put.ts";
import { CONTENT, newKey, OTHER, PNG, putRequest } from "./sample-upload.ts";
import type { Ability } from "./harness.ts";
import { type Answer, send } from "./send.ts";
import { type StorePromise, storesWith, storesWithout } from "./store-promise.ts";
import type { Subject } from "./subject.ts";
import { caller, mismatchOf } from "./use-cases.ts";

/** Two parts: one of 5 MiB, and a short one. */
const FILE: Uint8Array = Uint8Array.from(
  { length: 5 * 2 ** 20 + CONTENT.length },
  (_, i) => (i * 31 + (i >> 13)) & 0xff,
);
const FIRST = FILE.subarray(0, 5 * 2 ** 20);
const LAST = FILE.subarray(5 * 2 ** 20);

const fileWith = ({ size = FILE.length, checksum }: { size?: number; checksum?: Checksum }) => ({
  fileName: FileName.make("é.png"),
  mediaType: PNG,
  size: ByteSize.make(size),
  checksum,
});

/** An upload of `FILE` in parts. */
async function start(subject: Subject, over: { size?: number; checksum?: Checksum } = {}) {
  const { run, refusals } = subject;
  const started = await run((member) => startMultipart({ member, upload: fileWith(over) }));
  if (started._tag !== "Done") throw new Error(`not started: ${started._tag}`);
  const { upload } = started;
  const sign = async (number: number, checksum?: Checksum) => {
    const parts = [{ partNumber: PartNumber.make(number), checksum }];
    const signed = await run((member) => signParts({ member, upload, parts }));
    const put = signed._tag === "Done" ? signed.parts[0]?.put : undefined;
    if (put === undefined) throw new Error(`not signed: ${signed._tag}`);
    return put;
  };
  const sendPart = async (number: number, body: Uint8Array) => {
    const { url, headers } = await sign(number);
    return send("PUT", url, { headers, body });
  };
  return {
    ...started,
    sign,
    sendPart,
    /** Sends a part that has to be accepted, and returns its ETag. */
    store: async (number: number, body: Uint8Array) => etagOf(await sendPart(number, body)),
    /** Names the parts in descending order, since no order is asked for. */
    complete: (
      etags: Readonly<Record<number, string>>,
      over: Parameters<typeof run>[1] = undefined,
    ) => {
      const ascending = Object.entries(etags).map(([number, etag]) => ({
        partNumber: PartNumber.make(Number(number)),
        etag,
      }));
      const parts = ascending.toReversed();
      return run((member) => completeMultipart({ member, upload, parts }), over);
    },
    list: async () => {
      const listed = await run((member) => listParts({ member, upload }));
      return listed._tag === "Done" ? listed.parts : listed._tag;
    },
    abort: async () =>
      (await run((member) => Effect.as(abortMultipart({ member, upload }), {})))._tag,
    /** Checks that a part was refused; a store may cut the connection of a body that it refuses. */
    expectNone: async (sending: Promise<Answer>) => {
      const answer = await sending.catch(noneIfCut);
      if (answer !== undefined) assertStatus(answer, [400, 411, ...refusals]);
      const listed = await run((member) => listParts({ member, upload }));
      assertMatches(listed, { _tag: "Done", parts: [] });
    },
  };
}

function noneIfCut(cause: unknown): undefined {
  if (!["ECONNRESET", "EPIPE"].includes(String(codeOf(cause)))) throw cause;
}

function etagOf(answer: Answer): string {
  assertAccepted(answer);
  return answer.headers.etag ?? "";
}

/** A whole upload that waits to be completed, with the ETags of its parts. */
async function uploaded(subject: Subject) {
  const upload = await start(subject);
  const last = await upload.store(2, LAST);
  const first = await upload.store(1, FIRST);
  return { ...upload, etags: { 1: first, 2: last } };
}

const bare = (etag: string) => etag.replaceAll('"', "");

const crc32cOf = (bytes: Uint8Array): Checksum => ({
  algorithm: "crc32c",
  value: digest("crc32c", bytes),
});

/** An upload whose file has a checksum, with all its parts in the store. */
async function uploadedWith(subject: Subject, checksum: Checksum) {
  const upload = await start(subject, { checksum });
  const etags: Record<number, string> = {};
  for (const [number, body] of [FIRST, LAST].entries()) {
    const { url, headers } = await upload.sign(number + 1, crc32cOf(body));
    etags[number + 1] = etagOf(await send("PUT", url, { headers, body }));
  }
  return { ...upload, complete: () => upload.complete(etags) };
}

/** What some stores that take parts do, and others do not. */
const someStores: ReadonlyArray<StorePromise> = [
  ...storesWith("file checksums", {
    "a file in parts that has the checksum given at its start is completed": async (subject) => {
      const checksum = crc32cOf(FILE);
      const { complete, sign } = await uploadedWith(subject, checksum);
      await assert.rejects(sign(1), /ChecksumRequired/);
      const md5 = { algorithm: "md5", value: digest("md5", FIRST) } as const;
      await assert.rejects(sign(1, md5), /ChecksumNotSupported/);
      const completed = await complete();
      assertMatches(completed, { _tag: "Done", size: FILE.length, checksum });
      assertMatches(await complete(), { _tag: "Done", checksum });
      if (completed._tag === "Done") assertBytes(await send("GET", completed.get.url), FILE);
    },
    "a file in parts that has another checksum than that given at its start is not stored": async (
      subject,
    ) => {
      const { complete, list, key } = await uploadedWith(subject, crc32cOf(FIRST));
      assertMatches(await complete(), mismatchOf({ property: "checksum" }));
      assert.equal(await list(), "InvalidUpload");
      assertStatus(await send("GET", (await subject.signGet({ key })).url), [404]);
    },
  }),
  ...storesWithout("file checksums", {
    "the checksum of a whole file in parts is refused": async ({ run }) => {
      const upload = fileWith({ checksum: crc32cOf(FILE) });
      const refused = await run((member) => startMultipart({ member, upload }));
      assertMatches(refused, { _tag: "ChecksumNotSupported", supported: [] });
    },
  }),
  ...storesWith("replaced parts", {
    "a part that was replaced is not completed under its old ETag": async (subject) => {
      const { complete, store, etags } = await uploaded(subject);
      const replaced = await store(
        2,
        LAST.map((byte) => byte ^ 1),
      );
      assertMatches(
        await complete(etags),
        mismatchOf({ property: "parts/2/etag", actual: replaced }),
      );
      assertMatches(await complete({ ...etags, 2: replaced }), { _tag: "Done" });
    },
    "a part that was replaced while the upload is completed is not part of the object": async (
      subject,
    ) => {
      const { multipart } = subject.store;
      if (multipart === undefined) throw new Error("the store has no multipart");
      const key = newKey();
      const uploadId = await Effect.runPromise(multipart.create({ key, mediaType: PNG }));
      const part = { ...putRequest(key), uploadId, partNumber: PartNumber.make(1) };
      const signed = subject.presigner.part?.(part) ?? Effect.never;
      const { url, headers } = await Effect.runPromise(signed);
      etagOf(await send("PUT", url, { headers, body: CONTENT }));
      const listed = await Effect.runPromise(multipart.list({ key, uploadId }));
      etagOf(await send("PUT", url, { headers, body: OTHER }));
      const parts = Option.getOrThrow(listed);
      const completing = multipart.complete({ key, uploadId, parts });
      assert.equal(await Effect.runPromise(completing), "changed");
      assert.equal(Option.isNone(await Effect.runPromise(subject.store.head(key))), true);
    },
  }),
  ...storesWithout("replaced parts", {
    "a part that was replaced is completed only where its own ETag is named": async (subject) => {
      const { complete, store, etags } = await uploaded(subject);
      await store(
        2,
        LAST.map((byte) => byte ^ 1),
      );
      const completed = await complete(etags);
      if (completed._tag === "Done") assertBytes(await send("GET", completed.get.url), FILE);
      else assertMatches(completed, mismatchOf({ property: "parts/2/etag" }));
    },
  }),
].map((promise) => ({
  ...promise,
  needs: ["multipart", ...(promise.needs ?? [])] as const,
  isMadeBy: (has: (ability: Ability) => boolean) => has("multipart") && promise.isMadeBy(has),
}));

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
      const completed = await complete({ 2: bare(etags[2]), 1: etags[1] });
      const facts = { _tag: "Done", key, size: FILE.length, mediaType: PNG, final: true };
      assertMatches(completed, facts);
      assertMatches(subject.told, [{ key, organization: "acme", subject: "member" }]);
      if (completed._tag !== "Done") return;
      const read = await send("GET", completed.get.url);
      assertBytes(read, FILE);
      assert.equal(read.headers["content-type"], PNG);
    },
    "a file of one short part is an upload in parts too": async (subject) => {
      const upload = await start(subject, { size: LAST.length });
      const etag = await upload.store(1, LAST);
      assertMatches(await upload.complete({ 1: etag }), { _tag: "Done", final: true });
    },
    "a part one byte longer or shorter than its own length is refused": async (subject) => {
      const { sendPart, expectNone } = await start(subject);
      await expectNone(sendPart(1, FILE.subarray(0, FIRST.length + 1)));
      await expectNone(sendPart(1, FILE.subarray(0, FIRST.length - 1)));
      await expectNone(sendPart(2, Buffer.concat([LAST, LAST.subarray(0, 1)])));
      await expectNone(sendPart(2, LAST.subarray(1)));
      await expectNone(sendPart(2, FIRST));
    },
    "a part that does not say its length is refused": async (subject) => {
      const { sign, expectNone } = await start(subject);
      const { url, headers } = await sign(2);
      await expectNone(send("PUT", url, { headers, body: LAST, chunked: true }));
    },
    "the URL of a part works for no other part, upload or object": async (subject) => {
      const { sign, expectNone, key } = await start(subject);
      const other = await start(subject);
      const { url, headers } = await sign(2);
      const own = new URL(url);
      const uploadId = (await other.sign(2)).url;
      const id = new URL(uploadId).searchParams.get("uploadId") ?? "";
      for (const [name, value] of [
        ["partNumber", "1"],
        ["partNumber", "3"],
        ["uploadId", id],
      ] as const) {
        const changed = new URL(own);
        changed.searchParams.set(name, value);
        await expectNone(send("PUT", changed.href, { headers, body: LAST }));
      }
      const elsewhere = own.href.replace(key, other.key);
      await expectNone(send("PUT", elsewhere, { headers, body: LAST }));
      assert.deepEqual(await other.list(), []);
      const read = await send("GET", own.href);
      assertStatus(read, [405, ...subject.refusals]);
    },
    "a part is verified by each checksum that is offered": async (subject) => {
      const { partChecksums = [] } = subject.presigner;
      assert.notDeepEqual(partChecksums, []);
      for (const algorithm of partChecksums) {
        const { sign, expectNone, list } = await start(subject);
        const put = await sign(2, { algorithm, value: digest(algorithm, LAST) });
        const other = LAST.map((byte) => byte ^ 1);
        await expectNone(send("PUT", put.url, { headers: put.headers, body: other }));
        const { headers } = await sign(2);
        await expectNone(send("PUT", put.url, { headers, body: LAST }));
        etagOf(await send("PUT", put.url, { headers: put.headers, body: LAST }));
        assertMatches(await list(), [{ partNumber: 2 }]);
      }
    },
    "an upload without one of its parts is not completed, and can be continued": async (
      subject,
    ) => {
      const upload = await start(subject);
      const first = await upload.store(1, FIRST);
      const missing = { _tag: "PartsMissing", missing: [2] };
      assertMatches(await upload.complete({ 1: first }), missing);
      assertMatches(await upload.complete({ 1: first, 2: '"0"' }), missing);
      const last = await upload.store(2, LAST);
      assertMatches(await upload.complete({ 1: first }), missing);
      assertMatches(await upload.complete({ 1: first, 2: last }), { _tag: "Done" });
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
        const found = await send("GET", (await subject.signGet({ key })).url);
        if (completed._tag === "Done" || found.ok) assertBytes(found, FILE);
        else assertStatus(found, [404]);
        assert.equal(await list(), "InvalidUpload");
      }
    },
    "an object that is already under the key is not replaced": async (subject) => {
      const { complete, etags, key } = await uploaded(subject);
      await sendWhole(await subject.signPut({ key }));
      assertMatches(
        await complete(etags),
        mismatchOf({ property: "size", expected: FILE.length, actual: CONTENT.length }),
      );
      const { url } = await subject.signGet({ key });
      assertBytes(await send("GET", url), CONTENT);
    },
    "an aborted upload is over, and nothing of it stays": async (subject) => {
      const { abort, complete, list, sendPart, etags, key } = await uploaded(subject);
      assert.deepEqual([await abort(), await abort()], ["Done", "Done"]);
      assert.equal(await list(), "InvalidUpload");
      assert.equal((await complete(etags))._tag, "InvalidUpload");
      assertNotAccepted(await sendPart(2, LAST));
      assertStatus(await send("GET", (await subject.signGet({ key })).url), [404]);
    },
    "a completed upload takes no more parts, and to abort it removes nothing": async (subject) => {
      const { abort, complete, sendPart, etags } = await uploaded(subject);
      const completed = await complete(etags);
      assertNotAccepted(await sendPart(2, LAST));
      assert.equal(await abort(), "Done");
      if (completed._tag !== "Done") throw new Error(`not completed: ${completed._tag}`);
      assertBytes(await send("GET", completed.get.url), FILE);
    },
    "an upload is valid for its person, its organization and its time": async (subject) => {
      const { complete, etags, expiresAt } = await uploaded(subject);
      const stranger = caller("user", "stranger");
      const service = caller("service", "backend");
      const organization = "globex";
      for (const [over, tag] of [
        [{ principal: stranger }, "OrganizationNotFound"],
        [{ organization }, "OrganizationNotFound"],
        [{ organization, principal: service }, "OrganizationNotFound"],
        [{ at: expiresAt.epochMilliseconds }, "InvalidUpload"],
        [{ principal: service }, "Done"],
      ] as const) {
        assert.equal((await complete(etags, over))._tag, tag);
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
      const upload = { fileName: FileName.make("a.png"), mediaType: PNG, size: ByteSize.make(1) };
      const refused = await run((member) => startMultipart({ member, upload }));
      assert.equal(refused._tag, "MultipartNotSupported");
    },
  }),
];
