import * as Effect from "effect/Effect";
import * as ManagedRuntime from "effect/ManagedRuntime";
import * as Option from "effect/Option";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { reasonOf } from "../../thrown.ts";
import { S3Access } from "../rest/s3-access.ts";
import { ABILITIES, type Ability, type Harness, type OpenStore } from "./harness.ts";
import type { BuiltStore } from "./subject.ts";

/** The store of a harness, whose layer is built until `close`: its background work ends with it. */
export async function openStore(
  { name, without = [], refusals = [403] }: Omit<Harness, "open">,
  open: () => Promise<OpenStore>,
): Promise<BuiltStore & { readonly close: () => Promise<void> }> {
  const opened = await open();
  const runtime = ManagedRuntime.make(opened.layer);
  const close = async () => {
    await runtime.dispose();
    await opened.close?.();
  };
  const has = hasOf(without);
  try {
    requireMembers(opened, has);
    await runtime.runPromise(ObjectStore.use((store) => store.ensureBucket));
    const services = Effect.all({
      presigner: Presigner,
      store: ObjectStore,
      s3: Effect.map(Effect.serviceOption(S3Access), Option.getOrUndefined),
    });
    return { ...opened, ...(await runtime.runPromise(services)), has, refusals, close };
  } catch (cause) {
    await close();
    throw new Error(`${name} could not be opened: ${reasonOf(cause)}`, { cause });
  }
}

/** What a store can do that lacks some abilities. */
export const hasOf =
  (without: ReadonlyArray<Ability>): BuiltStore["has"] =>
  (ability) =>
    !without.includes(ability);

/** Throws if the harness names an ability that does not exist. */
export function requireAbilities({ name, without = [] }: Harness): void {
  const unknown = without.filter((ability) => !ABILITIES.includes(ability));
  if (unknown.length > 0) {
    throw new Error(
      `${name}: nothing is called ${unknown.join(", ")}; "without" takes ${ABILITIES.join(", ")}`,
    );
  }
}

/** Throws if the harness lacks a member by which an ability is tested. */
function requireMembers(opened: OpenStore, has: BuiltStore["has"]): void {
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
