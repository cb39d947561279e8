import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import assert from "node:assert/strict";
import { ByteSize } from "../../../domain/byte-size.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { assertBytes, assertMatches, assertStatus } from "./assertions.ts";
import { checksumFor } from "./digest.ts";
import { send } from "./send.ts";
import { everyStore, type StorePromise, storesWith, storesWithout } from "./store-promise.ts";
import type { Subject } from "./subject.ts";
import { CONTENT, LONGER, OTHER, PNG, sendPut, upload } from "./uploads.ts";
import { FOREIGN_CALLS, mismatch, SERVICE, useCases } from "./use-cases.ts";

const SHA256 = checksumFor("sha256", CONTENT);

/** An upload that arrived as granted is confirmed, to those who may know of it. */
const confirmed: ReadonlyArray<StorePromise> = [
  ...everyStore({
    "an upload is confirmed once it is there, and not before": async (subject) => {
      const { put, receipt, key } = await subject.grant();
      assert.equal((await subject.confirm(receipt))._tag, "UploadIncomplete");
      await upload(put);
      const facts = { _tag: "Done", key, size: CONTENT.length, mediaType: PNG };
      const confirmed = await subject.confirm(receipt);
      assertMatches(confirmed, facts);
      assertMatches(await subject.confirm(receipt), facts);
      const event = { key, organization: "acme", subject: "member" };
      assertMatches(subject.reported, [event, event]);
      if (confirmed._tag !== "Done") return;
      assertBytes(await send("GET", confirmed.get.url), CONTENT);
    },
    "uploads that are granted together are stored and confirmed one by one": async (subject) => {
      const uploads = await subject.grantAll(3);
      assert.equal(new Set(uploads.map(({ key }) => key)).size, 3);
      for (const [index, { put, receipt, key }] of uploads.entries()) {
        await upload(put);
        assertMatches(await subject.confirm(receipt), { _tag: "Done", key });
        const next = uploads[index + 1];
        if (next === undefined) continue;
        assert.equal((await subject.confirm(next.receipt))._tag, "UploadIncomplete");
      }
    },
    "confirm stops waiting for a store that does not answer": async ({ presigner, store }) => {
      const silent = { ...store, head: () => Effect.never };
      const { grant, confirm } = useCases({ presigner, store: silent });
      const { receipt } = await grant();
      assert.equal((await confirm(receipt, { waiting: "5 seconds" }))._tag, "StoreUnavailable");
    },
    "an object that can still change is not final": async (subject) => {
      assertMatches(await confirmedUpload(subject), { final: false });
    },
    "the next confirm sees an overwrite by a PUT that has not expired": async (subject) => {
      const { put, receipt } = await subject.grant();
      await upload(put);
      const first = await subject.confirm(receipt);
      await upload({ ...put, body: OTHER });
      const second = await subject.confirm(receipt);
      assert.deepEqual([first._tag, second._tag], ["Done", "Done"]);
      assert.ok("etag" in first && "etag" in second && first.etag !== second.etag);
    },
    "a receipt is valid for its person, its organization and its time": async (subject) => {
      const { put, receipt } = await subject.grant();
      await upload(put);
      const end = DateTime.toEpochMillis(put.expiresAt) + Duration.toMillis("1 day");
      const early = Date.now() - Duration.toMillis("6 minutes");
      for (const [call, answer] of [
        ...FOREIGN_CALLS,
        [{ principal: SERVICE }, "Done"],
        [{ at: end + 1000 }, "InvalidReceipt"],
        [{ at: early }, "InvalidReceipt"],
      ] as const) {
        assert.equal((await subject.confirm(receipt, call))._tag, answer);
      }
    },
  }),
  ...storesWith("write-once", {
    "an object that can no longer change is final": async (subject) => {
      assertMatches(await confirmedUpload(subject, { strict: true }), { final: true });
    },
  }),
  ...storesWithout("write-once", {
    "a strict upload is not final while its URL works": async (subject) => {
      assertMatches(await confirmedUpload(subject, { strict: true }), { final: false });
    },
  }),
  ...storesWith("md5", {
    // Other bytes can have the same MD5.
    "an object that is bound by its MD5 alone is not final": async (subject) => {
      const checksum = checksumFor("md5", CONTENT);
      assertMatches(await confirmedUpload(subject, { checksum }), { final: false });
    },
  }),
  ...storesWith("inline PDF", {
    "a PDF is shown in place if the policy says so, and otherwise saved": async (subject) => {
      assert.match(await dispositionsOfPdf(subject, "shown"), /^(inline;.*\n){2}$/);
      assert.match(await dispositionsOfPdf(subject, "files"), /^(attachment;.*\n){2}$/);
    },
  }),
  ...storesWithout("inline PDF", {
    "a PDF is saved, whatever the policy says": async (subject) => {
      assert.match(await dispositionsOfPdf(subject, "shown"), /^(attachment.*\n){2}$/);
    },
  }),
];

/** An upload that was granted, stored and confirmed, with the URL of the GET that was granted. */
async function confirmedUpload(
  { grant, confirm }: Subject,
  ...granting: Parameters<Subject["grant"]>
) {
  const { put, get, receipt } = await grant(...granting);
  await upload(put);
  const confirmed = await confirm(receipt);
  if (confirmed._tag !== "Done") throw new Error(`not confirmed: ${confirmed._tag}`);
  return { ...confirmed, granted: get };
}

/** The dispositions with which the two signed GETs serve a PDF, a line each. */
async function dispositionsOfPdf(subject: Subject, policy: string): Promise<string> {
  const mediaType = MediaType.make("application/pdf");
  const { get, granted } = await confirmedUpload(subject, { mediaType }, policy);
  const answers = await Promise.all([send("GET", granted.url), send("GET", get.url)]);
  return answers.map(({ headers }) => `${headers["content-disposition"]}\n`).join("");
}

/** An upload that differs from its grant is not confirmed. */
const different: ReadonlyArray<StorePromise> = [
  ...everyStore({
    "an object that another key of the store replaced is not confirmed": async (subject) => {
      const { key, receipt } = await subject.grant();
      const mediaType = MediaType.make("text/plain");
      const size = ByteSize.make(LONGER.length);
      await upload({ ...(await subject.signPut({ key, mediaType, size })), body: LONGER });
      assertMatches(
        await subject.confirm(receipt),
        mismatch(
          { property: "size", expected: CONTENT.length, actual: LONGER.length },
          { property: "mediaType", expected: PNG, actual: mediaType },
        ),
      );
    },
  }),
  ...storesWith("sha256", {
    "a checksum is compared with the SHA-256 that the store reports": async (subject) => {
      const { put, receipt, key } = await subject.grant({ checksum: SHA256 });
      await upload(put);
      const facts = Option.getOrThrow(await Effect.runPromise(subject.store.head(key)));
      assertMatches(facts, { checksums: { sha256: SHA256.value } });
      const final = facts.isReplayable !== true;
      assertMatches(await subject.confirm(receipt), { _tag: "Done", checksum: SHA256, final });
    },
    "an object that came without its granted checksum is not confirmed": async (subject) => {
      const { receipt, key } = await subject.grant({ checksum: SHA256 });
      // The same bytes, by another PUT of ours that binds no checksum.
      await upload(await subject.signPut({ key }));
      const difference = { property: "checksum", expected: SHA256.value, actual: "none" };
      assertMatches(await subject.confirm(receipt), mismatch(difference));
    },
  }),
];

/** The store itself can tell an unconfirmed upload from a confirmed one. */
const marked = storesWith("marks", {
  "the mark of an unconfirmed upload is bound, and removed on confirm": async (subject) => {
    const { isMarked, refusals, grant, confirm } = subject;
    const { put, key, receipt } = await grant({}, "kept");
    const plain = await subject.signPut({ writeOnce: true });
    const headers = Object.fromEntries(
      Object.entries(put.headers).filter(([name]) => Object.hasOwn(plain.headers, name)),
    );
    assert.notDeepEqual(headers, put.headers, "no header marks the upload");
    assertStatus(await sendPut({ ...put, headers }), [400, ...refusals]);
    assert.equal((await confirm(receipt))._tag, "UploadIncomplete");
    await upload(put);
    assert.equal(await isMarked?.(key), true);
    assert.equal((await confirm(receipt))._tag, "Done");
    assert.equal(await isMarked?.(key), false);
    assert.equal((await confirm(receipt))._tag, "Done");
  },
});

/** An upload is confirmed if it is as it was granted. */
export const confirm = [confirmed, different, marked].flat();
