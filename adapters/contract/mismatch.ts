import * as Effect from "effect/Effect";
import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { SignedPut } from "../../application/ports/presigner.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { MediaType } from "../../domain/media-type.ts";
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

/** What arrived otherwise than it was granted is found out, by what the store says of it. */
export const mismatch: ReadonlyArray<StorePromise> = [
  {
    title: "headers that rode along unsigned are not confirmed",
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
    title: "headers that rode along unsigned are forgotten, and so no obstacle",
    without: "extra headers",
    check: async (subject) => {
      for (const [name, value] of EXTRA_HEADERS) {
        expect((await confirmWith(subject, { [name]: value }))._tag).toBe("Confirmed");
      }
    },
  },
  {
    title: "a size that was not bound is found out",
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
    title: "what another key of the store's put in its place is not confirmed",
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
          { property: "content_type", expected: PNG, actual: mediaType },
        ],
      });
    },
  },
  {
    title: "the store's own SHA-256 is what a checksum is held against",
    needs: "sha256",
    check: async (subject) => {
      const { grant, confirm } = useCases(subject);
      const { put, receipt, key } = await grant({ checksum: SHA256 });
      await upload(put);
      expect(await confirm(receipt)).toMatchObject({
        _tag: "Confirmed",
        checksum: SHA256,
        final: true,
      });
      const facts = await Effect.runPromise(subject.store.head(key));
      expect(facts).toMatchObject({ value: { checksums: { sha256: SHA256.value } } });
    },
  },
  {
    title: "an object that came without the checksum it was granted with is not confirmed",
    needs: "sha256",
    check: async (subject) => {
      const { grant, confirm } = useCases(subject);
      const { receipt, key } = await grant({ checksum: SHA256 });
      // The same bytes, by another PUT of ours that binds none.
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

/** What is said of an upload that a header rides along with. */
async function confirmWith(subject: Subject, extra: Readonly<Record<string, string>>) {
  const { grant, confirm } = useCases(subject);
  const { put, receipt } = await grant();
  const { status } = await upload({ ...put, headers: { ...put.headers, ...extra } });
  expect(status).toBe(200);
  return confirm(receipt);
}
