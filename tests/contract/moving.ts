import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type { Harness, OpenStore } from "../../adapters/contract/subject/harness.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { bothStores, portsIn } from "../../application/store/both-stores.ts";
import { stores } from "./stores.ts";

type Open = NonNullable<Harness["open"]>;

/** Opens a store of the contract by its name; undefined if this machine lacks what it needs. */
export const opener = (name: string): Open | undefined =>
  stores.find((store) => store.name === name)?.open;

/** Makes the ports of both stores of an organization that moves. */
export const openBoth = async (to: Open, from: Open) => {
  const [into, outOf] = [await to(), await from()];
  const sides = Effect.all({ to: portsOf(into), from: portsOf(outOf) });
  const layer = Layer.effectContext(
    Effect.map(sides, ({ to, from }) => {
      const { presigner, store } = bothStores(to, from);
      return to.context.pipe(Context.add(Presigner, presigner), Context.add(ObjectStore, store));
    }),
  );
  const close = async () => {
    await into.close?.();
    await outOf.close?.();
  };
  return { ...into, layer, close };
};

const portsOf = ({ layer }: OpenStore) =>
  Effect.map(Layer.build(layer), (context) => ({ ...portsIn(context), context }));
