import * as Effect from "effect/Effect";
import { StoreUnavailable } from "../../domain/errors.ts";
import type { Page } from "../ports/object-store.ts";

/** Works on each page of a list, and fails after `most` pages. */
export const forEachPage = Effect.fnUntraced(function* <A, After, E, R>(
  list: (after: After | undefined) => Effect.Effect<Page<A, After>, StoreUnavailable>,
  use: (items: ReadonlyArray<A>) => Effect.Effect<unknown, E, R>,
  most = Infinity,
) {
  let next: After | undefined;
  let pages = 0;
  do {
    if (++pages > most) return yield* ENDLESS;
    const page: Page<A, After> = yield* list(next);
    yield* use(page.found);
    next = page.next;
  } while (next !== undefined);
});

const ENDLESS = new StoreUnavailable({ kind: "senseless", reason: "the store's list has no end" });
