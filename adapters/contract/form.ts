import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import { requestForm } from "../../application/uploads/request-form.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import {
  assertAccepted,
  assertBytes,
  assertMatches,
  assertNotAccepted,
  assertStatus,
} from "./assertions.ts";
import { promises } from "./store-promise.ts";
import type { Subject } from "./subject.ts";
import { type Form, sendForm, withOtherDigit, without } from "./send.ts";
import { CONTENT, LONGER, newKey, OTHER, PNG, putRequest, SHORTER, UPLOAD } from "./uploads.ts";
import { runAt } from "./use-cases.ts";

/** Signs a form for `CONTENT`, and for one byte less too. */
function signForm({ presigner, key }: Subject, at?: number) {
  const { size: maxSize, ...object } = putRequest(key);
  const minSize = ByteSize.make(SHORTER.length);
  const form = presigner.form?.({ ...object, minSize, maxSize });
  return runAt({ at }, form ?? Effect.die("the store signs no forms"));
}

/** Grants a form; its file may be of any size that the policy allows if `size` is undefined. */
const grantForm = ({ granted }: Subject, size?: ByteSize) =>
  granted((member) => requestForm({ member, upload: { ...UPLOAD, size } }));

/** Checks that the store refuses each of several changed forms and stores nothing. */
const refused =
  (changes: (signed: Form) => ReadonlyArray<Partial<Form>>, at?: () => number) =>
  async (subject: Subject) => {
    const signed = await signForm(subject, at?.());
    for (const change of changes(signed)) {
      assertStatus(await sendForm({ ...signed, ...change }), [400, ...subject.refusals]);
      await subject.expectNothing();
    }
  };

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
export const form = [
  ...promises(["forms"], {
    "a form as granted is stored byte for byte, under the granted type": async (subject) => {
      assertStatus(await sendForm(await signForm(subject)), [201]);
      await subject.expectContent();
      assertMatches(await subject.head(), { mediaType: PNG });
    },
    "a form takes the smallest and the largest size, and not a byte less or more": async (
      subject,
    ) => {
      await refused(() =>
        [CONTENT.subarray(2), new Uint8Array(), LONGER].map((file) => ({ file })),
      )(subject);
      const signed = await signForm(subject);
      for (const file of [SHORTER, CONTENT]) {
        assertAccepted(await sendForm({ ...signed, file }));
        await subject.expectContent(file);
      }
    },
    "a form with any field changed, or without it, is refused": refused(({ fields }) => {
      const changed = Object.entries(fields).flatMap(([name, value]) => [
        { ...fields, [name]: withOtherDigit(value) },
        without(fields, name),
      ]);
      assert.ok(changed.length >= 16);
      const named = { ...fields, key: `${fields["key"]}\${filename}` };
      return [...changed, named].map((fields) => ({ fields }));
    }),
    "a form with a further field is refused": refused(() =>
      FURTHER.map((name) => ({ before: [[name, "public-read"]] })),
    ),
    "a form with a field twice is refused": refused(({ fields }) =>
      Object.entries(fields).map(([name, value]) => ({ before: [[name, `${value}0`]] })),
    ),
    "a form without a file, or with its file in another field, is refused": refused(() => [
      { part: "upload" },
      { part: "x-amz-meta-file" },
    ]),
    "a field after the file changes nothing": async (subject) => {
      const signed = await signForm(subject);
      const key = newKey();
      await sendForm({ ...signed, file: OTHER.subarray(1), after: [["key", key]] });
      await sendForm({ ...signed, after: [["acl", "public-read"]] });
      await subject.expectNothing(key);
      assertAccepted(await sendForm(signed));
      await subject.expectContent();
    },
    "a form past its lifetime is refused": refused(
      () => [{}],
      () => Date.now() - 62_000,
    ),
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
  ...promises(["without forms"], {
    "a form is refused": async ({ presigner, run }) => {
      assert.equal(presigner.form, undefined);
      const refused = await run((member) => requestForm({ member, upload: UPLOAD }));
      assertMatches(refused, { _tag: "FormNotSupported" });
    },
  }),
];
