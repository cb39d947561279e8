import * as Effect from "effect/Effect";
import type { BucketRules, LifecycleRule } from "../../../application/ports/object-store.ts";
import { ABANDONED_AFTER } from "../../../domain/multipart.ts";
import { INCOMING_PREFIX, KEY_PREFIX } from "../../../domain/storage-key.ts";
import {
  daysAfter,
  filesBelow,
  incomingEffect,
  isOverIncoming,
  isOverFiles,
} from "../rest/rule-effects.ts";
import { type Bucket, signedFetch } from "../rest/signed-fetch.ts";
import { element, textIn, textsIn } from "../rest/xml.ts";
import { bucketRules } from "./bucket-rules.ts";

const LIFECYCLE = {
  query: "lifecycle",
  root: "LifecycleConfiguration",
  rule: "Rule",
  rules: "lifecycle rules",
  whole: "lifecycle",
  advice: new Map([
    [501, "; where a store has no such rules, run `valetkey sweep --apply` once a day"],
  ]),
};

const INCOMING_ID = "<ID>valetkey-incoming</ID>";
const PARTS_ID = "<ID>valetkey-parts</ID>";

export const s3Lifecycle = (
  bucket: Bucket,
  { removesParts }: { readonly removesParts: boolean },
): BucketRules => {
  const ids = [INCOMING_ID, ...(removesParts ? [PARTS_ID] : [])];
  const isOfValetkey = (rule: string) => ids.some((id) => rule.includes(id));
  const { read, documentWith, change } = bucketRules(bucket, {
    ...LIFECYCLE,
    isOfValetkey,
    isSame,
  });
  // Where there are versions, days also remove the marker that a removal leaves.
  const actions = REPLACED + (removesParts ? ABORT : "");
  const rulesFor = (days: number): ReadonlyArray<string> => [
    ...(days > 0 ? [rule(INCOMING_ID, INCOMING_PREFIX, expiration(days) + actions)] : []),
    ...(removesParts ? [PARTS_RULE] : []),
  ];
  return {
    removesParts,
    retention: Effect.map(
      signedFetch(bucket, { method: "GET", query: [["object-lock", ""]] }),
      ({ ok, text }) => {
        // "GetObjectLockConfiguration", Amazon S3 API Reference.
        const retention = (ok && textIn(text, "DefaultRetention")) || "";
        const unit = ["Day", "Year"].find((each) => retention.includes(`<${each}s>`));
        return unit && `${textIn(retention, `${unit}s`)} ${unit.toLowerCase()}(s)`;
      },
    ),
    effects: Effect.map(read, ({ rules }) => rules.flatMap(effectsIn)),
    rule: (days) => documentWith(rulesFor(days)),
    apply: (wantedDays, { replace } = { replace: false }) =>
      change((present) => {
        const waiting = present.map((rule) => Number(textIn(rule, "Days") ?? 0));
        const days = replace ? wantedDays : Math.max(wantedDays, ...waiting);
        return { planned: rulesFor(days), result: { days } };
      }),
  };
};

const rule = (id: string, prefix: string, actions: string) => {
  const filter = element("Filter", element("Prefix", prefix));
  return element("Rule", `${id}<Status>Enabled</Status>${filter}${actions}`);
};

const expiration = (days: number) => element("Expiration", element("Days", days));
const REPLACED = element("NoncurrentVersionExpiration", element("NoncurrentDays", 1));
const ABORT = element(
  "AbortIncompleteMultipartUpload",
  element("DaysAfterInitiation", ABANDONED_AFTER),
);
const PARTS_RULE = rule(PARTS_ID, KEY_PREFIX, ABORT);

/** Compares in any order. Without its filter, a rule would remove every file. */
const isSame = (rule: string, written: string) =>
  (written.match(/<(\w+)>[^<]*<\/\1>/g) ?? []).every((part) => rule.includes(part));

/** "Lifecycle configuration elements", Amazon S3 User Guide. */
export function effectsIn(rule: string): ReadonlyArray<LifecycleRule> {
  const prefix = textIn(rule, "Prefix") ?? "";
  if (!rule.includes("<Status>Enabled</Status>")) return [];
  const name = textIn(rule, "ID") ?? "without a name";
  const waiting = Number(textIn(textIn(rule, "Expiration") ?? "", "Days"));
  if (isOverIncoming(prefix) && waiting > 0) return [incomingEffect(name, waiting)];
  if (!isOverFiles(prefix)) return [];
  const tags = textsIn(rule, "Tag").map((tag) => `${textIn(tag, "Key")}=${textIn(tag, "Value")}`);
  const files = filesBelow(prefix, [
    ...tags.map((tag) => `with the tag ${tag}`),
    ...textsIn(rule, "ObjectSizeGreaterThan").map((bytes) => `above ${bytes} bytes`),
    ...textsIn(rule, "ObjectSizeLessThan").map((bytes) => `below ${bytes} bytes`),
  ]);
  const scope = tags.length > 0 ? "tagged" : "every";
  const effectBy = (action: string, within: string): Omit<LifecycleRule, "name"> | undefined => {
    if (action.startsWith("Abort")) return { scope: "parts", effect: "removes parts" };
    const storageClass = textIn(within, "StorageClass") ?? "";
    const moves = action.endsWith("Transition");
    // A class with immediate reads changes nothing for readers.
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
      : { scope, effect: `removes ${files} ${when}` };
  };
  return ACTIONS.flatMap((action) =>
    textsIn(rule, action).flatMap((within) => {
      const effect = effectBy(action, within);
      return effect === undefined ? [] : [{ name, ...effect }];
    }),
  );
}

/** Only MinIO knows the third. */
const ACTIONS = [
  "AbortIncompleteMultipartUpload",
  "Expiration",
  "AllVersionsExpiration",
  "Transition",
  "NoncurrentVersionExpiration",
  "NoncurrentVersionTransition",
];
const ARCHIVES: ReadonlySet<string> = new Set(["GLACIER", "DEEP_ARCHIVE"]);
