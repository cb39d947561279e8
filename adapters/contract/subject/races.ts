import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import assert from "node:assert/strict";
import type { Parts } from "../../../application/ports/object-store.ts";
import type { StorageKey } from "../../../domain/storage-key.ts";
import type { StoreUnavailable } from "../../../domain/errors.ts";
import { assertBytes } from "../sending/assertions.ts";
import { isTemporary } from "../sending/exchange.ts";
import type { Subject } from "./subject.ts";

/**
 * The most rounds of each race, spellings of each header, bytes of a file, and milliseconds until the
 * store would have removed one. No setting reaches it, since a certificate of fewer proves less; tests
 * of what surrounds the promises lower it.
 */
export const most = { rounds: Infinity, bytes: Infinity, wait: Infinity };

/**
 * Runs a race several times, one after another, since a store may win it by chance; it gets the share
 * of rounds that are over.
 */
export async function inRounds(wanted: number, race: (share: number) => Promise<void>) {
  const count = Math.min(wanted, most.rounds);
  for (let round = 0; round < count; round += 1) await race(round / count);
}

/**
 * Completes all at once, and runs what comes then for each that is completed, by its place among them.
 * The others may fail in any way. Fails if none is known to be completed, and the answer to one is
 * lost: that one may be.
 */
export async function completing<A>(
  completions: ReadonlyArray<ReturnType<Parts["complete"]>>,
  then: (at: number) => Promise<A>,
): Promise<ReadonlyArray<A>> {
  const lost: Array<StoreUnavailable> = [];
  const running = completions.map(async (complete, at) => {
    const outcome = await Effect.runPromise(Effect.result(complete));
    if (Result.isFailure(outcome) && outcome.failure._tag === "StoreUnavailable")
      lost.push(outcome.failure);
    return Result.getOrUndefined(outcome) === "completed" ? [await then(at)] : [];
  });
  const completed = (await Promise.all(running)).flat();
  const temporary = lost.find(isTemporary);
  if (completed.length === 0 && temporary !== undefined) throw temporary;
  return completed;
}

/**
 * Checks that a key has some bytes, and nothing else where the store keeps what is replaced, and the
 * service's key may list it.
 */
export async function expectOnly(subject: Subject, key: StorageKey, bytes: Uint8Array) {
  await subject.expectContent(bytes, key);
  const versions = subject.store.list?.versions?.({ prefix: key }) ?? Effect.undefined;
  const listed = await Effect.runPromise(Effect.orElseSucceed(versions, () => undefined));
  if (listed === undefined) return;
  const { found } = listed;
  assert.notEqual(found.length, 0);
  for (const { version } of found) assertBytes(await subject.read({ key, version }), bytes);
}
