import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import type { ObjectRef } from "../../../application/ports/object-store.ts";
import { upload } from "../sending/send.ts";
import { promises } from "./store-promise.ts";
import type { Subject } from "../subject/subject.ts";
import { CONTENT, newKey, OTHER } from "../sending/uploads.ts";

const looked = async ({ put, head, key }: Subject): Promise<ObjectRef> => {
  await put();
  return { key, ...(await head()) };
};

type Read = NonNullable<Subject["store"]["read"]>;

const open = ({ store }: Subject, object: Parameters<Read>[0]) =>
  Effect.runPromise(store.read?.(object) ?? Effect.die("it reads nothing"));

/** The bytes, or `changed`. */
const read = async (...args: Parameters<typeof open>) => {
  const opened = await open(...args);
  if (opened === "changed") return opened;
  const pieces: Array<Uint8Array> = [];
  for await (const piece of opened) pieces.push(piece);
  return Buffer.concat(pieces);
};

/** The service reads exactly the object that it looked at. */
export const reading = promises(["reads"], {
  "an object is read from its first byte, as far as is asked for": async (subject) => {
    const object = await looked(subject);
    for (const length of [1, 4100, CONTENT.length, CONTENT.length + 1, undefined]) {
      const bytes = await read(subject, { ...object, ...(length && { length }) });
      assert.deepEqual(bytes, Buffer.from(CONTENT.subarray(0, length)));
    }
  },
  "an object that was replaced or removed since it was looked at is not read": async (subject) => {
    const object = await looked(subject);
    assert.equal(await read(subject, { ...object, key: newKey() }), "changed");
    if (!subject.has("repeated PUT"))
      await Effect.runPromise(subject.store.remove({ version: undefined, ...object }));
    await upload({ ...(await subject.signPut()), body: OTHER });
    const bytes = await read(subject, object);
    // In a bucket with versions, the one that was looked at is still there.
    if (bytes !== "changed") assert.deepEqual(bytes, Buffer.from(CONTENT));
  },
  "the reader of an object may stop at any piece": async (subject) => {
    const opened = await open(subject, await looked(subject));
    assert.ok(opened !== "changed");
    for await (const piece of opened) {
      assert.deepEqual(Buffer.from(piece), Buffer.from(CONTENT.subarray(0, piece.length)));
      break;
    }
  },
});
