import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import assert from "node:assert/strict";
import { abortMultipart } from "../../../application/parts/abort-multipart.ts";
import { completeMultipart } from "../../../application/parts/complete-multipart.ts";
import { listParts } from "../../../application/parts/list-parts.ts";
import { signParts } from "../../../application/parts/sign-parts.ts";
import { startMultipart } from "../../../application/parts/start-multipart.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import type { Checksum } from "../../../domain/checksum.ts";
import { PartNumber } from "../../../domain/multipart.ts";
import type { StorageKey } from "../../../domain/storage-key.ts";
import type { UploadRequest } from "../../../domain/upload-policy.ts";
import { errorCode } from "../../values/thrown.ts";
import {
  assertBytes,
  assertMatches,
  assertNotAccepted,
  assertStatus,
} from "../sending/assertions.ts";
import { checksumFor } from "../sending/digest.ts";
import { type Put, send, sendPut, upload } from "../sending/send.ts";
import {
  CONTENT,
  newKey,
  ORGANIZATION,
  OTHER,
  PNG,
  putRequest,
  UPLOAD,
} from "../sending/uploads.ts";
import { completing, expectOnly, inRounds } from "../subject/races.ts";
import { promises } from "./store-promise.ts";
import type { Subject } from "../subject/subject.ts";
import {
  type Call,
  DONE,
  done,
  FOREIGN_CALLS,
  mismatch,
  SERVICE,
  UNKNOWN,
} from "../subject/use-cases.ts";

/** The smallest part that is not the last one. */
const PART = 5 * 2 ** 20;

const FILE = Uint8Array.from(
  { length: PART + CONTENT.length },
  (_, i) => (i * 31 + (i >> 13)) & 0xff,
);
const FIRST = FILE.subarray(0, PART);
const LAST = FILE.subarray(PART);
const OTHER_LAST = LAST.map((byte) => byte ^ 1);

const tryToStart = (
  subject: Subject,
  over: Partial<UploadRequest> = {},
  policy = subject.policy,
) => {
  const upload = { ...UPLOAD, size: ByteSize.make(FILE.length), policy, ...over };
  return subject.run((member) => startMultipart({ member, upload }));
};

/** An upload in parts, with the use cases that continue it. */
export async function start(subject: Subject, over?: Partial<UploadRequest>, policy?: string) {
  const { run, refusals } = subject;
  const started = done(await tryToStart(subject, over, policy));
  const token = { upload: started.upload };
  const trySign = (number: number, checksum?: Checksum, call?: Call) => {
    const parts = [{ partNumber: PartNumber.make(number), checksum }];
    return run((member) => signParts({ member, ...token, parts }), call);
  };
  const sign = async (number: number, checksum?: Checksum) => {
    const { parts } = done(await trySign(number, checksum));
    return parts[0]?.put ?? assert.fail("it is not signed");
  };
  const list = () => run((member) => listParts({ member, ...token }));
  return {
    ...started,
    trySign,
    sign,
    /** Sends a part that has to be accepted, and returns its ETag, which a list may tell alone. */
    store: async (number: number, body: Uint8Array, checksum?: Checksum) => {
      const etag = await upload({ ...(await sign(number, checksum)), body });
      if (etag !== "") return etag;
      const { parts } = done(await list());
      return parts.find(({ partNumber }) => partNumber === number)?.etag ?? etag;
    },
    /** Names the parts in descending order, since no order is asked for. */
    complete: (etags: Readonly<Record<number, string>>, call?: Call) => {
      const named = Object.entries(etags).map(([number, etag]) => ({
        partNumber: PartNumber.make(Number(number)),
        etag,
      }));
      const parts = Effect.succeed(named.toReversed());
      return run((member) => completeMultipart({ member, ...token, parts }), call);
    },
    list,
    abort: () => run((member) => Effect.as(abortMultipart({ member, ...token }), {})),
    /** Checks that a part is refused; a store may cut the connection of a body that it refuses. */
    expectRefused: async (put: Put) => {
      const answer = await sendPut(put).catch(noneIfCut);
      if (answer !== undefined) assertStatus(answer, [400, 411, ...refusals]);
      assertMatches(await list(), { parts: [] });
    },
  };
}

function noneIfCut(cause: unknown): undefined {
  if (!["ECONNRESET", "EPIPE"].includes(String(errorCode(cause)))) throw cause;
}

/** An upload that waits to be completed, with the ETags of its parts. */
async function uploaded(subject: Subject, over?: Partial<UploadRequest>) {
  const started = await start(subject, over);
  const checksum = (body: Uint8Array) => over?.checksum && checksumFor("crc32c", body);
  const last = await started.store(2, LAST, checksum(LAST));
  const first = await started.store(1, FIRST, checksum(FIRST));
  return { ...started, etags: { 1: first, 2: last } };
}

type Completed = Awaited<ReturnType<Awaited<ReturnType<typeof start>>["complete"]>>;

/** Checks that an upload is completed and its file stored, byte for byte. */
const expectFile = (subject: Subject, completed: Completed) =>
  subject.expectFile(done(completed), FILE);

/** Checks that completing has given the same answer twice. */
function assertSame(answer: unknown, completed: Completed) {
  const { _tag, key, etag, size } = done(completed);
  assertMatches(answer, { _tag, key, etag, size });
}

/** An upload of one part by the ports alone. */
export async function onePart({ presigner, store }: Subject, key: StorageKey) {
  const calls = store.parts;
  if (calls === undefined) throw new Error("the store has no multipart");
  const uploadId = await Effect.runPromise(calls.create({ key, contentType: PNG }));
  const part = { ...putRequest(key), uploadId, partNumber: PartNumber.make(1) };
  const put = await Effect.runPromise(presigner.part?.(part) ?? Effect.never);
  return {
    put,
    /** Sends its part, and returns what completes the upload of this part. */
    store: async (body = CONTENT) => {
      await upload({ ...put, body });
      const parts = Option.getOrThrow(await Effect.runPromise(calls.list({ key, uploadId })));
      return calls.complete({ key, uploadId, parts });
    },
  };
}

const INVALID = { _tag: "InvalidUpload" };

/** Files that are uploaded in parts. */
export const multipart = [
  ...promises(["multipart"], {
    "a file in parts is stored byte for byte, and confirmed as it is completed": async (
      subject,
    ) => {
      const { key, partSize, partCount, list, complete, etags } = await uploaded(subject);
      assert.deepEqual([partSize, partCount], [FIRST.length, 2]);
      const parts = [
        { partNumber: 1, size: FIRST.length },
        { partNumber: 2, size: LAST.length },
      ];
      assertMatches(await list(), { parts });
      const completed = await complete({ 2: etags[2].replaceAll('"', ""), 1: etags[1] });
      const facts = { ...DONE, key, size: FILE.length, contentType: PNG };
      assertMatches(completed, { ...facts, final: subject.has("completes once") });
      assertMatches(subject.reported, [{ key, organization: ORGANIZATION, subject: "member" }]);
      const { headers } = await expectFile(subject, completed);
      assert.equal(headers["content-type"], PNG);
    },
    "a file of one short part is an upload in parts too": async (subject) => {
      const { store, complete } = await start(subject, { size: ByteSize.make(LAST.length) });
      assertMatches(await complete({ 1: await store(1, LAST) }), DONE);
    },
  }),
  ...promises(["multipart", "bound parts"], {
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
      assertMatches(await other.list(), { parts: [] });
      assertStatus(await send("GET", put.url), [405, ...subject.refusals]);
    },
  }),
  ...promises(["multipart"], {
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
      assertMatches(await complete({ 1: first, 2: last }), DONE);
    },
    "completing and aborting at once leaves the whole file or nothing, and no parts": async (
      subject,
    ) =>
      inRounds(4, async () => {
        const { abort, complete, list, etags, key } = await uploaded(subject);
        const [completed] = await Promise.all([complete(etags), abort()]);
        const stored = await subject.read({ key });
        if (completed._tag === "Done" || stored.ok) assertBytes(stored, FILE);
        else assertStatus(stored, [404]);
        assertMatches(await list(), INVALID);
      }),
    "an aborted upload is over, and nothing of it stays": async (subject) => {
      const { abort, complete, list, sign, etags, key } = await uploaded(subject);
      assertMatches([await abort(), await abort()], [DONE, DONE]);
      assertMatches(await list(), INVALID);
      assertMatches(await complete(etags), INVALID);
      const late = await sendPut({ ...(await sign(2)), body: LAST });
      if (subject.has("bound parts")) assertNotAccepted(late);
      assertMatches(await list(), INVALID);
      await subject.expectNothing(key);
    },
    "to abort a completed upload removes nothing": async (subject) => {
      const { abort, complete, etags } = await uploaded(subject);
      const completed = await complete(etags);
      assertMatches(await abort(), DONE);
      await expectFile(subject, completed);
    },
    "completing again gives the same answer": async (subject) => {
      const { complete, etags } = await uploaded(subject);
      const completed = await complete(etags);
      assertSame(await complete(etags), completed);
      await expectFile(subject, completed);
    },
    "an upload is valid for its person, its organization and its time": async (subject) => {
      const { complete, etags, expiresAt } = await uploaded(subject);
      for (const call of FOREIGN_CALLS) assertMatches(await complete(etags, call), UNKNOWN);
      const late = { at: expiresAt.epochMilliseconds };
      assertMatches(await complete(etags, late), INVALID);
      assertMatches(await complete(etags, { principal: SERVICE }), DONE);
    },
    "the URL of a part ends no later than its upload": async (subject) => {
      const { trySign, expiresAt } = await start(subject);
      const at = expiresAt.epochMilliseconds - Duration.toMillis("30 seconds");
      const signed = await trySign(1, undefined, { at });
      // Credentials for a remote signature may have a clock of their own.
      assert.ok(signed._tag === "Done" || subject.presigner.isRemote, signed._tag);
      const parts = signed._tag === "Done" ? signed.parts : [];
      const ends = parts.map(({ put }) => put.expiresAt.epochMilliseconds);
      assert.ok(Math.max(...ends) <= expiresAt.epochMilliseconds);
    },
    "a part that the file does not have is neither signed nor completed": async (subject) => {
      const { trySign, complete, etags } = await uploaded(subject);
      const refused = { _tag: "PartOutOfRange", partNumber: 3, partCount: 2 };
      assertMatches(await trySign(3), refused);
      assertMatches(await complete({ ...etags, 3: etags[2] }), refused);
    },
  }),
  ...(["sha256", "crc32c", "md5"] as const).flatMap((algorithm) =>
    promises(["multipart", `part ${algorithm}`], {
      [`${algorithm}: a part of other bytes is refused, and the right one stored`]: async (
        subject,
      ) => {
        assert.ok(subject.store.abilities.has(`part ${algorithm}`), "it is not offered");
        const { sign, expectRefused, list } = await start(subject);
        const put = { ...(await sign(2, checksumFor(algorithm, LAST))), body: LAST };
        await expectRefused({ ...put, body: OTHER_LAST });
        await expectRefused({ ...put, headers: (await sign(2)).headers });
        await upload(put);
        assertMatches(await list(), { parts: [{ partNumber: 2 }] });
      },
    }),
  ),
  ...promises(["multipart", "completes once"], {
    "of several completions at once, each that succeeds gives the same answer": async (subject) => {
      const { complete, etags } = await uploaded(subject);
      const answers = await Promise.all(Array.from({ length: 8 }, () => complete(etags)));
      const again = await complete(etags);
      assertMatches(again, { ...DONE, final: true });
      for (const answer of answers) if (answer._tag === "Done") assertSame(answer, again);
      await expectFile(subject, again);
    },
    "a completed upload takes no more parts, and is not completed again": async (subject) => {
      const { complete, sign, etags } = await uploaded(subject);
      const completed = await complete(etags);
      assertNotAccepted(await sendPut({ ...(await sign(2)), body: OTHER_LAST }));
      await expectFile(subject, completed);
      assertSame(await complete(etags), completed);
      await expectFile(subject, completed);
    },
    "of 16 completions of an upload at once, one object stays": async (subject) =>
      inRounds(5, async () => {
        const key = newKey();
        const complete = await (await onePart(subject, key)).store();
        const completions = Array.from({ length: 16 }, () => complete);
        // A store may give each the answer to the first.
        const reads = await completing(completions, () => subject.read({ key }));
        assert.notEqual(reads.length, 0, "none is completed");
        await expectOnly(subject, key, CONTENT);
      }),
    "of 16 completions of an upload whose part is replaced at once, one object stays": async (
      subject,
    ) =>
      inRounds(30, async () => {
        const key = newKey();
        const { store, put } = await onePart(subject, key);
        const other = await store(OTHER);
        const own = await store(CONTENT);
        const completions = Array.from({ length: 16 }, (_, at) => (at % 2 === 0 ? own : other));
        const read = () => subject.read({ key });
        const [reads] = await Promise.all([
          completing(completions, read),
          sendPut({ ...put, body: OTHER }).catch(noneIfCut),
        ]);
        // All may have named a part that was not there yet, or not any more.
        if (reads.length === 0) await completing([own, other], read);
        const { body } = await read();
        for (const earlier of reads) assertBytes(earlier, body);
        await completing([own, other], read);
        await expectOnly(subject, key, body);
      }),
  }),
  ...promises(["multipart", "without bound parts"], {
    "a part of another length than its own is not completed": async (subject) => {
      const { store, complete, list } = await start(subject);
      const etags = { 1: await store(1, FIRST), 2: await store(2, LAST.subarray(1)) };
      const difference = { property: "parts/2/size", expected: LAST.length };
      assertMatches(await complete(etags), mismatch(difference));
      assertMatches(await list(), INVALID);
    },
    "a part that comes later changes nothing of a completed file": async (subject) => {
      const { complete, sign, etags } = await uploaded(subject);
      const completed = await complete(etags);
      await upload({ ...(await sign(2)), body: OTHER_LAST });
      await expectFile(subject, completed);
    },
  }),
  ...promises(["multipart", "file checksums"], {
    "a file in parts that has the checksum given at its start is completed": async (subject) => {
      const checksum = checksumFor("crc32c", FILE);
      const { complete, sign, etags } = await uploaded(subject, { checksum });
      await assert.rejects(sign(1), /ChecksumRequired/);
      await assert.rejects(sign(1, checksumFor("md5", FIRST)), /ChecksumNotSupported/);
      const completed = await complete(etags);
      assertMatches(completed, { ...DONE, size: FILE.length, checksum });
      assertMatches(await complete(etags), { ...DONE, checksum });
      await expectFile(subject, completed);
    },
    "a file in parts that has another checksum than that given at its start is not stored": async (
      subject,
    ) => {
      const checksum = checksumFor("crc32c", FIRST);
      const { complete, list, key, etags } = await uploaded(subject, { checksum });
      assertMatches(await complete(etags), mismatch({ property: "checksum" }));
      assertMatches(await list(), INVALID);
      await subject.expectNothing(key);
    },
  }),
  ...promises(["multipart", "without file checksums"], {
    "the checksum of a whole file in parts is refused": async (subject) => {
      const refused = await tryToStart(subject, { checksum: checksumFor("crc32c", FILE) });
      assertMatches(refused, { _tag: "ChecksumNotSupported", supported: [] });
    },
  }),
  ...promises(["multipart", "bound parts", "replaced parts"], {
    "a part that was replaced is not completed under its old ETag": async (subject) => {
      const { complete, store, etags } = await uploaded(subject);
      const replaced = await store(2, OTHER_LAST);
      const difference = { property: "parts/2/etag", actual: replaced };
      assertMatches(await complete(etags), mismatch(difference));
      assertMatches(await complete({ ...etags, 2: replaced }), DONE);
    },
    "a part that was replaced while the upload is completed is not part of the object": async (
      subject,
    ) => {
      const key = newKey();
      const { store } = await onePart(subject, key);
      const complete = await store();
      await store(OTHER);
      assert.equal(await Effect.runPromise(complete), "changed");
      assert.equal(await subject.find(key), undefined);
    },
  }),
  ...promises(["multipart", "bound parts", "without replaced parts"], {
    "a part that was replaced is completed only where its own ETag is named": async (subject) => {
      const { complete, store, etags } = await uploaded(subject);
      await store(2, OTHER_LAST);
      const completed = await complete(etags);
      if (completed._tag === "Done") await expectFile(subject, completed);
      else assertMatches(completed, mismatch({ property: "parts/2/etag" }));
    },
  }),
  ...promises(["without multipart"], {
    "an upload in parts is refused": async (subject) =>
      assertMatches(await tryToStart(subject), { _tag: "MultipartNotSupported" }),
  }),
];
