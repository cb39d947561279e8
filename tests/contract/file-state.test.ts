import assert from "node:assert/strict";
import { sendPut, upload } from "../../adapters/storage/contract/send.ts";
import { register } from "../../adapters/storage/contract/register.ts";
import { promises } from "../../adapters/storage/contract/store-promise.ts";
import type { Subject } from "../../adapters/storage/contract/subject.ts";
import { fileState } from "../../application/file-state.ts";
import { stores } from "./stores.ts";

/** The state of a file at every step of its life, under a policy. */
async function states(subject: Subject, policy: string) {
  const { key, put, receipt } = await subject.grant({}, policy);
  const seen: Array<unknown> = [];
  const look = async () => {
    const { _tag, ...found } = await subject.run((member) => fileState(member, key));
    assert.equal(_tag, "Done");
    const { state, retryAfter } = found as { readonly state: string; readonly retryAfter?: number };
    seen.push(retryAfter === undefined ? state : `${state}, for now`);
  };
  await look();
  await upload(put);
  await look();
  assert.equal((await subject.confirm(receipt))._tag, "Done");
  await look();
  // An upload that waits beside a file says nothing about it.
  await sendPut(put);
  await look();
  return { seen, key, look };
}

const MISSING = "missing, for now";
const WAITING = "waiting, for now";

const told = [
  ...promises([], {
    "a direct upload is ready as soon as it is there": async (subject) => {
      const { seen } = await states(subject, "files");
      assert.deepEqual(seen, [MISSING, "ready", "ready", "ready"]);
    },
  }),
  ...promises(["copies"], {
    "an upload that waits is waiting, and ready once it is confirmed": async (subject) => {
      const { seen, key, look } = await states(subject, "incoming");
      assert.deepEqual(seen, [MISSING, WAITING, "ready", "ready"]);
      assert.equal((await subject.remove(key))._tag, "Done");
      await look();
      assert.equal(seen.at(-1), MISSING);
    },
  }),
];

for (const store of stores) register(store, told);
