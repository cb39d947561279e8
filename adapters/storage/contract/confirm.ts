import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { SignedPut } from "../../../application/ports/presigner.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { CONTENT, PNG } from "./sample-upload.ts";
import { send } from "./send.ts";
import type { StorePromise } from "./store-promise.ts";
import type { Subject } from "./subject.ts";
import { caller, useCases } from "./use-cases.ts";

const other = CONTENT.map((byte) => byte ^ 1);
const MD5 = {
  algorithm: "md5",
  value: createHash("md5").update(CONTENT).digest("base64"),
} as const;

/** An upload that arrived as it was granted is confirmed, to those who may know of it. */
export const confirm: ReadonlyArray<StorePromise> = [
  {
    title: "an upload is confirmed once it is there, and not before",
    check: async (subject) => {
      const { grant, confirm, told } = useCases(subject);
      const { put, receipt, key } = await grant();
      expect((await confirm(receipt))._tag).toBe("UploadIncomplete");
      await upload(put);
      const confirmed = await confirm(receipt);
      expect(confirmed).toMatchObject({
        _tag: "Confirmed",
        key,
        size: CONTENT.length,
        mediaType: PNG,
      });
      expect(await confirm(receipt)).toMatchObject({ _tag: "Confirmed", key });
      expect(told).toMatchObject([
        { key, organization: "acme", subject: "member" },
        { key, organization: "acme", subject: "member" },
      ]);
      if (confirmed._tag !== "Confirmed") return;
      expect((await send("GET", confirmed.get.url)).body.equals(CONTENT)).toBe(true);
    },
  },
  {
    title: "a PDF is shown in place if the policy says so, and otherwise saved",
    needs: "inline PDF",
    check: async (subject) => {
      expect(await dispositionsOfPdf(subject, "shown")).toMatch(/^(inline;.*\n){2}$/);
      expect(await dispositionsOfPdf(subject, "files")).toMatch(/^(attachment;.*\n){2}$/);
    },
  },
  {
    title: "a PDF is saved, whatever the policy says",
    without: "inline PDF",
    check: async (subject) => {
      expect(await dispositionsOfPdf(subject, "shown")).toMatch(/^(attachment.*\n){2}$/);
    },
  },
  {
    title: "a store that does not answer is waited for, but not for ever",
    check: async ({ presigner, store }) => {
      const silent = { ...store, head: () => Effect.never };
      const { grant, confirm } = useCases({ presigner, store: silent });
      const { receipt } = await grant();
      expect((await confirm(receipt, { waiting: "5 seconds" }))._tag).toBe("StoreUnavailable");
    },
  },
  {
    title: "an object that can still change is reported so",
    check: async (subject) => {
      const { grant, confirm } = useCases(subject);
      const { put, receipt } = await grant();
      await upload(put);
      expect(await confirm(receipt)).toMatchObject({ final: false });
    },
  },
  {
    title: "an object that can no longer change is final",
    needs: "write-once",
    check: async (subject) => {
      const { grant, confirm } = useCases(subject);
      const { put, receipt } = await grant({ strict: true });
      await upload(put);
      expect(await confirm(receipt)).toMatchObject({ final: true });
    },
  },
  {
    title: "an object bound by its MD5 only is not final, since other bytes can have the same MD5",
    needs: "md5",
    check: async (subject) => {
      const { grant, confirm } = useCases(subject);
      const { put, receipt } = await grant({ checksum: MD5 });
      await upload(put);
      expect(await confirm(receipt)).toMatchObject({ _tag: "Confirmed", final: false });
    },
  },
  {
    title: "an overwrite by a PUT that has not expired is seen by the next confirm",
    check: async (subject) => {
      const { grant, confirm } = useCases(subject);
      const { put, receipt } = await grant();
      await upload(put);
      const first = await confirm(receipt);
      await upload(put, other);
      const second = await confirm(receipt);
      expect(first._tag === "Confirmed" && second._tag === "Confirmed").toBe(true);
      expect("etag" in first && "etag" in second && first.etag !== second.etag).toBe(true);
    },
  },
  {
    title: "a receipt is valid for its person, its organization and its time",
    check: async (subject) => {
      const { grant, confirm } = useCases(subject);
      const { put, receipt } = await grant();
      await upload(put);
      const stranger = caller("user", "stranger");
      const service = caller("service", "backend");
      expect((await confirm(receipt, { principal: stranger }))._tag).toBe("OrganizationNotFound");
      expect((await confirm(receipt, { organization: "globex" }))._tag).toBe(
        "OrganizationNotFound",
      );
      expect((await confirm(receipt, { organization: "globex", principal: service }))._tag).toBe(
        "OrganizationNotFound",
      );
      expect((await confirm(receipt, { principal: service }))._tag).toBe("Confirmed");
      const end = DateTime.toEpochMillis(put.expiresAt) + Duration.toMillis(Duration.days(1));
      expect((await confirm(receipt, { at: end + 1000 }))._tag).toBe("InvalidReceipt");
      const early = Date.now() - Duration.toMillis(Duration.minutes(6));
      expect((await confirm(receipt, { at: early }))._tag).toBe("InvalidReceipt");
    },
  },
];

const upload = ({ url, headers }: Pick<SignedPut, "url" | "headers">, body = CONTENT) =>
  send("PUT", url, { headers, body });

/** The dispositions with which the two signed GETs serve a PDF, a line each. */
async function dispositionsOfPdf(subject: Subject, policy: string): Promise<string> {
  const { grant, confirm } = useCases(subject);
  const { put, get, receipt } = await grant(
    { mediaType: MediaType.make("application/pdf") },
    policy,
  );
  await upload(put);
  const confirmed = await confirm(receipt);
  if (confirmed._tag !== "Confirmed") return confirmed._tag;
  const answers = await Promise.all([send("GET", get.url), send("GET", confirmed.get.url)]);
  return answers.map(({ headers }) => `${headers["content-disposition"]}\n`).join("");
}
