import * as Effect from "effect/Effect";
import { hash } from "node:crypto";
import type { BucketLifecycle } from "../../../application/ports/object-store.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { ABANDONED_AFTER } from "../../../domain/multipart.ts";
import { KEY_PREFIX } from "../../../domain/storage-key.ts";
import { PENDING_TAG } from "../signing/binding.ts";
import { refusalIn } from "./refusal-reason.ts";
import { elementsIn, insideIn, isUnset, isWhole } from "./bucket-rules.ts";
import { effectsIn } from "./lifecycle-rules.ts";
import { type Answer, type Bucket, signedFetch } from "./signed-fetch.ts";

const UNCONFIRMED = "<ID>valetkey-unconfirmed</ID>";

/**
 * The lifecycle of a bucket of S3's API: "PutBucketLifecycleConfiguration", Amazon S3 API
 * Reference. A `PUT` replaces all rules, and a client that parses and rewrites them drops what it
 * does not know. So our rules are inserted into the text from the store, and no other rule is
 * touched. What was written is read again, since some stores accept a rule and do not keep it.
 */
export const s3Lifecycle = (
  bucket: Bucket,
  { removesParts }: { readonly removesParts: boolean },
): BucketLifecycle => {
  const rulesFor = (days: number): ReadonlyArray<string> => [
    ...(days > 0 ? [unconfirmedRule(days)] : []),
    ...(removesParts ? [PARTS_RULE] : []),
  ];
  return {
    removesParts,
    retention: Effect.map(
      signedFetch(bucket, { method: "GET", query: [["object-lock", ""]] }),
      ({ ok, text }) => {
        // "GetObjectLockConfiguration", Amazon S3 API Reference: the default of new objects.
        const [retention = ""] = ok ? insideIn(text, "DefaultRetention") : [];
        const unit = ["Day", "Year"].find((each) => retention.includes(`<${each}s>`));
        return unit && `${insideIn(retention, `${unit}s`)[0]} ${unit.toLowerCase()}(s)`;
      },
    ),
    effects: Effect.map(read(bucket), ({ text }) => effectsIn(text)),
    rule: (days) => documentOf(rulesFor(days)),
    apply: Effect.fnUntraced(function* (asked, { replace } = { replace: false }) {
      const before = yield* read(bucket);
      const present = rulesIn(before.text);
      const waiting = present.filter((rule) => rule.includes(UNCONFIRMED)).map(daysIn);
      const days = replace ? asked : Math.max(asked, ...waiting);
      const own = rulesFor(days);
      const isThere = (rules: ReadonlyArray<string>) =>
        own.every((rule) => rules.some(says(rule))) && (days > 0 || !rules.some(says(UNCONFIRMED)));
      if (isThere(present)) return { outcome: "there" as const, days };
      const ids = [UNCONFIRMED, ...own.flatMap((rule) => rule.match(ID) ?? [])];
      const others = present.filter((rule) => !ids.some((id) => rule.includes(id)));
      yield* write(bucket, { ...before, text: withRules(before.text, [...others, ...own]) });
      const after = yield* read(bucket);
      const kept = rulesIn(after.text);
      const lost = others.filter((rule) => !kept.includes(rule));
      // A bucket without rules need not say what is the default.
      const isSame = before.least === null || after.least === before.least;
      if (lost.length === 0 && isThere(kept) && isSame) {
        return { outcome: "added" as const, days };
      }
      yield* write(bucket, before);
      return yield* new StoreUnavailable({
        reason:
          lost.length > 0
            ? `the store changed ${lost.length} of the bucket's other lifecycle rules; they were restored, and no rule was added`
            : isThere(kept)
              ? `the store changed ${LEAST}; it was restored, and no rule was added`
              : "the store did not keep what was added; the bucket's rules are as they were",
      });
    }),
  };
};

const unconfirmedRule = (days: number) =>
  `<Rule>${UNCONFIRMED}<Status>Enabled</Status><Filter><Tag><Key>${PENDING_TAG.key}</Key><Value>${PENDING_TAG.value}</Value></Tag></Filter><Expiration><Days>${days}</Days></Expiration></Rule>`;

const PARTS_RULE = `<Rule><ID>valetkey-parts</ID><Status>Enabled</Status><Filter><Prefix>${KEY_PREFIX}</Prefix></Filter><AbortIncompleteMultipartUpload><DaysAfterInitiation>${ABANDONED_AFTER}</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>`;

const ID = /<ID>[^<]*<\/ID>/;

const daysIn = (rule: string) => Number(/<Days>(\d+)</.exec(rule)?.[1] ?? 0);

const rulesIn = (document: string) => elementsIn(document, "Rule");

/** Whether a rule says all that ours says, in whatever order: without its filter it would remove every file. */
const says = (own: string) => {
  const parts = own.match(/<(\w+)>[^<]*<\/\1>/g) ?? [];
  return (rule: string) => parts.every((part) => rule.includes(part));
};

const documentOf = (rules: ReadonlyArray<string>) =>
  `<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${rules.join("")}</LifecycleConfiguration>`;

/** A document with these rules instead of its own, and all else that is in it. */
const withRules = (document: string, rules: ReadonlyArray<string>): string =>
  rules.length === 0
    ? ""
    : document === ""
      ? documentOf(rules)
      : rulesIn(document)
          .reduce((text, rule) => text.replace(rule, ""), document)
          .replace("</LifecycleConfiguration>", () => `${rules.join("")}</LifecycleConfiguration>`);

/** What is set beside the rules, in a header of question and answer: a `PUT` without it resets it. */
const LEAST = "x-amz-transition-default-minimum-object-size";

/** The lifecycle of a bucket; the text is empty where there is none. */
interface Lifecycle {
  readonly text: string;
  readonly least: string | null;
}

const QUERY = [["lifecycle", ""]] as const;

const read = Effect.fnUntraced(function* (
  bucket: Bucket,
): Effect.fn.Return<Lifecycle, StoreUnavailable> {
  const answer = yield* signedFetch(bucket, { method: "GET", query: QUERY });
  const least = answer.headers.get(LEAST);
  if (isUnset(answer)) return { text: "", least };
  if (!answer.ok) return yield* refused("read", answer);
  const { text } = answer;
  if (!isWhole(text, "LifecycleConfiguration", rulesIn(text).length)) return yield* NOT_READ;
  return { text, least };
});

const write = Effect.fnUntraced(function* (bucket: Bucket, { text: body, least }: Lifecycle) {
  const headers = [
    ["content-md5", hash("md5", body, "base64")],
    ["content-type", "application/xml"],
    ...(least === null ? [] : [[LEAST, least] as const]),
  ] as const;
  const answer = yield* signedFetch(
    bucket,
    body === ""
      ? { method: "DELETE", query: QUERY }
      : { method: "PUT", query: QUERY, headers, body },
  );
  if (!answer.ok) yield* refused("written", answer);
});

const NOT_READ = new StoreUnavailable({
  reason: "this store's answer about its lifecycle rules is not understood",
});

const refused = (what: "read" | "written", answer: Answer) =>
  new StoreUnavailable({
    reason: `the bucket's lifecycle could not be ${what}: ${answer.status} ${refusalIn(answer).code ?? ""}`,
  });
