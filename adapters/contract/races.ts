import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import type { Multipart } from "../../application/ports/object-store.ts";
import type { StorageKey } from "../../domain/storage-key.ts";
import { assertBytes } from "./assertions.ts";
import type { Subject } from "./subject.ts";

/** Runs a race several times, one after another, since a store may win it by chance. */
export async function inRounds(rounds: number, race: (round: number) => Promise<void>) {
  for (let round = 0; round < rounds; round += 1) await race(round);
}

/**
 * Completes all at once, and runs what comes then for each that is completed, by its place among them.
 * The others may fail in any way.
 */
export async function completing<A>(
  completions: ReadonlyArray<ReturnType<Multipart["complete"]>>,
  then: (at: number) => Promise<A>,
): Promise<ReadonlyArray<A>> {
  const running = completions.map(async (complete, at) => {
    const outcome = await Effect.runPromise(Effect.orElseSucceed(complete, () => "failed"));
    return outcome === "completed" ? [await then(at)] : [];
  });
  return (await Promise.all(running)).flat();
}

/**
 * Checks that there is nothing else than some bytes, where the store keeps what is replaced, and the
 * service's key may list it.
 */
export async function expectVersions(subject: Subject, key: StorageKey, bytes: Uint8Array) {
  const versions = subject.store.versions?.({ prefix: key }) ?? Effect.undefined;
  const listed = await Effect.runPromise(Effect.orElseSucceed(versions, () => undefined));
  if (listed === undefined) return;
  const { found } = listed;
  assert.notEqual(found.length, 0);
  for (const { version } of found) assertBytes(await subject.read({ key, version }), bytes);
}
