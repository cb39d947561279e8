import type * as DateTime from "effect/DateTime";

/**
 * An instant as ISO 8601 writes it, in UTC with milliseconds. URLs that are signed in one second
 * end at the same few instants, so the last texts are kept: to write one costs as much as a hash.
 */
export function isoOf({ epochMilliseconds }: DateTime.Utc): string {
  const kept = texts.get(epochMilliseconds);
  if (kept !== undefined) return kept;
  const text = new Date(epochMilliseconds).toISOString();
  if (texts.size === MOST_KEPT) texts.clear();
  texts.set(epochMilliseconds, text);
  return text;
}

const texts = new Map<number, string>();
const MOST_KEPT = 16;
