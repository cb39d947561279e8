import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { ListedObject, Page } from "../../../application/ports/object-store.ts";
import type { StoreUnavailable } from "../../../domain/errors.ts";
import type { Pair } from "../signing/v4.ts";
import { type Bucket, signedFetch, type StoreResponse, unavailable } from "./signed-fetch.ts";
import { isWhole, textIn, textsIn, unescape } from "./xml.ts";

interface List<A, Next> {
  readonly query: ReadonlyArray<Pair>;
  /** Rewrites the items of a page that are to be read otherwise, or left out. */
  readonly rewrite?: (text: string) => string;
  /** The possible root elements, and those of items. */
  readonly roots: ReadonlyArray<string>;
  readonly items: ReadonlyArray<string>;
  /** The members of an item; the first is its key. */
  readonly members: ReadonlyArray<string>;
  /** Reads an item; undefined for senseless members. */
  readonly read: (members: Members, now: number) => A | undefined;
  readonly isIn: (item: A) => boolean;
  /** Returns the next page's start; empty if it cannot be requested. */
  readonly next: (text: string, last: A | undefined) => Next | "" | undefined;
  readonly limit?: number;
  /** Handles an answer that is no page. */
  readonly otherwise: (answer: StoreResponse) => Effect.Effect<Page<A, Next>, StoreUnavailable>;
}

type Members = readonly [key: string, ...rest: ReadonlyArray<string | undefined>];

/** Reads a page of a bucket's list. */
export const readPage = Effect.fnUntraced(function* <A, Next>(
  bucket: Bucket,
  { query, roots, items, members, read, isIn, limit = Infinity, ...list }: List<A, Next>,
): Effect.fn.Return<Page<A, Next>, StoreUnavailable> {
  const answer = yield* signedFetch(bucket, { method: "GET", query });
  const { ok, headers } = answer;
  if (!ok || !roots.some((root) => isWhole(answer.text, root)))
    return yield* list.otherwise(answer);
  const text = list.rewrite?.(answer.text) ?? answer.text;
  const now = Date.parse(headers.get("date") ?? "") || (yield* Clock.currentTimeMillis);
  const entries = items.flatMap((item) =>
    textsIn(text, item).flatMap((each) => {
      const [key, ...rest] = members.map((name) => {
        const member = textIn(each, name);
        return member === undefined ? undefined : unescape(member);
      });
      const one = key === undefined ? undefined : read([key, ...rest], now);
      return one === undefined || !isIn(one) ? [] : [one];
    }),
  );
  const all = items.reduce((sum, item) => sum + text.split(`<${item}>`).length - 1, 0);
  const next = list.next(text, entries.at(-1));
  if (entries.length < all || all > limit || next === "") return yield* SENSELESS;
  return { found: entries, ...(next !== undefined && { next }) };
});

const SENSELESS = unavailable("the store's list of what it has makes no sense", "senseless");

export const isTruncated = (text: string): boolean => textIn(text, "IsTruncated") === "true";

/** Reads an object of a list by its members. */
export function listedObject(
  [key, size = "", etag, modified = ""]: Members,
  now: number,
): ListedObject | undefined {
  const storedAt = Date.parse(modified);
  if (etag === undefined || !/^\d{1,15}$/.test(size) || Number.isNaN(storedAt)) return undefined;
  return { key, size: Number(size), etag, age: now - storedAt, storedAt };
}
