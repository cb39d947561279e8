import type { LifecycleRule } from "../../../application/ports/object-store.ts";
import { INCOMING_PREFIX, KEY_PREFIX } from "../../../domain/storage-key.ts";

// The effects of a bucket's rules on files, in words.

/** Returns true for a prefix that covers files. */
export const isOverFiles = (prefix: string): boolean =>
  prefix.startsWith(KEY_PREFIX) || KEY_PREFIX.startsWith(prefix);

/** Returns true for uploads that wait; a rule for the whole bucket is one for every file. */
export const isOverIncoming = (prefix: string): boolean =>
  prefix !== "" && INCOMING_PREFIX.startsWith(prefix);

export const incomingEffect = (name: string, days: number): LifecycleRule => ({
  name,
  scope: "incoming",
  effect: `removes what is below ${INCOMING_PREFIX} ${daysAfter(days, "it was stored")}`,
  days,
});

export const filesBelow = (prefix: string, further: ReadonlyArray<string> = []): string =>
  [KEY_PREFIX.startsWith(prefix) ? "every file" : `every file below ${prefix}`, ...further].join(
    " ",
  );

export const daysAfter = (days: number, event: string): string =>
  `${days} day${days === 1 ? "" : "s"} after ${event}`;
