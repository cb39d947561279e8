import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { createHash } from "node:crypto";
import { expect } from "vitest";
import { ByteSize } from "../../domain/byte-size.ts";
import { MediaType } from "../../domain/media-type.ts";
import { send } from "../support/send.ts";
import { CONTENT, PNG, promise } from "./promise.ts";
import { caller, useCases } from "./use-cases.ts";

const other = CONTENT.map((byte) => byte ^ 1);
const SHA256 = {
  algorithm: "sha256",
  value: createHash("sha256").update(CONTENT).digest("base64"),
} as const;
const MD5 = {
  algorithm: "md5",
  value: createHash("md5").update(CONTENT).digest("base64"),
} as const;

const upload = (
  { url, headers }: { readonly url: string; readonly headers: Readonly<Record<string, string>> },
  body = CONTENT,
) => send("PUT", url, { headers, body });

promise("an upload is confirmed once it is there, and not before", async (subject) => {
  const { grant, confirm, told } = useCases(subject);
  const { put, receipt, key } = await grant();
  expect((await confirm(receipt))._tag).toBe("UploadIncomplete");
  await upload(put);
  const confirmed = await confirm(receipt);
  expect(confirmed).toMatchObject({ _tag: "Confirmed", key, size: CONTENT.length, mediaType: PNG });
  expect(await confirm(receipt)).toMatchObject({ _tag: "Confirmed", key });
  expect(told).toMatchObject([
    { key, organization: "acme", subject: "member" },
    { key, organization: "acme", subject: "member" },
  ]);
  if (confirmed._tag !== "Confirmed") return;
  expect((await send("GET", confirmed.get.url)).body.equals(CONTENT)).toBe(true);
});

promise(
  "a PDF is shown in place where the policy says so, and else saved",
  async (subject) => {
    const { grant, confirm } = useCases(subject);
    const mediaType = MediaType.make("application/pdf");
    for (const [policy, kind] of [
      ["shown", "inline"],
      ["files", "attachment"],
    ] as const) {
      const { put, get, receipt } = await grant({ mediaType }, policy);
      await upload(put);
      const confirmed = await confirm(receipt);
      const url = confirmed._tag === "Confirmed" ? confirmed.get.url : confirmed._tag;
      for (const address of [get.url, url]) {
        const { headers } = await send("GET", address);
        expect(headers["content-disposition"]).toMatch(new RegExp(`^${kind};`));
      }
    }
  },
  // It shares its origin with the service, and saves whatever a browser may run.
  ({ name }) => name !== "local",
);

promise("a store that says nothing is waited for a while", async ({ presigner, store }) => {
  const silent = { ...store, head: () => Effect.never };
  const { grant, confirm } = useCases({ presigner, store: silent });
  const { receipt } = await grant();
  expect((await confirm(receipt, { waiting: "5 seconds" }))._tag).toBe("StoreUnavailable");
});

promise("what can still change is said to, and is final when it cannot", async (subject) => {
  const { grant, confirm } = useCases(subject);
  const plain = await grant();
  await upload(plain.put);
  expect(await confirm(plain.receipt)).toMatchObject({ final: false });
  const once = await grant({ strict: true });
  await upload(once.put);
  expect(await confirm(once.receipt)).toMatchObject({ final: true });
  // Other bytes with the same MD5 can be made.
  const bound = await grant({ checksum: MD5 });
  await upload(bound.put);
  expect(await confirm(bound.receipt)).toMatchObject({ final: false });
});

promise("an overwrite through the living PUT is seen by the next confirm", async (subject) => {
  const { grant, confirm } = useCases(subject);
  const { put, receipt } = await grant();
  await upload(put);
  const first = await confirm(receipt);
  await upload(put, other);
  const second = await confirm(receipt);
  expect(first._tag === "Confirmed" && second._tag === "Confirmed").toBe(true);
  expect("etag" in first && "etag" in second && first.etag !== second.etag).toBe(true);
});

promise("a receipt is good for its person, its organization and its time", async (subject) => {
  const { grant, confirm } = useCases(subject);
  const { put, receipt } = await grant();
  await upload(put);
  const stranger = caller("user", "stranger");
  const service = caller("service", "backend");
  expect((await confirm(receipt, { principal: stranger }))._tag).toBe("OrganizationNotFound");
  expect((await confirm(receipt, { organization: "globex" }))._tag).toBe("OrganizationNotFound");
  expect((await confirm(receipt, { organization: "globex", principal: service }))._tag).toBe(
    "OrganizationNotFound",
  );
  expect((await confirm(receipt, { principal: service }))._tag).toBe("Confirmed");
  const end = DateTime.toEpochMillis(put.expiresAt) + Duration.toMillis(Duration.days(1));
  expect((await confirm(receipt, { at: end + 1000 }))._tag).toBe("InvalidReceipt");
  const early = Date.now() - Duration.toMillis(Duration.minutes(6));
  expect((await confirm(receipt, { at: early }))._tag).toBe("InvalidReceipt");
});

promise("headers that rode along unsigned are not confirmed", async (subject) => {
  const { grant, confirm } = useCases(subject);
  for (const [name, value] of [
    ["Content-Encoding", "gzip"],
    ["Cache-Control", "public, max-age=31536000"],
    ["Content-Disposition", "inline; filename=evil.html"],
  ] as const) {
    const { put, receipt } = await grant();
    const headers = { ...put.headers, [name]: value };
    await send("PUT", put.url, { headers, body: CONTENT });
    const outcome = await confirm(receipt);
    // A store that keeps no such header has nothing to serve either.
    if (subject.keepsExtraHeaders) {
      expect(outcome).toMatchObject({
        _tag: "UploadMismatch",
        differences: [{ property: name.toLowerCase(), actual: value }],
      });
    } else {
      expect(outcome._tag).toBe("Confirmed");
    }
  }
});

promise(
  "a size that was not bound is found out",
  async (subject) => {
    const { grant, confirm } = useCases(subject);
    const { put, receipt } = await grant();
    await upload(put, Buffer.concat([CONTENT, new Uint8Array(1)]));
    expect(await confirm(receipt)).toMatchObject({
      _tag: "UploadMismatch",
      differences: [{ property: "size", expected: CONTENT.length, actual: CONTENT.length + 1 }],
    });
  },
  (store) => !store.bindsSizeAlways,
);

promise("what another key of the store's put in its place is not confirmed", async (subject) => {
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
});

promise(
  "the store's own SHA-256 is what a checksum is held against",
  async (subject) => {
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
  ({ checksums }) => checksums.includes("sha256"),
);

promise(
  "an object that came without the checksum it was granted with is not confirmed",
  async (subject) => {
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
  ({ checksums }) => checksums.includes("sha256"),
);
