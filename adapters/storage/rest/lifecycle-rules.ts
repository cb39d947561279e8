import type { LifecycleRule } from "../../../application/ports/object-store.ts";
import { KEY_PREFIX } from "../../../domain/storage-key.ts";
import { insideIn } from "./bucket-rules.ts";
import { PENDING_TAG } from "../signing/binding.ts";

/**
 * What the enabled rules do to files of ours: "PutBucketLifecycleConfiguration" and "Lifecycle
 * configuration elements", Amazon S3 User Guide. A class from which a file can be read at once
 * changes nothing for its readers, so only archives count.
 */
export const effectsIn = (document: string): ReadonlyArray<LifecycleRule> =>
  insideIn(document, "Rule").flatMap((rule) => {
    const prefix = textIn(rule, "Prefix") ?? "";
    if (!rule.includes("<Status>Enabled</Status>") || !isOverOurs(prefix)) return [];
    const tags = insideIn(rule, "Tag").map(
      (tag) => `${textIn(tag, "Key")}=${textIn(tag, "Value")}`,
    );
    const isOfMark = tags.includes(`${PENDING_TAG.key}=${PENDING_TAG.value}`);
    const name = textIn(rule, "ID") ?? "without a name";
    const files = filesOf(prefix, [
      ...tags.map((tag) => `with the tag ${tag}`),
      ...SIZES.flatMap(([element, words]) => {
        const bytes = textIn(rule, element);
        return bytes === undefined ? [] : [`${words} ${bytes} bytes`];
      }),
    ]);
    const scope = isOfMark ? "unconfirmed" : tags.length > 0 ? "tagged" : "every";
    const actions = ACTIONS.flatMap((action) =>
      insideIn(rule, action).map((within) => [action, within] as const),
    );
    return actions.flatMap(([action, within]): Array<LifecycleRule> => {
      const days = Number(textIn(within, "Days"));
      const date = textIn(within, "Date")?.slice(0, 10);
      const when = date === undefined ? daysAfter(days, "it was stored") : `on ${date}`;
      const noncurrent = Number(textIn(within, "NoncurrentDays"));
      const storageClass = textIn(within, "StorageClass") ?? "";
      if (action.startsWith("Abort")) return [{ name, scope: "parts", effect: "removes parts" }];
      if (action.startsWith("Noncurrent")) {
        if (action.endsWith("Transition") && !ARCHIVES.has(storageClass)) return [];
        const does = action.endsWith("Transition") ? "archives" : "removes";
        const after = daysAfter(noncurrent, "another version took its place");
        return [
          {
            name,
            scope: scope === "every" ? "replaced" : scope,
            effect: `${does} ${files} ${after}`,
          },
        ];
      }
      if (Number.isNaN(days) && date === undefined) return [];
      if (action === "Transition") {
        return ARCHIVES.has(storageClass)
          ? [
              {
                name,
                scope,
                effect: `moves ${files} to ${storageClass} ${when}, where it cannot be opened`,
              },
            ]
          : [];
      }
      return [
        { name, scope, effect: `removes ${files} ${when}`, ...(date === undefined && { days }) },
      ];
    });
  });

/** Whether a prefix covers files of ours. */
export const isOverOurs = (prefix: string): boolean =>
  prefix.startsWith(KEY_PREFIX) || KEY_PREFIX.startsWith(prefix);

export const filesOf = (prefix: string, further: ReadonlyArray<string> = []): string =>
  [KEY_PREFIX.startsWith(prefix) ? "every file" : `every file below ${prefix}`, ...further].join(
    " ",
  );

export const daysAfter = (days: number, event: string): string =>
  `${days} day${days === 1 ? "" : "s"} after ${event}`;

const textIn = (text: string, element: string): string | undefined => insideIn(text, element)[0];

/** MinIO alone knows the third. */
const ACTIONS = [
  "AbortIncompleteMultipartUpload",
  "Expiration",
  "AllVersionsExpiration",
  "Transition",
  "NoncurrentVersionExpiration",
  "NoncurrentVersionTransition",
] as const;
const SIZES = [
  ["ObjectSizeGreaterThan", "above"],
  ["ObjectSizeLessThan", "below"],
] as const;
const ARCHIVES: ReadonlySet<string> = new Set(["GLACIER", "DEEP_ARCHIVE"]);
