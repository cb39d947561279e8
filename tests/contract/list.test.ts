import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import assert from "node:assert/strict";
import { expect, it } from "vitest";
import { register } from "../../adapters/contract/running/register.ts";
import { upload } from "../../adapters/contract/sending/send.ts";
import { promises } from "../../adapters/contract/promises/store-promise.ts";
import type { Subject } from "../../adapters/contract/subject/subject.ts";
import { CONTENT, ORGANIZATION } from "../../adapters/contract/sending/uploads.ts";
import { listObjects } from "../../adapters/storage/rest/list.ts";
import { refusalIn, refused } from "../../adapters/storage/rest/refusal-reason.ts";
import type { PageQuery } from "../../application/ports/object-store.ts";
import { incomingKey, type StorageKey } from "../../domain/storage-key.ts";
import { stores } from "./stores.ts";
import { s3Bucket } from "../support/s3-store.ts";
import { serve } from "../support/serve.ts";

const listed = async ({ store }: Subject, below: PageQuery) => {
  assert.ok(store.list, "the store lists nothing");
  return Effect.runPromise(store.list.objects(below));
};

const lists = promises([], {
  "stored files are listed below their prefix, in pages": async (subject) => {
    const { store } = subject;
    const keys: Array<StorageKey> = [];
    for (let each = 0; each < 3; each += 1) {
      const granted = await subject.grant();
      await upload(granted.put);
      keys.push(granted.key);
    }
    const granted = await subject.grant({}, "incoming");
    await upload(granted.put);
    const found = [];
    let after: string | undefined;
    do {
      const page = await listed(subject, {
        prefix: `orgs/${ORGANIZATION}/files/`,
        after,
        limit: 2,
      });
      assert.ok(page.found.length <= 2);
      found.push(...page.found);
      after = page.next;
    } while (after !== undefined);
    const ours = found.filter(({ key }) => keys.some((each) => each === key));
    assert.deepEqual(
      ours.map(({ key }) => key),
      keys.toSorted(),
    );
    assert.equal(new Set(found.map(({ key }) => key)).size, found.length);
    for (const { size, age } of ours) {
      assert.equal(size, CONTENT.length);
      assert.ok(Math.abs(age) < 5 * 60_000, `it is ${age} ms old`);
    }
    const waiting = await listed(subject, { prefix: "incoming/", limit: 1000 });
    assert.ok(waiting.found.some(({ key }) => key === incomingKey(granted.key)));
    assert.ok(!found.some(({ key }) => key === granted.key));
    assert.deepEqual(await listed(subject, { prefix: "orgs/nobody/", limit: 10 }), { found: [] });
    const [first] = keys;
    assert.ok(first);
    const facts = Option.getOrThrow(await Effect.runPromise(store.head(first)));
    const { etag, storedAt = 0 } = facts;
    const one = (await listed(subject, { prefix: first, limit: 1 })).found;
    // Headers have whole seconds.
    const seconds = [...one, { storedAt }].map((each) => Math.floor(each.storedAt / 1000));
    assert.equal(new Set(seconds).size, 1);
    if (!subject.bucket.startsWith("contract-gcs")) {
      assert.deepEqual(
        one.map(({ etag }) => etag),
        [etag],
      );
    }
  },
});

for (const store of stores) register(store, lists);

for (const store of stores.filter(({ without = [] }) => !without.includes("copies"))) {
  register(
    store,
    promises(["copies"], {
      "a file that was copied to its place is listed there alone": async (subject) => {
        const granted = await subject.grant({}, "incoming");
        await upload(granted.put);
        await subject.confirm(granted.receipt);
        const below = (prefix: string) => listed(subject, { prefix, limit: 10 });
        assert.equal((await below(granted.key)).found.length, 1);
        assert.equal((await below(incomingKey(granted.key))).found.length, 0);
      },
    }),
  );
}

const contents = (key: string, size = "1") =>
  `<Contents><Key>${key}</Key><LastModified>2026-11-28T00:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>${size}</Size></Contents>`;
const answer = (...members: ReadonlyArray<string>) =>
  `<ListBucketResult xmlns="x">${members.join("")}</ListBucketResult>`;
const TRUNCATED = "<IsTruncated>true</IsTruncated>";

async function listFrom(body: string, over: Partial<PageQuery> = {}) {
  const endpoint = await serve((_, response) => {
    response.setHeader("date", "Sat, 28 Nov 2026 00:01:00 GMT");
    response.end(body);
  });
  const list = listObjects(s3Bucket(endpoint), (answer) =>
    Effect.fail(refused({ bucket: "files" }, refusalIn(answer))),
  );
  return Effect.runPromise(Effect.result(list({ prefix: "a/", limit: 2, ...over })));
}

it("keys and ETags of a list are decoded, and the age is by the clock of the store", async () => {
  expect(await listFrom(answer(contents("a/&amp;&lt;"), TRUNCATED))).toMatchObject({
    success: {
      found: [{ key: "a/&<", size: 1, etag: '"e"', age: 60_000 }],
      next: "a/&<",
    },
  });
});

it.each<[string, string, Partial<PageQuery>?]>([
  ["names a key of another prefix", answer(contents("b/x"))],
  ["names more than was asked for", answer(contents("a/1"), contents("a/2"), contents("a/3"))],
  ["repeats its page", answer(contents("a/1"), TRUNCATED), { after: "a/1" }],
  ["goes on after nothing", answer(TRUNCATED)],
  ["names a size that is none", answer(contents("a/1", "-1"))],
  ["is cut", answer(contents("a/1")).slice(0, -20)],
  ["is about something else", "<ListAllMyBucketsResult></ListAllMyBucketsResult>"],
  ["is endless", answer(contents("a/1").repeat(20_000))],
])("a list that %s is refused as senseless", async (_, body, over) => {
  expect(await listFrom(body, over)).toMatchObject({ failure: { kind: "senseless" } });
});
