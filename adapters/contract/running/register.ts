import { beforeAll, describe, it } from "vitest";
import { ABILITIES } from "../../../application/ports/abilities.ts";
import type { Harness } from "../subject/harness.ts";
import { isMadeBy, type StorePromise } from "../promises/store-promise.ts";
import { isTemporary, withExchanges } from "../sending/exchange.ts";
import { MOST_TRIES } from "./try-promise.ts";
import {
  type BuiltStore,
  hasFrom,
  openStore,
  requireAbilities,
  requireCalls,
  newSubject,
} from "../subject/subject.ts";

/** Registers a test for each promise of the store, which is opened once for all of them. */
export function register(harness: Harness, promises: ReadonlyArray<StorePromise>): void {
  requireAbilities(harness);
  const { name, open } = harness;
  const has = hasFrom(harness);
  const lacks = ABILITIES.filter((ability) => !has(ability)).join(", ");

  describe.skipIf(open === undefined)(lacks === "" ? name : `${name} (without: ${lacks})`, () => {
    let built: BuiltStore;
    beforeAll(async () => {
      if (open === undefined) return undefined;
      const { close, ...store } = await openStore(harness, open);
      requireCalls(harness, store);
      built = store;
      return close;
    });

    for (const promise of promises.filter(isMadeBy(has))) {
      it(promise.title, () => expectKept(promise, built), TIMEOUT);
    }
  });
}

/** A promise is not broken by a store that gives no answer, or one of another time. */
async function expectKept({ check }: StorePromise, store: BuiltStore): Promise<void> {
  let isLost = false;
  const onRefusal = (refusal: unknown) => {
    isLost ||= isTemporary(refusal);
  };
  const to = { onExchange: () => undefined, onRefusal, silence: 0 };
  for (let tries = 1; ; tries += 1) {
    try {
      return await withExchanges(to, () => check(newSubject(store)));
    } catch (cause) {
      onRefusal(cause);
      if (tries === MOST_TRIES || !isLost) throw cause;
      isLost = false;
    }
  }
}

/** In milliseconds, as certify waits for a promise: some try to hold up a store, or race many times. */
const TIMEOUT = 180_000;
