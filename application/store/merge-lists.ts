import * as Effect from "effect/Effect";
import type { StoreUnavailable } from "../../domain/errors.ts";
import type { ListedObject, Lists, Page, PageQuery } from "../ports/object-store.ts";

/**
 * Merges the lists of stores in the order of keys, each key once, as the first store that has it
 * describes it. A page continues after its last key, and in a store that cannot do this, from the
 * page that had it.
 */
export const mergeLists = (lists: ReadonlyArray<Lists>): Lists["objects"] => {
  const areByKey = lists.every(({ continuesAtPages }) => continuesAtPages !== true);
  return Effect.fnUntraced(function* ({ prefix, after = "", limit }) {
    const [, last = after, ...starts] = (!areByKey && TOKEN.exec(after)) || [];
    const pages = yield* Effect.forEach(
      lists,
      (list, at) => pageAfter(list, { prefix, limit }, last, starts[at]),
      { concurrency: "unbounded" },
    );
    const entries = new Map<string, ListedObject>();
    for (const each of pages.toReversed().flatMap(({ found }) => found))
      entries.set(each.key, each);
    // After the end of a page, its store may have more before the next key of the other.
    const [end] = pages
      .flatMap(({ found, next }) => (next ? (found.at(-1)?.key ?? "") : []))
      .toSorted();
    const sorted = [...entries.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const found = sorted.filter(({ key }) => end === undefined || key <= end).slice(0, limit);
    if (end === undefined && found.length === sorted.length) return { found };
    const { key = "" } = found.at(-1) ?? {};
    const isSpent = (found: ReadonlyArray<ListedObject>) => (found.at(-1)?.key ?? "") <= key;
    const next = pages.map((page) =>
      page.next && isSpent(page.found) ? page.next : (page.start ?? ""),
    );
    return { found, next: areByKey ? key : [key, ...next].join("|") };
  });
};

/** Matches a key, and where two lists continue; no store has this character in a continuation. */
const TOKEN = /^(.*)\|([^|]*)\|([^|]*)$/s;

const pageAfter = Effect.fnUntraced(function* (
  { objects, continuesAtPages }: Lists,
  below: Omit<PageQuery, "after">,
  last: string,
  begun?: string,
) {
  let start = (continuesAtPages === true ? begun : last) || undefined;
  for (;;) {
    const page: Page<ListedObject, string> = yield* objects({ ...below, after: start });
    const found = page.found.filter(({ key }) => key > last);
    if (found.length > 0 || page.next === undefined) return { found, next: page.next, start };
    start = page.next;
  }
});

export type List<A> = (below: {
  readonly prefix: string;
  readonly after?: string | undefined;
}) => Effect.Effect<Page<A, string>, StoreUnavailable>;

/** Lists the entries of one store after those of another. */
export const inTurn = <A>(lists: ReadonlyArray<List<A>>): List<A> =>
  Effect.fnUntraced(function* ({ prefix, after = "0" }) {
    let token = after;
    for (;;) {
      const turn = Number(token.charAt(0));
      const list = lists[turn];
      if (list === undefined) return { found: [] };
      const { found, next = "" } = yield* list({ prefix, after: token.slice(1) || undefined });
      token = next === "" ? `${turn + 1}` : `${turn}${next}`;
      if (found.length > 0) return { found, next: token };
    }
  });
