import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import assert from "node:assert/strict";
import { ByteSize } from "../../../domain/byte-size.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { PENDING_TAG } from "../signing/binding.ts";
import { assertMatches, assertStatus } from "./assertions.ts";
import { checksumOf } from "./checksum.ts";
import { sendPut, upload, withHeaders } from "./put.ts";
import { CONTENT, EXTRA_HEADERS, LONGER, PNG } from "./sample-upload.ts";
import { send } from "./send.ts";
import { everyStore, type StorePromise, storesWith, storesWithout } from "./store-promise.ts";
import type { Subject } from "./subject.ts";
import { mismatchOf } from "./use-cases.ts";

const SHA256 = checksumOf("sha256");

/** In milliseconds. */
const HOUR = 3_600_000;

/** The headers by which stores let others read an object. */
const OPENING_HEADERS = [
  { "x-amz-acl": "public-read" },
  { "x-amz-grant-read": 'uri="http://acs.amazonaws.com/groups/global/AllUsers"' },
];
const MARK = `${PENDING_TAG.key}=${PENDING_TAG.value}`;

/** An upload that differs from its grant is not confirmed. */
export const mismatch: ReadonlyArray<StorePromise> = [
  ...storesWith("extra headers", {
    "an upload with unsigned extra headers is not confirmed": async (subject) => {
      for (const [name, actual] of Object.entries(EXTRA_HEADERS)) {
        const difference = { property: name.toLowerCase(), actual };
        assertMatches(await confirmWith(subject, { [name]: actual }), mismatchOf(difference));
      }
    },
  }),
  ...storesWithout("extra headers", {
    "unsigned extra headers are not stored, and the upload is confirmed": async (subject) => {
      for (const [name, value] of Object.entries(EXTRA_HEADERS)) {
        assert.equal((await confirmWith(subject, { [name]: value }))._tag, "Confirmed");
      }
    },
  }),
  ...everyStore({
    "no unsigned header makes a confirmed object readable without a signature": async ({
      grant,
      confirm,
    }) => {
      for (const header of OPENING_HEADERS) {
        const { put, get, receipt } = await grant();
        await sendPut(withHeaders(put, header));
        if ((await confirm(receipt))._tag !== "Confirmed") continue;
        const bare = get.url.slice(0, get.url.indexOf("?"));
        const { status } = await send("GET", bare);
        assert.notEqual(status, 200, `${Object.keys(header).join()} made the object public`);
      }
    },
    "no unsigned header sets the time of a confirmed object": async ({ grant, confirm }) => {
      for (const time of ["2001-01-01T00:00:00Z", "2099-01-01T00:00:00Z"]) {
        const { put, get, receipt } = await grant();
        await sendPut(withHeaders(put, { "x-minio-source-mtime": time }));
        if ((await confirm(receipt))._tag !== "Confirmed") continue;
        const answer = await send("GET", get.url);
        assertStatus(answer, [200]);
        const { headers } = answer;
        const age = Date.parse(headers["date"] ?? "") - Date.parse(headers["last-modified"] ?? "");
        assert.ok(!(Math.abs(age) > HOUR), `the object says that it is of ${time}`);
      }
    },
    "an object that another key of the store replaced is not confirmed": async (subject) => {
      const { key, receipt } = await subject.grant();
      const mediaType = MediaType.make("text/plain");
      const size = ByteSize.make(LONGER.length);
      await upload({ ...(await subject.signPut({ key, mediaType, size })), body: LONGER });
      assertMatches(
        await subject.confirm(receipt),
        mismatchOf(
          { property: "size", expected: CONTENT.length, actual: LONGER.length },
          { property: "mediaType", expected: PNG, actual: mediaType },
        ),
      );
    },
  }),
  ...storesWith("marks", {
    "no unsigned header puts a mark on a confirmed object": async (subject) => {
      for (const tag of [MARK, `a=b&${MARK}`]) {
        const { put, receipt, key } = await subject.grant();
        await sendPut(withHeaders(put, { "x-amz-tagging": tag }));
        if ((await subject.confirm(receipt))._tag !== "Confirmed") continue;
        assert.equal(await subject.isMarked?.(key), false);
      }
    },
  }),
  ...storesWith("sha256", {
    "a checksum is compared with the SHA-256 that the store reports": async (subject) => {
      const { put, receipt, key } = await subject.grant({ checksum: SHA256 });
      await upload(put);
      const facts = Option.getOrThrow(await Effect.runPromise(subject.store.head(key)));
      assertMatches(facts, { checksums: { sha256: SHA256.value } });
      assertMatches(await subject.confirm(receipt), {
        _tag: "Confirmed",
        checksum: SHA256,
        final: facts.isReplayable !== true,
      });
    },
    "an object that came without its granted checksum is not confirmed": async (subject) => {
      const { receipt, key } = await subject.grant({ checksum: SHA256 });
      // The same bytes, by another PUT of ours that binds no checksum.
      await upload(await subject.signPut({ key }));
      assertMatches(
        await subject.confirm(receipt),
        mismatchOf({ property: "checksum", expected: SHA256.value, actual: "none" }),
      );
    },
  }),
];

/** The answer to an upload that came with these headers. */
async function confirmWith({ grant, confirm }: Subject, extra: Readonly<Record<string, string>>) {
  const { put, receipt } = await grant();
  await upload(withHeaders(put, extra));
  return confirm(receipt);
}
