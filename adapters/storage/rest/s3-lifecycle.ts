import * as Effect from "effect/Effect";
import { hash } from "node:crypto";
import type { BucketLifecycle } from "../../../application/ports/object-store.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { PENDING_TAG } from "../signing/binding.ts";
import { refusalIn } from "./refusal-reason.ts";
import { type Answer, type Bucket, signedFetch } from "./signed-fetch.ts";

const ID = "valetkey-unconfirmed";

/**
 * The lifecycle of a bucket of S3's API: "PutBucketLifecycleConfiguration", Amazon S3 API
 * Reference. A `PUT` replaces all rules, and a client that parses and rewrites them drops what it
 * does not know. So our rule is inserted into the text from the store, and no other rule is
 * touched.
 */
export const s3Lifecycle = (bucket: Bucket): BucketLifecycle => ({
  rule: (days) => documentOf(ruleOf(days)),
  apply: Effect.fnUntraced(function* (days) {
    const before = yield* read(bucket);
    const others = rulesIn(before).filter((rule) => !isOurs(rule));
    if (rulesIn(before).some((rule) => isOurs(rule) && daysIn(rule) === days)) return "there";
    yield* write(bucket, documentOf([...others, ruleOf(days)].join("")));
    const after = rulesIn(yield* read(bucket));
    const lost = others.filter((rule) => !after.includes(rule));
    if (lost.length > 0 || !after.some(isOurs)) {
      yield* write(bucket, before);
      return yield* new StoreUnavailable({
        reason: `the store changed ${lost.length} of the bucket's other lifecycle rules; they were restored, and the rule for unconfirmed uploads was not added`,
      });
    }
    return "added";
  }),
});

const ruleOf = (days: number) =>
  `<Rule><ID>${ID}</ID><Status>Enabled</Status><Filter><Tag><Key>${PENDING_TAG.key}</Key><Value>${PENDING_TAG.value}</Value></Tag></Filter><Expiration><Days>${days}</Days></Expiration></Rule>`;

const documentOf = (rules: string) =>
  `<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${rules}</LifecycleConfiguration>`;

const rulesIn = (document: string): ReadonlyArray<string> =>
  document
    .split("<Rule>")
    .slice(1)
    .flatMap((rest) => {
      const end = rest.indexOf("</Rule>");
      return end === -1 ? [] : [`<Rule>${rest.slice(0, end)}</Rule>`];
    });
const isOurs = (rule: string) => rule.includes(`<ID>${ID}</ID>`);
const daysIn = (rule: string) => Number(/<Days>(\d+)<\/Days>/.exec(rule)?.[1]);

const QUERY = [["lifecycle", ""]] as const;

const read = Effect.fnUntraced(function* (bucket: Bucket) {
  const answer = yield* signedFetch(bucket, { method: "GET", query: QUERY });
  if (answer.status === 404) return documentOf("");
  return answer.ok ? answer.text : yield* refused("read", answer);
});

const write = Effect.fnUntraced(function* (bucket: Bucket, body: string) {
  const headers = [
    ["content-md5", hash("md5", body, "base64")],
    ["content-type", "application/xml"],
  ] as const;
  const answer = yield* signedFetch(bucket, { method: "PUT", query: QUERY, headers, body });
  if (!answer.ok) yield* refused("written", answer);
});

const refused = (what: "read" | "written", answer: Answer) =>
  new StoreUnavailable({
    reason: `the bucket's lifecycle could not be ${what}: ${answer.status} ${refusalIn(answer).code ?? ""}`,
  });
