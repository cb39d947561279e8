import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import { requestUploads } from "../../../application/uploads/request-upload.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { MediaType } from "../../../domain/media-type.ts";
import type { UploadRequest } from "../../../domain/upload-policy.ts";
import { assertMatches } from "../sending/assertions.ts";
import { checksumFor } from "../sending/digest.ts";
import { type Put, send, upload } from "../sending/send.ts";
import { CONTENT, LONGER, ORGANIZATION, OTHER, PNG, UPLOAD } from "../sending/uploads.ts";
import { promises } from "./store-promise.ts";
import type { Subject } from "../subject/subject.ts";
import {
  DONE,
  done,
  FOREIGN_CALLS,
  INCOMPLETE,
  mismatch,
  SERVICE,
  UNKNOWN,
  useCases,
} from "../subject/use-cases.ts";

const SHA256 = checksumFor("sha256", CONTENT);
/** Checks the answer to a confirm of an upload that is sent as granted, but for a change. */
export const confirms =
  (expected: object, over: Partial<UploadRequest> = {}, change = (put: Put) => put) =>
  async ({ grant, confirm }: Subject) => {
    const { put, receipt } = await grant(over);
    await upload(change(put));
    assertMatches(await confirm(receipt), expected);
  };

/** The dispositions with which the two signed GETs serve a PDF, a line each. */
async function pdfDispositions(subject: Subject, policy: string): Promise<string> {
  const contentType = MediaType.make("application/pdf");
  const { get, receipt } = await subject.stored({ contentType }, policy);
  const confirmed = done(await subject.confirm(receipt));
  const answers = await Promise.all([send("GET", get.url), send("GET", confirmed.get.url)]);
  return answers.map(({ headers }) => `${headers["content-disposition"]}\n`).join("");
}

/** An upload is confirmed if it is as it was granted, to those who may know of it. */
export const confirm = [
  ...promises([], {
    "an upload is confirmed once it is there, and not before": async (subject) => {
      const { put, receipt, key } = await subject.grant();
      assertMatches(await subject.confirm(receipt), INCOMPLETE);
      await upload(put);
      const facts = { _tag: "Done", key, size: CONTENT.length, contentType: PNG };
      const confirmed = done(await subject.confirm(receipt));
      assertMatches(confirmed, facts);
      assertMatches(await subject.confirm(receipt), facts);
      const event = { key, organization: ORGANIZATION, subject: "member" };
      assertMatches(subject.reported, [event, event]);
      await subject.expectFile(confirmed);
    },
    "uploads that are granted together are stored and confirmed one by one": async (subject) => {
      const requests = Array.from({ length: 3 }, () => UPLOAD);
      const uploads = await subject.granted((member) =>
        requestUploads({ member, uploads: requests }),
      );
      assert.equal(new Set(uploads.map(({ key }) => key)).size, 3);
      for (const [index, { put, receipt, key }] of uploads.entries()) {
        await upload(put);
        assertMatches(await subject.confirm(receipt), { _tag: "Done", key });
        const next = uploads[index + 1];
        if (next) assertMatches(await subject.confirm(next.receipt), INCOMPLETE);
      }
    },
    "confirm stops waiting for a store that does not answer": async ({ presigner, store }) => {
      const silent = { ...store, head: () => Effect.never };
      const { grant, confirm } = useCases({ presigner, store: silent });
      const { receipt } = await grant();
      const answer = await confirm(receipt, { waiting: "5 seconds" });
      assertMatches(answer, { _tag: "StoreUnavailable" });
    },
    "a receipt is valid for its person, its organization and its time": async (subject) => {
      const { put, receipt } = await subject.stored();
      const end = DateTime.toEpochMillis(put.expiresAt) + Duration.toMillis("1 day");
      const early = Date.now() - Duration.toMillis("6 minutes");
      for (const call of FOREIGN_CALLS) {
        assertMatches(await subject.confirm(receipt, call), UNKNOWN);
      }
      assertMatches(await subject.confirm(receipt, { principal: SERVICE }), DONE);
      for (const at of [end + 1000, early]) {
        assertMatches(await subject.confirm(receipt, { at }), { _tag: "InvalidReceipt" });
      }
    },
  }),
  ...promises(["repeated PUT"], {
    "an object that can still change is not final": confirms({ final: false }),
    "the next confirm sees an overwrite by a PUT that has not expired": async (subject) => {
      const { put, receipt } = await subject.stored();
      const first = await subject.confirm(receipt);
      await upload({ ...put, body: OTHER });
      const second = await subject.confirm(receipt);
      assert.notEqual(done(first).etag, done(second).etag);
    },
  }),
  ...promises(["write-once"], {
    "an object that can no longer change is final": confirms({ final: true }, { strict: true }),
  }),
  ...promises(["without write-once"], {
    "a strict upload is not final while its URL works": confirms(
      { final: false },
      { strict: true },
    ),
  }),
  ...promises(["md5", "repeated PUT"], {
    // Other bytes can have the same MD5.
    "an object that is bound by its MD5 alone is not final": confirms(
      { final: false },
      { checksum: checksumFor("md5", CONTENT) },
    ),
  }),
  ...promises(["inline PDF"], {
    "a PDF is shown in place if the policy says so, and otherwise saved": async (subject) => {
      assert.match(await pdfDispositions(subject, "shown"), /^(inline;.*\n){2}$/);
      assert.match(await pdfDispositions(subject, "files"), /^(attachment;.*\n){2}$/);
    },
  }),
  ...promises(["without inline PDF"], {
    "a PDF is saved, whatever the policy says": async (subject) =>
      assert.match(await pdfDispositions(subject, "shown"), /^(attachment.*\n){2}$/),
  }),
  ...promises([], {
    "an object that another key of the store replaced is not confirmed": async (subject) => {
      const { key, receipt } = await subject.grant();
      const contentType = MediaType.make("text/plain");
      const size = ByteSize.make(LONGER.length);
      await upload({ ...(await subject.signPut({ key, contentType, size })), body: LONGER });
      assertMatches(
        await subject.confirm(receipt),
        mismatch(
          { property: "size", expected: CONTENT.length, actual: LONGER.length },
          { property: "contentType", expected: PNG, actual: contentType },
        ),
      );
    },
  }),
  ...promises(["sha256"], {
    "a checksum is compared with the SHA-256 that the store reports": async (subject) => {
      const { receipt, key } = await subject.stored({ checksum: SHA256 });
      const facts = await subject.head(key);
      assertMatches(facts, { checksums: { sha256: SHA256.value } });
      const final = facts.isReplayable !== true;
      assertMatches(await subject.confirm(receipt), { _tag: "Done", checksum: SHA256, final });
    },
    "an object that came without its granted checksum is not confirmed": async (subject) => {
      const { receipt, key } = await subject.grant({ checksum: SHA256 });
      // The same bytes, by another PUT of ours that binds no checksum.
      await subject.put({ key });
      const difference = { property: "checksum", expected: SHA256.value, actual: "none" };
      assertMatches(await subject.confirm(receipt), mismatch(difference));
    },
  }),
];
