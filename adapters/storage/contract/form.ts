import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import assert from "node:assert/strict";
import { requestForm } from "../../../application/request-form.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { assertAccepted, assertBytes, assertMatches } from "./assertions.ts";
import { assertNotAccepted, assertStatus } from "./assertions.ts";
import { type StorePromise, storesWith, storesWithout } from "./store-promise.ts";
import type { Subject } from "./subject.ts";
import {
  CONTENT,
  type Form,
  LONGER,
  newKey,
  OTHER,
  PNG,
  putRequest,
  sendForm,
  UPLOAD,
  without,
} from "./uploads.ts";
import { runAt } from "./use-cases.ts";

const SHORTER = CONTENT.subarray(1);

/** Signs a form for `CONTENT`, and for one byte less too. */
function signForm({ presigner, key }: Subject, at?: number) {
  const { size: maxSize, ...object } = putRequest(key);
  const minSize = ByteSize.make(maxSize - 1);
  const form = presigner.form?.({ ...object, minSize, maxSize });
  return runAt({ at }, form ?? Effect.die("the store signs no forms"));
}

/** Grants a form; its file may be of any size that the policy allows if `size` is undefined. */
const grantForm = ({ granted }: Subject, size?: ByteSize) =>
  granted((member) => requestForm({ member, upload: { ...UPLOAD, size } }));

/** Checks that the store refuses each of several forms and stores nothing. */
async function assertRefused(subject: Subject, ...forms: ReadonlyArray<Form>): Promise<void> {
  for (const form of forms) {
    assertStatus(await sendForm(form), [400, ...subject.refusals]);
    await subject.expectNothing();
  }
}

/** Fields by which servers do more than store a file. */
const FURTHER = [
  "acl",
  "cache-control",
  "content-disposition",
  "content-encoding",
  "expires",
  "file-name",
  "redirect",
  "success_action_redirect",
  "tagging",
  "x-amz-checksum-algorithm",
  "x-amz-copy-source",
  "x-amz-ignore-key",
  "x-amz-meta-a",
  "x-amz-object-lock-mode",
  "x-amz-server-side-encryption",
  "x-amz-storage-class",
  "x-amz-tagging",
  "x-amz-website-redirect-location",
  "x-goog-meta-a",
];

/** An HTML form stores one file, as it was granted, and whatever else is in it is refused. */
export const form: ReadonlyArray<StorePromise> = [
  ...storesWith("forms", {
    "a form as granted is stored byte for byte, under the granted type": async (subject) => {
      assertStatus(await sendForm(await signForm(subject)), [201]);
      await subject.expectContent();
      const head = Option.getOrThrow(await Effect.runPromise(subject.store.head(subject.key)));
      assert.equal(head.mediaType, PNG);
    },
    "a form takes the smallest and the largest size, and not a byte less or more": async (
      subject,
    ) => {
      const signed = await signForm(subject);
      for (const file of [CONTENT.subarray(2), new Uint8Array(), LONGER]) {
        await assertRefused(subject, { ...signed, file });
      }
      for (const file of [SHORTER, CONTENT]) {
        assertAccepted(await sendForm({ ...signed, file }));
        await subject.expectContent(file);
      }
    },
    "a form with any field changed, or without it, is refused": async (subject) => {
      const { url, fields } = await signForm(subject);
      assert.ok(Object.keys(fields).length >= 8);
      for (const [name, value] of Object.entries(fields)) {
        const changed = `${value.startsWith("0") ? "1" : "0"}${value.slice(1)}`;
        await assertRefused(
          subject,
          { url, fields: { ...fields, [name]: changed } },
          { url, fields: without(fields, name) },
        );
      }
      const key = `${fields["key"]}\${filename}`;
      await assertRefused(subject, { url, fields: { ...fields, key } });
    },
    "a form with a further field is refused": async (subject) => {
      const signed = await signForm(subject);
      for (const name of FURTHER) {
        await assertRefused(subject, { ...signed, before: [[name, "public-read"]] });
      }
    },
    "a form with a field twice is refused": async (subject) => {
      const signed = await signForm(subject);
      for (const [name, value] of Object.entries(signed.fields)) {
        await assertRefused(subject, { ...signed, before: [[name, `${value}0`]] });
      }
    },
    "a form without a file, or with its file in another field, is refused": async (subject) => {
      const signed = await signForm(subject);
      for (const part of ["upload", "x-amz-meta-file"]) {
        await assertRefused(subject, { ...signed, part });
      }
    },
    "a field after the file changes nothing": async (subject) => {
      const signed = await signForm(subject);
      const key = newKey();
      await sendForm({ ...signed, file: OTHER.subarray(1), after: [["key", key]] });
      await sendForm({ ...signed, after: [["acl", "public-read"]] });
      await subject.expectNothing(key);
      assertAccepted(await sendForm(signed));
      await subject.expectContent();
    },
    "a form past its lifetime is refused": async (subject) => {
      await assertRefused(subject, await signForm(subject, Date.now() - 62_000));
    },
    "a form of any size that the policy allows is confirmed with the size that came": async (
      subject,
    ) => {
      const any = await grantForm(subject);
      assertAccepted(await sendForm(any.form));
      const facts = { _tag: "Done", size: CONTENT.length, final: false };
      assertMatches(await subject.confirm(any.receipt), facts);
      const exact = await grantForm(subject, UPLOAD.size);
      assertNotAccepted(await sendForm({ ...exact.form, file: SHORTER }));
      assertMatches(await subject.confirm(exact.receipt), { _tag: "UploadIncomplete" });
      assertAccepted(await sendForm(exact.form));
      assertMatches(await subject.confirm(exact.receipt), { _tag: "Done" });
    },
    "the headers that come with a form change nothing": async (subject) => {
      const { form, receipt, key } = await grantForm(subject);
      const headers = {
        "Cache-Control": "public",
        "Content-Disposition": "inline",
        "x-amz-acl": "public-read",
        "x-amz-copy-source": `/${subject.bucket}/${subject.key}`,
        "x-amz-meta-a": "a",
        "x-amz-tagging": "a=b",
      };
      assertAccepted(await sendForm({ ...form, headers }));
      assertMatches(await subject.confirm(receipt), { _tag: "Done", mediaType: PNG });
      assertBytes(await subject.read({ key }), CONTENT);
    },
  }),
  ...storesWithout("forms", {
    "a form is refused": async ({ presigner, run }) => {
      assert.equal(presigner.form, undefined);
      const refused = await run((member) => requestForm({ member, upload: UPLOAD }));
      assert.equal(refused._tag, "FormNotSupported");
    },
  }),
];
