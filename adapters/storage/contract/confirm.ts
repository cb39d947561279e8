import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import { MediaType } from "../../../domain/media-type.ts";
import { assertBytes, assertMatches } from "./assertions.ts";
import { checksumOf } from "./checksum.ts";
import { upload } from "./put.ts";
import { CONTENT, OTHER, PNG } from "./sample-upload.ts";
import { send } from "./send.ts";
import { everyStore, type StorePromise, storesWith, storesWithout } from "./store-promise.ts";
import type { Subject } from "./subject.ts";
import { caller, useCases } from "./use-cases.ts";

/** An upload that arrived as granted is confirmed, to those who may know of it. */
export const confirm: ReadonlyArray<StorePromise> = [
  ...everyStore({
    "an upload is confirmed once it is there, and not before": async (subject) => {
      const { grant, confirm, told } = subject;
      const { put, receipt, key } = await grant();
      assert.equal((await confirm(receipt))._tag, "UploadIncomplete");
      await upload(put);
      const facts = { _tag: "Confirmed", key, size: CONTENT.length, mediaType: PNG };
      const confirmed = await confirm(receipt);
      assertMatches(confirmed, facts);
      assertMatches(await confirm(receipt), facts);
      const event = { key, organization: "acme", subject: "member" };
      assertMatches(told, [event, event]);
      if (confirmed._tag !== "Confirmed") return;
      assertBytes(await send("GET", confirmed.get.url), CONTENT);
    },
    "uploads that are granted together are stored and confirmed one by one": async (subject) => {
      const { grantAll, confirm } = subject;
      const uploads = await grantAll(3);
      assert.equal(new Set(uploads.map(({ key }) => key)).size, 3);
      for (const [index, { put, receipt, key }] of uploads.entries()) {
        await upload(put);
        assertMatches(await confirm(receipt), { _tag: "Confirmed", key });
        const next = uploads[index + 1];
        if (next !== undefined)
          assert.equal((await confirm(next.receipt))._tag, "UploadIncomplete");
      }
    },
    "confirm stops waiting for a store that does not answer": async (subject) => {
      const { presigner, store } = subject;
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
      assert.deepEqual([first._tag, second._tag], ["Confirmed", "Confirmed"]);
      assert.ok("etag" in first && "etag" in second && first.etag !== second.etag);
    },
    "a receipt is valid for its person, its organization and its time": async (subject) => {
      const { put, receipt } = await subject.grant();
      await upload(put);
      const stranger = caller("user", "stranger");
      const service = caller("service", "backend");
      const organization = "globex";
      const end = DateTime.toEpochMillis(put.expiresAt) + Duration.toMillis("1 day");
      const early = Date.now() - Duration.toMillis("6 minutes");
      for (const [over, answer] of [
        [{ principal: stranger }, "OrganizationNotFound"],
        [{ organization }, "OrganizationNotFound"],
        [{ organization, principal: service }, "OrganizationNotFound"],
        [{ principal: service }, "Confirmed"],
        [{ at: end + 1000 }, "InvalidReceipt"],
        [{ at: early }, "InvalidReceipt"],
      ] as const) {
        assert.equal((await subject.confirm(receipt, over))._tag, answer);
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
      const over = { checksum: checksumOf("md5") };
      assertMatches(await confirmedUpload(subject, over), { final: false });
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
  if (confirmed._tag !== "Confirmed") throw new Error(`not confirmed: ${confirmed._tag}`);
  return { ...confirmed, granted: get };
}

/** The dispositions with which the two signed GETs serve a PDF, a line each. */
async function dispositionsOfPdf(subject: Subject, policy: string): Promise<string> {
  const mediaType = MediaType.make("application/pdf");
  const { get, granted } = await confirmedUpload(subject, { mediaType }, policy);
  const answers = await Promise.all([send("GET", granted.url), send("GET", get.url)]);
  return answers.map(({ headers }) => `${headers["content-disposition"]}\n`).join("");
}
