import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import type { StorageKey } from "../../domain/storage-key.ts";
import type { Subject } from "./subject.ts";

/** Runs a race several times, one after another, since a store may win it by chance. */
export async function inRounds(rounds: number, race: (round: number) => Promise<void>) {
  for (let round = 0; round < rounds; round += 1) await race(round);
}

/** Checks that nothing was replaced, where the store keeps what is. */
export async function expectOneVersion({ store }: Subject, key: StorageKey): Promise<void> {
  const versions = store.versions?.({ prefix: key });
  if (versions === undefined) return;
  assert.equal((await Effect.runPromise(versions)).found.length, 1);
}
