import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { beforeAll, describe, expect, it } from "vitest";
import { send, sendPut, withHeaders } from "../../adapters/contract/sending/send.ts";
import { type BuiltStore, newSubject, openStore } from "../../adapters/contract/subject/subject.ts";
import { CONTENT, ORGANIZATION, UPLOAD } from "../../adapters/contract/sending/uploads.ts";
import { layer } from "../../adapters/storage/azure/layer.ts";
import {
  forgetOrganization,
  type RemovalResult,
} from "../../application/files/forget-organization.ts";
import { abortMultipart } from "../../application/parts/abort-multipart.ts";
import { completeMultipart } from "../../application/parts/complete-multipart.ts";
import { signParts } from "../../application/parts/sign-parts.ts";
import { startMultipart } from "../../application/parts/start-multipart.ts";
import { PartNumber } from "../../domain/multipart.ts";
import { uploadKey } from "../../domain/storage-key.ts";
import { need } from "../support/need.ts";

// What the holder of a URL can do to an upload, and what the service then says and still can do.

const azurite = await need("azurite");
const POLICIES = ["files", "incoming"] as const;

const BLOB = { "x-ms-blob-type": "BlockBlob", "x-ms-blob-content-type": "image/png" };
const LEASE = { "x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1" };

/** Each with the calls by the URL of a part, its own query replaced. */
const SPOILED = {
  "a lease of its blocks": [["comp=lease", LEASE, ""]],
  "a leased blob in their place": [
    ["", BLOB, CONTENT],
    ["comp=lease", LEASE, ""],
  ],
  "an archived one": [
    ["", BLOB, CONTENT],
    ["comp=tier", { "x-ms-access-tier": "Archive" }, ""],
  ],
  "an append blob": [["", { "x-ms-blob-type": "AppendBlob" }, ""]],
  "a page blob": [["", { "x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": "512" }, ""]],
  "a snapshot": [
    ["", { ...BLOB, "x-ms-meta-a": "b" }, CONTENT],
    ["comp=snapshot", {}, ""],
  ],
} as const;

async function spoil(url: string, calls: (typeof SPOILED)[keyof typeof SPOILED]) {
  for (const [query, headers, body] of calls) {
    const other = url.replace(/comp=block&blockid=[^&]+/, query);
    expect((await send("PUT", other, { headers, body })).ok).toBe(true);
  }
}

describe.skipIf(azurite === undefined)("an upload that its client has spoiled", () => {
  let built: BuiltStore;
  beforeAll(async () => {
    const { endpoint = "", account = "", key = "" } = azurite ?? {};
    const bucket = `spoiled-${crypto.randomUUID()}`;
    const signedBy = { account, secret: Buffer.from(key, "base64") };
    const settings = { bucket, createBucket: true, account, endpoint: new URL(endpoint) };
    const { close, ...store } = await openStore(
      { name: "azure", without: ["two endpoints"] },
      async () => ({ bucket, layer: layer({ ...settings, key: signedBy }) }),
    );
    built = store;
    return close;
  });

  const start = async (policy: string) => {
    const { run, ...subject } = newSubject(built);
    const started = await run((member) =>
      startMultipart({ member, upload: { ...UPLOAD, policy } }),
    );
    if (started._tag !== "Done") return expect.unreachable(started._tag);
    const { upload, key } = started;
    const one = { partNumber: PartNumber.make(1) };
    const signed = await run((member) => signParts({ member, upload, parts: [one] }));
    const put = signed._tag === "Done" ? signed.parts[0]?.put : undefined;
    const at = uploadKey({ key, incoming: policy === "incoming" });
    return {
      ...subject,
      key,
      at,
      put: put ?? expect.unreachable(),
      complete: () =>
        run((member) =>
          completeMultipart({
            member,
            upload,
            parts: Effect.succeed([
              { ...one, etag: new URL(put?.url ?? "").searchParams.get("blockid") ?? "" },
            ]),
          }),
        ),
      abort: () => run((member) => Effect.as(abortMultipart({ member, upload }), {})),
    };
  };
  const isGone = async (key: Parameters<typeof built.store.head>[0]) =>
    Option.isNone(await Effect.runPromise(built.store.head(key)));

  it.each(
    POLICIES.flatMap((policy) =>
      Object.entries(SPOILED).map(([what, calls]) => [policy, what, calls] as const),
    ),
  )("of the policy %s with %s is no fault of the store", async (policy, _, calls) => {
    const { put, at, key, complete, abort, remove } = await start(policy);
    expect((await sendPut(put)).ok).toBe(true);
    await spoil(put.url, calls);
    const { _tag } = await complete();
    // Below incoming/ the bytes alone count, wherever they are.
    expect(policy === "incoming" ? ["Done", "UploadMismatch"] : ["UploadMismatch"]).toContain(_tag);
    expect(await abort()).toEqual({ _tag: "Done" });
    expect(await remove(key)).toEqual({ _tag: "Done" });
    expect(await isGone(at)).toBe(true);
  });

  it.each(POLICIES)("is forgotten with its organization: %s", async (policy) => {
    const spoiled = await Promise.all(
      Object.values(SPOILED).map(async (calls) => {
        const { put, at } = await start(policy);
        await sendPut(put);
        await spoil(put.url, calls);
        return at;
      }),
    );
    const told: Array<RemovalResult> = [];
    const report = (each: RemovalResult) => void told.push(each);
    await newSubject(built).granted(() =>
      forgetOrganization({ organization: ORGANIZATION, apply: true, keepsMarks: false, report }),
    );
    expect(told.filter(({ kept }) => kept !== undefined)).toEqual([]);
    for (const key of spoiled) expect(await isGone(key)).toBe(true);
  });

  it.each(["incoming", "incoming-verified"])(
    "by the tier of an archive is a mismatch, as nobody reads it: %s",
    async (policy) => {
      const { grant, confirm } = newSubject(built);
      const { put, receipt } = await grant({}, policy);
      await sendPut(withHeaders(put, { "x-ms-access-tier": "Archive" }));
      const differences = [{ property: "x-ms-access-tier", expected: "", actual: "Archive" }];
      expect(await confirm(receipt)).toMatchObject({ _tag: "UploadMismatch", differences });
    },
  );
});
