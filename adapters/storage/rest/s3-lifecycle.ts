import * as Effect from "effect/Effect";
import { hash } from "node:crypto";
import type { BucketLifecycle } from "../../../application/ports/object-store.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { ABANDONED_AFTER } from "../../../domain/multipart.ts";
import { KEY_PREFIX } from "../../../domain/storage-key.ts";
import { PENDING_TAG } from "../signing/binding.ts";
import { refusalIn } from "./refusal-reason.ts";
import { isUnset, isWhole } from "./bucket-rules.ts";
import { type Answer, type Bucket, signedFetch } from "./signed-fetch.ts";

const UNCONFIRMED = "<ID>valetkey-unconfirmed</ID>";
const PARTS = "<ID>valetkey-parts</ID>";

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
  const rulesOf = (days: number): ReadonlyArray<Rule> => [
    ...(days > 0 ? [unconfirmedRule(days)] : []),
    ...(removesParts ? [PARTS_RULE] : []),
  ];
  return {
    removesParts,
    rule: (days) => documentOf(rulesOf(days).map(({ text }) => text)),
    apply: Effect.fnUntraced(function* (days) {
      const own = rulesOf(days);
      const before = rulesIn(yield* read(bucket));
      if (own.every((rule) => before.some(isKept(rule)))) return "there";
      const others = before.filter((rule) => !own.some(({ id }) => rule.includes(id)));
      yield* write(bucket, [...others, ...own.map(({ text }) => text)]);
      const after = rulesIn(yield* read(bucket));
      const lost = others.filter((rule) => !after.includes(rule));
      if (lost.length === 0 && own.every((rule) => after.some(isKept(rule)))) return "added";
      yield* write(bucket, before);
      return yield* new StoreUnavailable({
        reason:
          lost.length > 0
            ? `the store changed ${lost.length} of the bucket's other lifecycle rules; they were restored, and no rule was added`
            : "the store did not keep what was added; the bucket's rules are as they were",
      });
    }),
  };
};

/** A rule of ours: its id, its text, and the part of it that a store has to keep. */
interface Rule {
  readonly id: string;
  readonly action: string;
  readonly text: string;
}

const isKept =
  ({ id, action }: Rule) =>
  (rule: string): boolean =>
    rule.includes(id) && rule.includes(action);

function unconfirmedRule(days: number): Rule {
  const action = `<Days>${days}</Days>`;
  const text = `<Rule>${UNCONFIRMED}<Status>Enabled</Status><Filter><Tag><Key>${PENDING_TAG.key}</Key><Value>${PENDING_TAG.value}</Value></Tag></Filter><Expiration>${action}</Expiration></Rule>`;
  return { id: UNCONFIRMED, action, text };
}

const ABORT = `<DaysAfterInitiation>${ABANDONED_AFTER}</DaysAfterInitiation>`;
const PARTS_RULE: Rule = {
  id: PARTS,
  action: ABORT,
  text: `<Rule>${PARTS}<Status>Enabled</Status><Filter><Prefix>${KEY_PREFIX}</Prefix></Filter><AbortIncompleteMultipartUpload>${ABORT}</AbortIncompleteMultipartUpload></Rule>`,
};

const documentOf = (rules: ReadonlyArray<string>) =>
  `<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${rules.join("")}</LifecycleConfiguration>`;

const rulesIn = (document: string): ReadonlyArray<string> =>
  document
    .split("<Rule>")
    .slice(1)
    .flatMap((rest) => {
      const end = rest.indexOf("</Rule>");
      return end === -1 ? [] : [`<Rule>${rest.slice(0, end)}</Rule>`];
    });
const QUERY = [["lifecycle", ""]] as const;

const read = Effect.fnUntraced(function* (bucket: Bucket) {
  const answer = yield* signedFetch(bucket, { method: "GET", query: QUERY });
  if (isUnset(answer)) return "";
  if (!answer.ok) return yield* refused("read", answer);
  const { text } = answer;
  if (!isWhole(text, "LifecycleConfiguration", rulesIn(text).length)) return yield* NOT_READ;
  return text;
});

const write = Effect.fnUntraced(function* (bucket: Bucket, rules: ReadonlyArray<string>) {
  if (rules.length === 0) {
    const answer = yield* signedFetch(bucket, { method: "DELETE", query: QUERY });
    if (!answer.ok) yield* refused("written", answer);
    return;
  }
  const body = documentOf(rules);
  const headers = [
    ["content-md5", hash("md5", body, "base64")],
    ["content-type", "application/xml"],
  ] as const;
  const answer = yield* signedFetch(bucket, { method: "PUT", query: QUERY, headers, body });
  if (!answer.ok) yield* refused("written", answer);
});

const NOT_READ = new StoreUnavailable({
  reason: "this store's answer about its lifecycle rules is not understood, so none was changed",
});

const refused = (what: "read" | "written", answer: Answer) =>
  new StoreUnavailable({
    reason: `the bucket's lifecycle could not be ${what}: ${answer.status} ${refusalIn(answer).code ?? ""}`,
  });
