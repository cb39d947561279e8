import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import assert from "node:assert/strict";
import { requestForm } from "../../../application/request-form.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { FileName } from "../../../domain/file-name.ts";
import {
  assertAccepted,
  assertBytes,
  assertMatches,
  assertNotAccepted,
  assertStatus,
} from "./assertions.ts";
import { CONTENT, LONGER, newKey, OTHER, PNG, putRequest } from "./sample-upload.ts";
import { send } from "./send.ts";
import { type Form, sendForm } from "./send-form.ts";
import { type StorePromise, storesWith, storesWithout } from "./store-promise.ts";
import type { Subject } from "./subject.ts";

const SHORTER = CONTENT.subarray(1);
const UPLOAD = { fileName: FileName.make("é.png"), mediaType: PNG, strict: false };

/** Signs a form for `CONTENT`, and for one byte less too. */
function signForm({ presigner, key }: Subject) {
  const { size: maxSize, mediaType, ...object } = putRequest(key);
  const minSize = ByteSize.make(maxSize - 1);
  const form = presigner.form?.({ ...object, mediaType, minSize, maxSize });
  return Effect.runPromise(form ?? Effect.die("the store signs no forms"));
}

/** Sends a form, and checks that the store refuses it and stores nothing. */
async function assertFormRefused(subject: Subject, form: Form): Promise<void> {
  assertStatus(await sendForm(form), [400, ...subject.refusals]);
  assertStatus(await send("GET", (await subject.signGet()).url), [404]);
}

const without = (fields: Form["fields"], left: string) =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => name !== left));

/** An HTML form stores one file, as it was granted, and whatever else is in it is refused. */
export const form: ReadonlyArray<StorePromise> = [
  ...storesWith("forms", {
    "a form as granted is stored byte for byte, under the granted type": async (subject) => {
      const signed = await signForm(subject);
      assertStatus(await sendForm(signed), [201]);
      await subject.expectContent();
      const head = Option.getOrThrow(await Effect.runPromise(subject.store.head(subject.key)));
      assert.equal(head.mediaType, PNG);
    },
    "a form takes the smallest and the largest size, and not a byte less or more": async (
      subject,
    ) => {
      const signed = await signForm(subject);
      await assertFormRefused(subject, { ...signed, file: CONTENT.subarray(2) });
      await assertFormRefused(subject, { ...signed, file: new Uint8Array() });
      await assertFormRefused(subject, { ...signed, file: LONGER });
      assertAccepted(await sendForm({ ...signed, file: SHORTER }));
      await subject.expectContent(SHORTER);
      assertAccepted(await sendForm(signed));
      await subject.expectContent();
    },
    "a form with any field changed, or without it, is refused": async (subject) => {
      const { url, fields } = await signForm(subject);
      assert.ok(Object.keys(fields).length >= 8);
      for (const [name, value] of Object.entries(fields)) {
        const changed = `${value.startsWith("0") ? "1" : "0"}${value.slice(1)}`;
        await assertFormRefused(subject, { url, fields: { ...fields, [name]: changed } });
        await assertFormRefused(subject, { url, fields: without(fields, name) });
      }
      await assertFormRefused(subject, {
        url,
        fields: { ...fields, key: `${fields["key"]}\${filename}` },
      });
    },
    "a form with a further field is refused": async (subject) => {
      const signed = await signForm(subject);
      const further = [
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
      for (const name of further) {
        await assertFormRefused(subject, { ...signed, before: [[name, "public-read"]] });
      }
    },
    "a form with a field twice is refused": async (subject) => {
      const signed = await signForm(subject);
      for (const [name, value] of Object.entries(signed.fields)) {
        await assertFormRefused(subject, { ...signed, before: [[name, `${value}0`]] });
      }
    },
    "a form without a file, or with its file in another field, is refused": async (subject) => {
      const signed = await signForm(subject);
      await assertFormRefused(subject, { ...signed, part: "upload" });
      await assertFormRefused(subject, { ...signed, part: "x-amz-meta-file" });
    },
    "a field after the file changes nothing": async (subject) => {
      const signed = await signForm(subject);
      const key = newKey();
      await sendForm({ ...signed, file: OTHER.subarray(1), after: [["key", key]] });
      await sendForm({ ...signed, after: [["acl", "public-read"]] });
      const { url } = await subject.signGet({ key: key });
      assertStatus(await send("GET", url), [404]);
      assertAccepted(await sendForm(signed));
      await subject.expectContent();
    },
    "a form past its lifetime is refused": async (subject) => {
      const { presigner, key } = subject;
      const signed = await subject.run(
        () =>
          presigner.form?.({
            ...putRequest(key),
            minSize: ByteSize.make(1),
            maxSize: ByteSize.make(CONTENT.length),
          }) ?? Effect.die("the store signs no forms"),
        { at: Date.now() - 62_000 },
      );
      if (signed._tag !== "Done") throw new Error(`not signed: ${signed._tag}`);
      await assertFormRefused(subject, signed);
    },
    "a form of any size that the policy allows is confirmed with the size that came": async (
      subject,
    ) => {
      const granted = await grant(subject, {});
      assertAccepted(await sendForm(granted.form));
      assertMatches(await subject.confirm(granted.receipt), {
        _tag: "Confirmed",
        size: CONTENT.length,
        final: false,
      });
      const exact = await grant(subject, { size: ByteSize.make(CONTENT.length) });
      assertNotAccepted(await sendForm({ ...exact.form, file: SHORTER }));
      assertMatches(await subject.confirm(exact.receipt), { _tag: "UploadIncomplete" });
      assertAccepted(await sendForm(exact.form));
      assertMatches(await subject.confirm(exact.receipt), { _tag: "Confirmed" });
    },
    "the headers that come with a form change nothing": async (subject) => {
      const { form, receipt, key } = await grant(subject, {});
      const headers = {
        "Cache-Control": "public",
        "Content-Disposition": "inline",
        "x-amz-acl": "public-read",
        "x-amz-copy-source": `/${subject.bucket}/${subject.key}`,
        "x-amz-meta-a": "a",
        "x-amz-tagging": "a=b",
      };
      assertAccepted(await sendForm({ ...form, headers }));
      assertMatches(await subject.confirm(receipt), { _tag: "Confirmed", mediaType: PNG });
      const { url } = await subject.signGet({ key });
      assertBytes(await send("GET", url), CONTENT);
    },
  }),
  ...storesWithout("forms", {
    "a form is refused": async (subject) => {
      assert.equal(subject.presigner.form, undefined);
      const refused = await subject.run((member) => requestForm({ member, upload: UPLOAD }));
      assert.equal(refused._tag, "FormNotSupported");
    },
  }),
];

async function grant(subject: Subject, over: { readonly size?: ByteSize }) {
  const upload = { ...UPLOAD, ...over };
  const granted = await subject.run((member) => requestForm({ member, upload }));
  if (granted._tag !== "Done") throw new Error(`not granted: ${granted._tag}`);
  return granted;
}
