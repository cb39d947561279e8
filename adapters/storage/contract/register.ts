import * as Effect from "effect/Effect";
import * as ManagedRuntime from "effect/ManagedRuntime";
import { afterAll, beforeAll, describe, it } from "vitest";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { ABILITIES, type Ability, type Harness, type OpenStore } from "./harness.ts";
import { isMadeBy, type StorePromise } from "./store-promise.ts";
import { type BuiltStore, subjectOf } from "./subject.ts";
import { reasonOf } from "../../settings/thrown.ts";

/** Registers a test for each promise of the store, which is opened once for all of them. */
export function register(harness: Harness, promises: ReadonlyArray<StorePromise>): void {
  const { name, without = [], refusals = [403], open } = harness;
  const unknown = without.filter((ability) => !ABILITIES.includes(ability));
  if (unknown.length > 0) {
    throw new Error(
      `${name}: nothing is called ${unknown.join(", ")}; "without" takes ${ABILITIES.join(", ")}`,
    );
  }
  const has = (ability: Ability) => !without.includes(ability);
  const lacks = ABILITIES.filter((ability) => !has(ability)).join(", ");

  describe(lacks === "" ? name : `${name} (without: ${lacks})`, () => {
    let built: BuiltStore | undefined;
    let end: (() => Promise<void>) | undefined;
    beforeAll(async () => {
      if (open === undefined) return;
      const opened = await open();
      const { presigner, store, dispose } = await build(harness, opened);
      built = { ...opened, presigner, store, has, refusals };
      end = async () => {
        await dispose();
        await opened.close?.();
      };
    });
    afterAll(() => end?.());

    for (const promise of promises.filter((promise) => isMadeBy(promise, has))) {
      it.skipIf(open === undefined)(promise.title, async () => {
        if (built === undefined) throw new Error(`${name} did not open`);
        await promise.check(subjectOf(built));
      });
    }
  });
}

/** Builds the layer for the time of the tests: its background work ends with `dispose`. */
async function build({ name, without = [] }: Harness, opened: OpenStore) {
  const runtime = ManagedRuntime.make(opened.layer);
  try {
    expectTold(opened, without);
    await runtime.runPromise(ObjectStore.use((store) => store.ensureBucket));
    const services = await runtime.runPromise(
      Effect.all({ presigner: Presigner, store: ObjectStore }),
    );
    return { ...services, dispose: () => runtime.dispose() };
  } catch (cause) {
    await runtime.dispose();
    await opened.close?.();
    throw new Error(`${name} could not be opened: ${reasonOf(cause)}`, { cause });
  }
}

/** Fails if a promise cannot be checked, since the harness lacks a member. */
function expectTold(opened: OpenStore, without: ReadonlyArray<Ability>): void {
  for (const [ability, member] of [
    ["two endpoints", "origins"],
    ["marks", "isMarked"],
  ] as const) {
    if (!without.includes(ability) && opened[member] === undefined) {
      throw new Error(
        `open() gives no "${member}", by which ${ability} are tested; give it, or say without: ["${ability}"]`,
      );
    }
  }
}
