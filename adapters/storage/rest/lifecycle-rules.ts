import type { LifecycleRule } from "../../../application/ports/object-store.ts";
import { KEY_PREFIX } from "../../../domain/storage-key.ts";
import { PENDING_TAG } from "../signing/binding.ts";
import { textIn, textsIn } from "./xml.ts";

/**
 * Finds the effects of an enabled rule on files of ours: "PutBucketLifecycleConfiguration" and
 * "Lifecycle configuration elements", Amazon S3 User Guide.
 */
export function effectsIn(rule: string): ReadonlyArray<LifecycleRule> {
  const prefix = textIn(rule, "Prefix") ?? "";
  if (!rule.includes("<Status>Enabled</Status>") || !isOverOurs(prefix)) return [];
  const tags = textsIn(rule, "Tag").map((tag) => `${textIn(tag, "Key")}=${textIn(tag, "Value")}`);
  const files = filesBelow(prefix, [
    ...tags.map((tag) => `with the tag ${tag}`),
    ...textsIn(rule, "ObjectSizeGreaterThan").map((bytes) => `above ${bytes} bytes`),
    ...textsIn(rule, "ObjectSizeLessThan").map((bytes) => `below ${bytes} bytes`),
  ]);
  const name = textIn(rule, "ID") ?? "without a name";
  const isOfMark = tags.includes(`${PENDING_TAG.key}=${PENDING_TAG.value}`);
  const scope = isOfMark ? "unconfirmed" : tags.length > 0 ? "tagged" : "every";
  const effectBy = (action: string, within: string): Omit<LifecycleRule, "name"> | undefined => {
    if (action.startsWith("Abort")) return { scope: "parts", effect: "removes parts" };
    const storageClass = textIn(within, "StorageClass") ?? "";
    const moves = action.endsWith("Transition");
    // A class from which a file can be read at once changes nothing for its readers.
    if (moves && !ARCHIVES.has(storageClass)) return undefined;
    if (action.startsWith("Noncurrent")) {
      const days = Number(textIn(within, "NoncurrentDays"));
      return {
        scope: scope === "every" ? "replaced" : scope,
        effect: `${moves ? "archives" : "removes"} ${files} ${daysAfter(days, "another version took its place")}`,
      };
    }
    const date = textIn(within, "Date");
    const days = Number(textIn(within, "Days"));
    if (Number.isNaN(days) && date === undefined) return undefined;
    const when = date === undefined ? daysAfter(days, "it was stored") : `on ${date.slice(0, 10)}`;
    return moves
      ? {
          scope,
          effect: `moves ${files} to ${storageClass} ${when}, where it cannot be opened`,
        }
      : { scope, effect: `removes ${files} ${when}`, ...(date === undefined && { days }) };
  };
  return ACTIONS.flatMap((action) =>
    textsIn(rule, action).flatMap((within) => {
      const effect = effectBy(action, within);
      return effect === undefined ? [] : [{ name, ...effect }];
    }),
  );
}

export const isOverOurs = (prefix: string): boolean =>
  prefix.startsWith(KEY_PREFIX) || KEY_PREFIX.startsWith(prefix);

export const filesBelow = (prefix: string, further: ReadonlyArray<string> = []): string =>
  [KEY_PREFIX.startsWith(prefix) ? "every file" : `every file below ${prefix}`, ...further].join(
    " ",
  );

export const daysAfter = (days: number, event: string): string =>
  `${days} day${days === 1 ? "" : "s"} after ${event}`;

/** MinIO alone knows the third. */
const ACTIONS = [
  "AbortIncompleteMultipartUpload",
  "Expiration",
  "AllVersionsExpiration",
  "Transition",
  "NoncurrentVersionExpiration",
  "NoncurrentVersionTransition",
];
const ARCHIVES: ReadonlySet<string> = new Set(["GLACIER", "DEEP_ARCHIVE"]);
