import * as Effect from "effect/Effect";
import * as ManagedRuntime from "effect/ManagedRuntime";
import { beforeAll, describe, it } from "vitest";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { ABILITIES, type Ability, type Harness, type OpenStore } from "./harness.ts";
import type { StorePromise } from "./store-promise.ts";
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
    beforeAll(async () => {
      if (open === undefined) return undefined;
      const opened = await open();
      const { close, ...services } = await build(name, opened, has);
      built = { ...opened, ...services, has, refusals };
      return close;
    });

    for (const promise of promises.filter(({ isMadeBy }) => isMadeBy(has))) {
      it.skipIf(open === undefined)(promise.title, async () => {
        if (built === undefined) throw new Error(`${name} did not open`);
        await promise.check(subjectOf(built));
      });
    }
  });
}

/** Builds the layer for the time of the tests: its background work ends with `close`. */
async function build(name: string, opened: OpenStore, has: BuiltStore["has"]) {
  const runtime = ManagedRuntime.make(opened.layer);
  const close = async () => {
    await runtime.dispose();
    await opened.close?.();
  };
  try {
    expectMembers(opened, has);
    await runtime.runPromise(ObjectStore.use((store) => store.ensureBucket));
    const services = Effect.all({ presigner: Presigner, store: ObjectStore });
    return { ...(await runtime.runPromise(services)), close };
  } catch (cause) {
    await close();
    throw new Error(`${name} could not be opened: ${reasonOf(cause)}`, { cause });
  }
}

/** Fails if the harness lacks a member by which an ability is tested. */
function expectMembers(opened: OpenStore, has: BuiltStore["has"]): void {
  for (const [ability, member] of [
    ["two endpoints", "origins"],
    ["marks", "isMarked"],
  ] as const) {
    if (has(ability) && opened[member] === undefined) {
      throw new Error(
        `open() gives no "${member}", which tests of ${ability} need; give it, or say without: ["${ability}"]`,
      );
    }
  }
}
