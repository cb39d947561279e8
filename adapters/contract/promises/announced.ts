import assert from "node:assert/strict";
import { incomingKey } from "../../../domain/storage-key.ts";
import { assertMatches, assertStatus } from "../sending/assertions.ts";
import { sendPut, upload, withHeaders } from "../sending/send.ts";
import { promises } from "./store-promise.ts";
import { DONE, mismatch } from "../subject/use-cases.ts";

const GRANT = /^x-(?:amz|goog|ms)-meta-valetkey[_-]grant$/;

/** An upload of a policy with `announce` carries its grant. */
const waiting = promises(["copies"], {
  "an upload that carries its grant is confirmed without its client": async (subject) => {
    const granted = await subject.grant({}, "announced");
    const { put, key, receipt } = granted;
    assert.equal(await subject.hear(incomingKey(key)), "ignored");
    await upload(put);
    assert.equal(await subject.hear(key), "ignored");
    assert.equal(await subject.hear(incomingKey(key)), "confirmed");
    await subject.expectFile(granted);
    assert.equal(await subject.hear(incomingKey(key)), "ignored");
    assertMatches(await subject.confirm(receipt), DONE);
  },
  "an upload cannot be sent without its grant, or with another": async (subject) => {
    const { put, key } = await subject.grant({}, "announced");
    const other = await subject.grant({}, "announced");
    const granted = Object.entries(put.headers);
    const others = Object.entries(other.put.headers).filter(([name]) => GRANT.test(name));
    assert.equal(others.length, 1);
    const without = granted.filter(([name]) => !GRANT.test(name));
    for (const headers of [without, [...without, ...others]]) {
      const answer = await sendPut({ ...put, headers: Object.fromEntries(headers) });
      // A store that binds no headers takes it, and it is not confirmed.
      if (subject.has("bound type")) assertStatus(answer, [...subject.refusals, 400]);
    }
    assert.equal(await subject.hear(incomingKey(key)), "ignored");
  },
  "the grant of another upload confirms nothing": async (subject) => {
    const { put, key } = await subject.grant({}, "incoming");
    const other = await subject.grant({}, "announced");
    // A store that refuses unsigned headers keeps nothing; either way it is not confirmed.
    await sendPut({ ...put, headers: { ...other.put.headers, ...put.headers } });
    assert.equal(await subject.hear(incomingKey(key)), "ignored");
    assert.equal(await subject.find(key), undefined);
  },
});

/** Only an upload that waits may carry a grant. */
const forged = promises([], {
  "a grant that rides along with a file is a difference": async (subject) => {
    const other = await subject.grant({}, "announced");
    const name = Object.keys(other.put.headers).find((each) => GRANT.test(each)) ?? "";
    const { put, receipt } = await subject.grant();
    if (!(await sendPut(withHeaders(put, { [name]: "forged" }))).ok) return;
    const difference = { property: "valetkey-grant", expected: "", actual: "forged" };
    assertMatches(await subject.confirm(receipt), mismatch(difference));
  },
});

export const announced = [...waiting, ...forged];
