import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { SignedPut } from "../../../application/ports/presigner.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { PENDING_TAG } from "../signing/binding.ts";
import { CONTENT, PNG } from "./sample-upload.ts";
import { send } from "./send.ts";
import type { StorePromise } from "./store-promise.ts";
import type { Subject } from "./subject.ts";
import { useCases } from "./use-cases.ts";

const SHA256 = {
  algorithm: "sha256",
  value: createHash("sha256").update(CONTENT).digest("base64"),
} as const;
const EXTRA_HEADERS = [
  ["Content-Encoding", "gzip"],
  ["Cache-Control", "public, max-age=31536000"],
  ["Content-Disposition", "inline; filename=evil.html"],
] as const;

/** The headers by which stores let others read an object. */
const OPENING_HEADERS = [
  ["x-amz-acl", "public-read"],
  ["x-amz-grant-read", 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'],
] as const;
const MARK = `${PENDING_TAG.key}=${PENDING_TAG.value}`;

/** An upload that differs from its grant is found by what the store reports of it. */
export const mismatch: ReadonlyArray<StorePromise> = [
  {
    title: "an upload with unsigned extra headers is not confirmed",
    needs: "extra headers",
    check: async (subject) => {
      for (const [name, value] of EXTRA_HEADERS) {
        expect(await confirmWith(subject, { [name]: value })).toMatchObject({
          _tag: "UploadMismatch",
          differences: [{ property: name.toLowerCase(), actual: value }],
        });
      }
    },
  },
  {
    title: "unsigned extra headers are not stored, and the upload is confirmed",
    without: "extra headers",
    check: async (subject) => {
      for (const [name, value] of EXTRA_HEADERS) {
        expect((await confirmWith(subject, { [name]: value }))._tag).toBe("Confirmed");
      }
    },
  },
  {
    title:
      "nobody reads a confirmed object without a signature, whatever unsigned headers came with it",
    check: async (subject) => {
      for (const [name, value] of OPENING_HEADERS) {
        const { grant, confirm } = useCases(subject);
        const { put, get, receipt } = await grant();
        await upload({ ...put, headers: { ...put.headers, [name]: value } });
        if ((await confirm(receipt))._tag !== "Confirmed") continue;
        const bare = get.url.slice(0, get.url.indexOf("?"));
        expect((await send("GET", bare)).status, name).not.toBe(200);
      }
    },
  },
  {
    title: "a confirmed object bears no mark, whatever unsigned headers came with it",
    needs: "marks",
    check: async (subject) => {
      for (const tag of [MARK, `a=b&${MARK}`]) {
        const { grant, confirm } = useCases(subject);
        const { put, receipt, key } = await grant();
        await upload({ ...put, headers: { ...put.headers, "x-amz-tagging": tag } });
        if ((await confirm(receipt))._tag !== "Confirmed") continue;
        expect(await subject.isMarked?.(key)).toBe(false);
      }
    },
  },
  {
    title: "a size that was not bound is compared on confirm",
    without: "exact size by default",
    check: async (subject) => {
      const { grant, confirm } = useCases(subject);
      const { put, receipt } = await grant();
      await upload(put, Buffer.concat([CONTENT, new Uint8Array(1)]));
      expect(await confirm(receipt)).toMatchObject({
        _tag: "UploadMismatch",
        differences: [{ property: "size", expected: CONTENT.length, actual: CONTENT.length + 1 }],
      });
    },
  },
  {
    title: "an object that another key of the store replaced is not confirmed",
    check: async (subject) => {
      const { grant, confirm } = useCases(subject);
      const { receipt, key } = await grant();
      const longer = Buffer.concat([CONTENT, new Uint8Array(1)]);
      const mediaType = MediaType.make("text/plain");
      const put = await subject.signPut({ key, mediaType, size: ByteSize.make(longer.length) });
      await upload(put, longer);
      expect(await confirm(receipt)).toMatchObject({
        _tag: "UploadMismatch",
        differences: [
          { property: "size", expected: CONTENT.length, actual: longer.length },
          { property: "mediaType", expected: PNG, actual: mediaType },
        ],
      });
    },
  },
  {
    title: "a checksum is compared with the SHA-256 that the store reports",
    needs: "sha256",
    check: async (subject) => {
      const { grant, confirm } = useCases(subject);
      const { put, receipt, key } = await grant({ checksum: SHA256 });
      await upload(put);
      const facts = Option.getOrThrow(await Effect.runPromise(subject.store.head(key)));
      expect(facts).toMatchObject({ checksums: { sha256: SHA256.value } });
      expect(await confirm(receipt)).toMatchObject({
        _tag: "Confirmed",
        checksum: SHA256,
        final: facts.isReplayable !== true,
      });
    },
  },
  {
    title: "an object that came without the checksum it was granted with is not confirmed",
    needs: "sha256",
    check: async (subject) => {
      const { grant, confirm } = useCases(subject);
      const { receipt, key } = await grant({ checksum: SHA256 });
      // The same bytes, by another PUT of ours that binds no checksum.
      const other = await subject.signPut({ key });
      await upload(other);
      expect(await confirm(receipt)).toMatchObject({
        _tag: "UploadMismatch",
        differences: [{ property: "checksum", expected: SHA256.value, actual: "none" }],
      });
    },
  },
];

const upload = ({ url, headers }: Pick<SignedPut, "url" | "headers">, body = CONTENT) =>
  send("PUT", url, { headers, body });

/** The answer to an upload that came with this header. */
async function confirmWith(subject: Subject, extra: Readonly<Record<string, string>>) {
  const { grant, confirm } = useCases(subject);
  const { put, receipt } = await grant();
  const { ok } = await upload({ ...put, headers: { ...put.headers, ...extra } });
  expect(ok).toBe(true);
  return confirm(receipt);
}
