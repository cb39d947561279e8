import * as Effect from "effect/Effect";
import type { BucketLifecycle } from "../../../application/ports/object-store.ts";
import { ABANDONED_AFTER } from "../../../domain/multipart.ts";
import { KEY_PREFIX } from "../../../domain/storage-key.ts";
import { PENDING_TAG } from "../signing/binding.ts";
import { bucketRules } from "./bucket-rules.ts";
import { effectsIn } from "./lifecycle-rules.ts";
import { type Bucket, signedFetch } from "./signed-fetch.ts";
import { element, textIn } from "./xml.ts";

const LIFECYCLE = {
  query: "lifecycle",
  root: "LifecycleConfiguration",
  rule: "Rule",
  rules: "lifecycle rules",
  whole: "lifecycle",
};

const UNCONFIRMED = "<ID>valetkey-unconfirmed</ID>";

export const s3Lifecycle = (
  bucket: Bucket,
  { removesParts }: { readonly removesParts: boolean },
): BucketLifecycle => {
  const { read, documentWith, change } = bucketRules(bucket, LIFECYCLE);
  const rulesFor = (days: number): ReadonlyArray<string> => [
    ...(days > 0 ? [unconfirmedRule(days)] : []),
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
    apply: (asked, { replace } = { replace: false }) =>
      change((present) => {
        const waiting = present
          .filter((rule) => rule.includes(UNCONFIRMED))
          .map((rule) => Number(textIn(rule, "Days") ?? 0));
        const days = replace ? asked : Math.max(asked, ...waiting);
        const own = rulesFor(days);
        const ids = [UNCONFIRMED, ...own.flatMap((rule) => rule.match(/<ID>[^<]*<\/ID>/) ?? [])];
        return {
          others: present.filter((rule) => !ids.some((id) => rule.includes(id))),
          own,
          isThere: (rules) =>
            own.every((rule) => rules.some(saysAllOf(rule))) &&
            (days > 0 || !rules.some(saysAllOf(UNCONFIRMED))),
          result: { days },
        };
      }),
  };
};

const rule = (id: string, filter: string, action: string, days: string) =>
  element(
    "Rule",
    `${id}<Status>Enabled</Status>${element("Filter", filter)}${element(action, days)}`,
  );

const unconfirmedRule = (days: number) => {
  const { key, value } = PENDING_TAG;
  const tag = element("Tag", element("Key", key) + element("Value", value));
  return rule(UNCONFIRMED, tag, "Expiration", element("Days", days));
};

const PARTS_RULE = rule(
  "<ID>valetkey-parts</ID>",
  element("Prefix", KEY_PREFIX),
  "AbortIncompleteMultipartUpload",
  element("DaysAfterInitiation", ABANDONED_AFTER),
);

/** In any order. Without its filter, a rule would remove every file. */
const saysAllOf = (own: string) => {
  const parts = own.match(/<(\w+)>[^<]*<\/\1>/g) ?? [];
  return (rule: string) => parts.every((part) => rule.includes(part));
};
