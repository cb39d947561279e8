import * as Effect from "effect/Effect";
import type { StoreUnavailable } from "../../domain/errors.ts";
import type { Page } from "../ports/object-store.ts";

export const forEachPage = Effect.fnUntraced(function* <A, After, E, R>(
  list: (after: After | undefined) => Effect.Effect<Page<A, After>, StoreUnavailable>,
  use: (items: ReadonlyArray<A>) => Effect.Effect<unknown, E, R>,
) {
  let next: After | undefined;
  do {
    const page: Page<A, After> = yield* list(next);
    yield* use(page.found);
    next = page.next;
  } while (next !== undefined);
});
