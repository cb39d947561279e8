import * as Effect from "effect/Effect";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { Lists } from "../../../application/ports/object-store.ts";
import { mergeLists } from "../../../application/store/merge-lists.ts";

/** A store with these keys; its pages continue after any key, or only where one ended. */
const storeWith = (keys: ReadonlySet<string>, byPages: boolean, etag: string): Lists => ({
  ...(byPages && { continuesAtPages: true }),
  objects: ({ after, limit }) => {
    const sorted = [...keys].toSorted();
    if (byPages && after !== undefined && !/^#\d+$/.test(after)) expect.unreachable(after);
    const start = byPages
      ? Number(after?.slice(1) ?? 0)
      : sorted.filter((key) => key <= (after ?? "")).length;
    const found = sorted.slice(start, start + limit);
    const next = byPages ? `#${start + limit}` : found.at(-1);
    const isLast = start + limit >= sorted.length;
    return Effect.succeed({
      found: found.map((key) => ({ key, size: 1, etag, age: 0, storedAt: 0 })),
      ...(!isLast && next !== undefined && { next }),
    });
  },
});

const keys = fc.uniqueArray(fc.stringMatching(/^[a-e]{1,3}$/), { maxLength: 30 });

it("the lists of two stores are one, in order, each key once, as the first store has it", () => {
  fc.assert(
    fc.property(
      keys,
      keys,
      fc.boolean(),
      fc.boolean(),
      fc.integer({ min: 1, max: 7 }),
      (first, second, firstByPages, secondByPages, limit) => {
        const list = mergeLists([
          storeWith(new Set(first), firstByPages, "first"),
          storeWith(new Set(second), secondByPages, "second"),
        ]);
        const found: Array<readonly [string, string]> = [];
        let after: string | undefined;
        do {
          const page = Effect.runSync(list({ prefix: "", after, limit }));
          expect(page.found.length).toBeLessThanOrEqual(limit);
          found.push(...page.found.map(({ key, etag }) => [key, etag] as const));
          after = page.next;
        } while (after !== undefined);
        const expected = [...new Set([...first, ...second])]
          .toSorted()
          .map((key) => [key, first.includes(key) ? "first" : "second"]);
        expect(found).toEqual(expected);
      },
    ),
  );
});
