import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { assertAccepted, assertBytes } from "../sending/assertions.ts";
import { send, sendPut, upload, withHeaders, withoutQuery } from "../sending/send.ts";
import { CONTENT, newKey, OTHER } from "../sending/uploads.ts";
import { most } from "../subject/races.ts";
import { promises } from "./store-promise.ts";
import type { Subject } from "../subject/subject.ts";
import { errorReason } from "../../values/thrown.ts";
import { trySpellings, writtenAs } from "./spellings.ts";
import { attemptWith, findEffect, type Harm, HARMS, type Row } from "./unsigned-headers.ts";
import { REMOVAL, UNSIGNED_HEADERS } from "./unsigned-headers.ts";

/** Whatever a client adds to a PUT, a file that is confirmed is as it was granted. */
export const harmless = HARMS.flatMap((harm) =>
  promises(["unsigned headers"], {
    [`no unsigned header ${harm}, unseen by confirm`]: (subject) => expectNone(subject, harm),
  }),
);

/** Checks it under the policy `files`, or under one whose uploads wait until they are confirmed. */
export async function expectNone(subject: Subject, harm: Harm, policy?: "incoming"): Promise<void> {
  const { url: readable } = await subject.signGet();
  const place = { bucket: subject.bucket, other: subject.key, readable, content: CONTENT };
  await upload({ ...(await subject.signPut()), body: OTHER });
  const wait = () => sleep(harm.startsWith("removes") ? Math.min(REMOVAL, most.wait) : 0);
  /** Undefined if a spelling was refused. */
  const attempt = async (row: Row, spelling?: string) => {
    const created = newKey();
    const { name, headers, body } = attemptWith(row, place, created);
    const tried = spelling === undefined ? name : `${Object.keys(row).join(", ")}, ${spelling},`;
    const granted = await subject.grant({}, policy);
    const { put, get, receipt, key } = granted;
    // Where nothing is replaced, what was added has to come first.
    const isOver = policy === undefined && subject.has("repeated PUT");
    const first = isOver ? granted : await subject.grant({}, policy);
    const plain = await sendPut({ ...first.put, body });
    assertAccepted(plain);
    if (policy !== undefined) assert.equal((await subject.confirm(first.receipt))._tag, "Done");
    const before = await send("GET", first.get.url);
    assertBytes(before, body);
    const withAdded = (body: Uint8Array) =>
      spelling === undefined
        ? withHeaders({ ...put, body }, headers)
        : { ...put, body, written: writtenAs(spelling, headers) };
    const added = await sendPut(withAdded(body));
    if (!added.ok && spelling !== undefined) return undefined;
    // Azure lets whoever may create a blob also make snapshots of it.
    if (!subject.has("signed query")) await send("PUT", `${put.url}&comp=snapshot`, { body: "" });
    if (harm === "writes under another key") {
      const { status } = await subject.read({ key: created });
      assert.equal(status, 404, `an upload with ${tried} wrote under another key`);
      if (added.ok) assert.equal(added.status, plain.status, `${tried} changed the answer`);
    }
    const answer = await subject.confirm(receipt);
    // A copy that has it nevertheless is removed, and not confirmed.
    if (policy === undefined) {
      assert.notEqual(answer._tag, "StoreUnavailable", `confirm cannot tell what ${tried} did`);
    }
    const expectUnchanged = async () => {
      const effect = findEffect(headers, before, await send("GET", get.url));
      assert.equal(effect, undefined, `with an unsigned ${tried} ${effect}`);
    };
    if (answer._tag !== "Done") return nothing;
    await expectUnchanged();
    if (policy !== undefined) {
      assert.deepEqual((await subject.head(key)).extraHeaders, {}, `${tried} is on the file`);
      await sendPut(withAdded(OTHER));
      await expectUnchanged();
    }
    const { status } = await send("GET", withoutQuery(get.url));
    assert.notEqual(status, 200, `an unsigned ${tried} made the object public`);
    return expectUnchanged;
  };
  const unchanged: Array<() => Promise<void>> = [];
  for (const row of UNSIGNED_HEADERS[harm]) unchanged.push((await attempt(row)) ?? nothing);
  await wait();
  for (const expectUnchanged of unchanged) await expectUnchanged();
  const harmful = await trySpellings(
    UNSIGNED_HEADERS[harm],
    async (row, spelling) => {
      let look: Awaited<ReturnType<typeof attempt>>;
      const failure = await failing(async () => (look = await attempt(row, spelling)));
      return failure === undefined ? look && (() => failing(look ?? nothing)) : async () => failure;
    },
    wait,
  );
  for (const { rows, spelling, effect } of harmful) {
    // Once more, so that the requests that show it are the last ones.
    const later = await attempt(Object.assign({}, ...rows), spelling);
    await wait();
    await later?.();
    assert.fail(effect);
  }
  await subject.expectContent(OTHER);
}

const nothing = async () => undefined;
const failing = (run: () => Promise<unknown>) => run().then(() => undefined, errorReason);
