import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import { expect, it } from "vitest";
import { assertStatus } from "../../adapters/contract/sending/assertions.ts";
import { register } from "../../adapters/contract/running/register.ts";
import { send, upload, withoutQuery } from "../../adapters/contract/sending/send.ts";
import { type Checks, promises } from "../../adapters/contract/promises/store-promise.ts";
import type { Subject } from "../../adapters/contract/subject/subject.ts";
import {
  CONTENT,
  OTHER,
  PNG,
  putRequest,
  UPLOAD,
} from "../../adapters/contract/sending/uploads.ts";
import { completeMultipart } from "../../application/parts/complete-multipart.ts";
import { listParts } from "../../application/parts/list-parts.ts";
import { signParts } from "../../application/parts/sign-parts.ts";
import { startMultipart } from "../../application/parts/start-multipart.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { PartNumber } from "../../domain/multipart.ts";
import { ownServer } from "./own-server.ts";
import { stores } from "./stores.ts";

/** A parameter that makes another call of a PUT, with the headers and the body that this call needs. */
interface Call {
  readonly query: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const BLOCK = btoa("000001");
const WHEN = new Date(Date.now() + 3_600_000).toUTCString();

/** The calls of "Operations on blobs", Blob service REST API, that are a PUT to the name of a blob. */
const CALLS: ReadonlyArray<Call> = [
  { query: "comp=snapshot" },
  { query: "comp=snapshot", headers: { "x-ms-meta-a": "b" } },
  { query: "comp=metadata", headers: { "x-ms-meta-a": "b" } },
  {
    query: "comp=properties",
    headers: { "x-ms-blob-content-type": "text/html", "x-ms-blob-content-encoding": "gzip" },
  },
  {
    query: "comp=lease",
    headers: { "x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1" },
  },
  { query: "comp=tier", headers: { "x-ms-access-tier": "Archive" } },
  {
    query: "comp=tags",
    body: "<Tags><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tags>",
  },
  { query: `comp=block&blockid=${BLOCK}`, body: "other" },
  { query: "comp=blocklist", body: `<BlockList><Latest>${BLOCK}</Latest></BlockList>` },
  { query: "comp=blocklist", body: "<BlockList></BlockList>" },
  { query: "comp=appendblock", body: "other" },
  {
    query: "comp=page",
    headers: { "x-ms-page-write": "update", "x-ms-range": "bytes=0-511" },
    body: "o".repeat(512),
  },
  { query: "comp=seal" },
  { query: "comp=undelete" },
  { query: "comp=expiry", headers: { "x-ms-expiry-option": "NeverExpire" } },
  {
    query: "comp=immutabilityPolicies",
    headers: {
      "x-ms-immutability-policy-until-date": WHEN,
      "x-ms-immutability-policy-mode": "unlocked",
    },
  },
  { query: "comp=legalhold", headers: { "x-ms-legal-hold": "true" } },
  { query: "comp=incrementalcopy", headers: { "x-ms-copy-source": "http://127.0.0.1:9/a" } },
  { query: "comp=copy&copyid=a", headers: { "x-ms-copy-action": "abort" } },
  { query: "restype=container" },
  { query: "restype=container&comp=acl", headers: { "x-ms-blob-public-access": "blob" } },
  { query: "snapshot=2026-01-01T00%3A00%3A00.0000000Z" },
  { query: "versionid=2026-01-01T00%3A00%3A00.0000000Z" },
];

const sendCall = (url: string, { query, headers = {}, body = "" }: Call, further = {}) =>
  send("PUT", `${url}&${query}`, { headers: { ...further, ...headers }, body });

/** The call comes before the upload, or beside it and after it was confirmed. */
const expectUntouched = async (
  subject: Subject,
  { policy, isFirst }: { readonly policy: string | undefined; readonly isFirst: boolean },
  call: Call,
) => {
  const { put, receipt, key } = await subject.grant({}, policy);
  if (isFirst) await sendCall(put.url, call, put.headers);
  const stored = await send("PUT", put.url, { headers: put.headers, body: CONTENT });
  await sendCall(put.url, call);
  const confirmed = await subject.confirm(receipt);
  assert.notEqual(confirmed._tag, "StoreUnavailable");
  if (!isFirst) assert.ok(stored.ok);
  if (!stored.ok) return assert.notEqual(confirmed._tag, "Done");
  if (confirmed._tag !== "Done") return undefined;
  await sendCall(put.url, call);
  await sendCall(put.url, call, put.headers);
  await subject.expectContent(CONTENT, key);
  assert.deepEqual((await subject.head(key)).extraHeaders, {});
  assert.equal((await subject.confirm(receipt))._tag, "Done");
  assert.equal((await subject.remove(key))._tag, "Done");
  return subject.expectNothing(key);
};

const titled = ({ query, headers = {} }: Call) => [query, ...Object.keys(headers)].join(", ");

const untouched = [undefined, "incoming"].flatMap((policy) =>
  CALLS.flatMap((call) =>
    promises(["without signed query"], {
      [`a file is untouched by its PUT with ${titled(call)}${policy === undefined ? "" : " while it waits"}`]:
        async (subject) => {
          for (const isFirst of [true, false]) {
            await expectUntouched(subject, { policy, isFirst }, call);
          }
        },
    } satisfies Checks),
  ),
);

/** The other ways to make a blob, which need no body: "Put Blob", "Copy Blob" and "Copy Blob From URL". */
const WAYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "copies another file": { "x-ms-copy-source": "SOURCE" },
  "copies another file at once": { "x-ms-copy-source": "SOURCE", "x-ms-requires-sync": "true" },
  "stores another file by its address": {
    "x-ms-copy-source": "SOURCE",
    "x-ms-blob-type": "BlockBlob",
  },
  "makes a page blob of the same size": {
    "x-ms-blob-type": "PageBlob",
    "x-ms-blob-content-length": "1024",
    "x-ms-blob-content-type": "image/png",
  },
  "makes an append blob": {
    "x-ms-blob-type": "AppendBlob",
    "x-ms-blob-content-type": "image/png",
  },
};

const REFUSALS: ReadonlySet<string> = new Set(["UploadIncomplete", "UploadMismatch"]);

const ways = Object.entries(WAYS).flatMap(([way, template]) =>
  promises(["without signed query"], {
    [`what ${way} is not confirmed, and waiting becomes no more than a plain file`]: async (
      subject,
    ) => {
      const size = ByteSize.make(1024);
      const other = OTHER.subarray(0, size);
      await upload({ ...(await subject.signPut()), body: other });
      const { url } = await subject.signGet();
      const make = async (source: string, isGranted: boolean, policy?: string) => {
        const { put, receipt, key } = await subject.grant({ size }, policy);
        const own = Object.entries(template).map(([name, value]) => [
          name,
          value.replace("SOURCE", source),
        ]);
        const headers = { ...(isGranted ? put.headers : {}), ...Object.fromEntries(own) };
        await send("PUT", put.url, { headers, body: "" });
        return { key, answer: await subject.confirm(receipt) };
      };
      // With the headers that were granted, and without them.
      for (const isGranted of [true, false]) {
        const isCopy = "x-ms-copy-source" in template;
        // Azurite lets a copy read every file of the account without a signature.
        for (const source of [url, withoutQuery(url)]) {
          for (const policy of isCopy ? [undefined, "incoming"] : [undefined]) {
            const { key, answer } = await make(source, isGranted, policy);
            assert.ok(REFUSALS.has(answer._tag), answer._tag);
            if (policy !== undefined) await subject.expectNothing(key);
          }
        }
        if (isCopy) continue;
        const { key, answer } = await make(url, isGranted, "incoming");
        if (answer._tag !== "Done") {
          await subject.expectNothing(key);
          continue;
        }
        assert.deepEqual((await subject.head(key)).extraHeaders, {});
        await subject.expectContent(new Uint8Array(size), key);
      }
    },
  }),
);

/** Everything that a download's URL could be made to do beside it. */
const reads = promises(["without signed query"], {
  "the URL of a download writes and lists nothing, whatever is added to it": async (subject) => {
    await upload(await subject.signPut());
    const { url } = await subject.signGet();
    for (const call of CALLS.filter(({ query }) => !/^(?:snapshot|versionid)=/.test(query))) {
      const { status } = await sendCall(url, call);
      assert.ok(status >= 400, `${call.query} was answered with ${status}`);
    }
    for (const query of ["restype=container&comp=list", "comp=list", "restype=container"]) {
      const answer = await send("GET", `${url}&${query}`);
      assert.ok(!answer.body.includes("EnumerationResults"), query);
    }
    assertStatus(await send("DELETE", url), subject.refusals);
    await subject.expectContent();
  },
});

/** A file of one part, and how its URL is made to write the blob itself. */
async function completed(subject: Subject) {
  const { run } = subject;
  const started = await run((member) => startMultipart({ member, upload: UPLOAD }));
  assert.ok(started._tag === "Done");
  const { upload: token, key } = started;
  const parts = [{ partNumber: PartNumber.make(1) }];
  const signed = await run((member) => signParts({ member, upload: token, parts }));
  const put = signed._tag === "Done" ? signed.parts[0]?.put : undefined;
  assert.ok(put !== undefined);
  await upload(put);
  const listed = await run((member) => listParts({ member, upload: token }));
  assert.ok(listed._tag === "Done");
  const sent = listed.parts.map(({ etag }) => ({ partNumber: PartNumber.make(1), etag }));
  const done = await run((member) =>
    completeMultipart({ member, upload: token, parts: Effect.succeed(sent) }),
  );
  assert.ok(done._tag === "Done");
  return { key, done, url: put.url.replace(/&comp=block&blockid=[^&]+/, "") };
}

const isByKey = ({ presigner }: Subject) =>
  Effect.runPromise(presigner.put(putRequest())).then(({ url }) => !url.includes("skoid="));

const PNG_BLOB = { "x-ms-blob-type": "BlockBlob", "Content-Type": PNG };

/** The URL of a part is for writing: a key of the account cannot say that it is for one block. */
const parts = promises(["multipart", "without bound parts"], {
  "a file in parts is not final while the URL of a part may replace it, and is then what was looked at":
    async (subject) => {
      const { done, key, url } = await completed(subject);
      assert.equal(done.final, false);
      const answer = await send("PUT", url, { headers: PNG_BLOB, body: OTHER });
      const bytes = (await isByKey(subject)) ? OTHER : CONTENT;
      assert.equal(answer.ok, bytes === OTHER);
      const again = await subject.confirm(done.receipt);
      assert.ok(again._tag === "Done" && !again.final);
      assert.equal(again.etag === done.etag, bytes === CONTENT);
      const at = done.mutableUntil.epochMilliseconds;
      const last = await subject.confirm(done.receipt, { at });
      assert.ok(last._tag === "Done" && last.final);
      assert.equal(last.etag, again.etag);
      await subject.expectContent(bytes, key);
    },
  ...Object.fromEntries(
    CALLS.filter(({ query }) => /^comp=(?:metadata|properties|lease|tier)/.test(query)).map(
      (call) => [
        `a file in parts that is changed by the URL of a part is not confirmed again: ${titled(call)}`,
        async (subject: Subject) => {
          const { done, key, url } = await completed(subject);
          const answer = await sendCall(url, call);
          const again = await subject.confirm(done.receipt);
          assert.equal(again._tag, answer.ok ? "UploadMismatch" : "Done");
          if (!(await isByKey(subject))) assert.ok(!answer.ok);
          assert.equal((await subject.remove(key))._tag, "Done");
          await subject.expectNothing(key);
        },
      ],
    ),
  ),
});

const azures = stores.filter(({ name }) => name.startsWith("azure"));
for (const store of azures) register(store, [...untouched, ...ways, ...reads, ...parts]);
it("Azure is tried by both of its keys, except beside a server of one's own", () => {
  expect(azures).toHaveLength(ownServer() === undefined ? 2 : 0);
});
