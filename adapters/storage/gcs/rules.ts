import type { Bucket, BucketMetadata, LifecycleRule as Rule } from "@google-cloud/storage";
import { isDeepStrictEqual } from "node:util";
import type { AppliedLifecycle, LifecycleRule } from "../../../application/ports/object-store.ts";
import { ABANDONED_AFTER } from "../../../domain/multipart.ts";
import { INCOMING_PREFIX, KEY_PREFIX } from "../../../domain/storage-key.ts";
import { type AppliedCors, CORS_MAX_AGE, mergeOrigins } from "../bucket-cors.ts";
import { GCS_ANNOUNCEMENT } from "../signing/binding.ts";
import {
  daysAfter,
  filesBelow,
  incomingEffect,
  isOverIncoming,
  isOverFiles,
} from "../rest/rule-effects.ts";

/** Headers of a signed PUT, and those that a page may read. */
const HEADERS = [
  "Content-MD5",
  "Content-Type",
  "ETag",
  "x-goog-content-length-range",
  "x-goog-hash",
  "x-goog-if-generation-match",
  GCS_ANNOUNCEMENT,
];

/** "Set up and view CORS configurations", Cloud Storage documentation. */
const corsRuleFor = (origins: ReadonlyArray<string>) => ({
  origin: [...origins],
  method: ["GET", "PUT"],
  responseHeader: HEADERS,
  maxAgeSeconds: CORS_MAX_AGE,
});

export const corsRule = (origins: ReadonlyArray<string>): string =>
  `${JSON.stringify([corsRuleFor(origins)], undefined, 2)}\n`;

export async function applyCors(
  bucket: Bucket,
  wantedOrigins: ReadonlyArray<string>,
  { replace } = { replace: false },
): Promise<AppliedCors> {
  const [{ cors = [], metageneration = 0 }] = await bucket.getMetadata();
  const isOfValetkey = (rule: (typeof cors)[number]) =>
    isDeepStrictEqual(rule, corsRuleFor(rule.origin ?? []));
  const present = cors.filter(isOfValetkey);
  const merged = mergeOrigins(
    present.flatMap(({ origin = [] }) => origin),
    wantedOrigins,
    replace,
  );
  const rule = corsRuleFor(merged.origins);
  if (isDeepStrictEqual(present, [rule])) return { outcome: "there", ...merged };
  const wanted = [...cors.filter((rule) => !isOfValetkey(rule)), rule];
  const after = await change(bucket, { cors: wanted }, metageneration);
  if (isDeepStrictEqual(after.cors, wanted)) return { outcome: "added", ...merged };
  throw new Error(`the store did not keep the rules for pages of the bucket ${bucket.name}`);
}

/** Fails if the bucket has changed since, so that no change is overwritten. */
async function change(
  bucket: Bucket,
  wanted: BucketMetadata,
  ifMetagenerationMatch: number | string,
) {
  await bucket.setMetadata(wanted, { ifMetagenerationMatch });
  return (await bucket.getMetadata())[0];
}

/** "Object Lifecycle Management", Cloud Storage documentation. */
const lifecycleRulesFor = (days: number): ReadonlyArray<Rule> => [
  // The age also counts for replaced generations.
  ...(days > 0
    ? [
        { action: DELETE, condition: { age: days, matchesPrefix: [INCOMING_PREFIX] } },
        abortBelow(INCOMING_PREFIX),
      ]
    : []),
  abortBelow(KEY_PREFIX),
];

const abortBelow = (prefix: string) => ({
  action: { type: "AbortIncompleteMultipartUpload" as const },
  condition: { age: ABANDONED_AFTER, matchesPrefix: [prefix] },
});

const DELETE = { type: "Delete" as const };

export const lifecycleRule = (days: number): string =>
  JSON.stringify({ rule: lifecycleRulesFor(days) }, undefined, 2);

const has = (rules: ReadonlyArray<Rule>) => (rule: Rule) =>
  rules.some((other) => isDeepStrictEqual(other, rule));

/** Returns true for Valetkey's rule. Rules have no names: one with its content counts as one. */
const isIncoming = ({ action, condition }: Rule) =>
  action.type === "Delete" &&
  isDeepStrictEqual(Object.keys(condition).toSorted(), ["age", "matchesPrefix"]) &&
  isDeepStrictEqual(condition.matchesPrefix, [INCOMING_PREFIX]);

export async function applyLifecycle(
  bucket: Bucket,
  wantedDays: number,
  { replace } = { replace: false },
): Promise<AppliedLifecycle> {
  const [{ lifecycle, metageneration = 0 }] = await bucket.getMetadata();
  const present = lifecycle?.rule ?? [];
  const waiting = present.filter(isIncoming).map(({ condition: { age = 0 } }) => age);
  const days = replace ? wantedDays : Math.max(wantedDays, ...waiting);
  const wanted = lifecycleRulesFor(days);
  const others = present.filter((rule) => !isIncoming(rule));
  const rules = [...others, ...wanted.filter((rule) => !has(others)(rule))];
  if (rules.every(has(present)) && present.every(has(rules))) return { outcome: "there", days };
  const after = await change(bucket, { lifecycle: { rule: rules } }, metageneration);
  const kept = after.lifecycle?.rule ?? [];
  if (rules.every(has(kept))) return { outcome: "added", days };
  await bucket.setMetadata({ lifecycle: { rule: [...present] } });
  throw new Error(
    `the store did not keep what was set as rules of the bucket ${bucket.name}; they are as they were`,
  );
}

/** Returns the effects of rules. Objects of every class can be read at once. */
export const effectsIn = ({ lifecycle }: BucketMetadata): ReadonlyArray<LifecycleRule> =>
  (lifecycle?.rule ?? []).flatMap(({ action, condition }): ReadonlyArray<LifecycleRule> => {
    const name = "without a name";
    const prefixes = condition.matchesPrefix ?? [""];
    const { age: waiting = 0 } = condition;
    if (action.type === "Delete" && waiting > 0 && prefixes.some(isOverIncoming)) {
      return [incomingEffect(name, waiting)];
    }
    const prefix = prefixes.find(isOverFiles);
    // No file has a custom time.
    if (prefix === undefined || action.type === "SetStorageClass" || hasCustomTime(condition)) {
      return [];
    }
    if (action.type !== "Delete") return [{ name, scope: "parts", effect: "removes parts" }];
    const { age, createdBefore, daysSinceNoncurrentTime } = condition;
    const isReplaced =
      condition.isLive === false || NONCURRENT.some((each) => condition[each] !== undefined);
    const when = [
      ...(daysSinceNoncurrentTime
        ? [daysAfter(daysSinceNoncurrentTime, "another version took its place")]
        : isReplaced
          ? ["once another version took its place"]
          : []),
      ...(age === undefined ? [] : [daysAfter(age, "it was stored")]),
      ...(createdBefore ? [`if it was stored before ${String(createdBefore).slice(0, 10)}`] : []),
    ];
    return [
      {
        name,
        scope: isReplaced ? "replaced" : "every",
        effect: [`removes ${filesBelow(prefix)}`, ...when].join(" "),
      },
    ];
  });

const hasCustomTime = ({ daysSinceCustomTime, customTimeBefore }: Rule["condition"]) =>
  (daysSinceCustomTime ?? customTimeBefore) !== undefined;
const NONCURRENT = ["daysSinceNoncurrentTime", "noncurrentTimeBefore", "numNewerVersions"] as const;
