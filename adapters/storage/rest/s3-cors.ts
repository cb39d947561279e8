import * as Effect from "effect/Effect";
import { hash } from "node:crypto";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { type BucketCors, CORS_MAX_AGE, mergeOrigins } from "../bucket-cors.ts";
import { type ProviderName, PROVIDERS } from "../providers.ts";
import { CHECKSUM_HEADERS } from "../signing/binding.ts";
import { elementsIn, insideIn, isUnset, isWhole } from "./bucket-rules.ts";
import { refusalIn } from "./refusal-reason.ts";
import { type Answer, type Bucket, signedFetch } from "./signed-fetch.ts";

const ID = "valetkey";

/** Every header that a signed PUT may ask a browser to send. */
const HEADERS = [
  "Content-Type",
  "If-None-Match",
  ...Object.values(CHECKSUM_HEADERS),
  "x-amz-tagging",
].toSorted();

const METHODS = ["GET", "PUT"];
const EXPOSED = ["ETag"];

/** The permission for pages, in the form of each store of S3's API. */
export function s3Cors(
  bucket: Bucket,
  { provider, bucket: name }: { readonly provider: ProviderName; readonly bucket: string },
): BucketCors["Service"] {
  if (PROVIDERS[provider].cors === "server") {
    return provider === "minio"
      ? {
          rule: (origins) => `MINIO_API_CORS_ALLOW_ORIGIN=${origins.join(",")}\n`,
          byHand:
            "MinIO has no rules per bucket: start the server with this variable, which replaces the present list",
        }
      : {
          rule: awsRule,
          byHand: `${PROVIDERS[provider].title} has no rules per bucket; see what its own settings allow`,
        };
  }
  const apply: BucketCors["Service"]["apply"] = (origins, { replace } = { replace: false }) =>
    applyRule(bucket, origins, replace);
  if (provider === "swift") {
    return {
      rule: (origins) =>
        `swift post ${name} -m "Access-Control-Allow-Origin: ${origins.join(" ")}" -m "Access-Control-Expose-Headers: ETag" -m "Access-Control-Max-Age: ${CORS_MAX_AGE}"\n`,
      byHand:
        "run this with the user that owns the container; it replaces the origins that the container has (swift stat shows them)",
    };
  }
  if (provider === "b2") {
    return {
      rule: b2Rule,
      byHand: `put it into cors.json beside your other rules, and run: b2 bucket update --cors-rules "$(cat cors.json)" ${name}`,
      apply,
    };
  }
  return {
    rule: awsRule,
    byHand: `put it into cors.json beside your other rules, and run: aws s3api put-bucket-cors --bucket ${name} --cors-configuration file://cors.json`,
    apply,
  };
}

const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

const awsRule = (origins: ReadonlyArray<string>) =>
  json({
    CORSRules: [
      {
        ID,
        AllowedOrigins: origins,
        AllowedMethods: METHODS,
        AllowedHeaders: HEADERS,
        ExposeHeaders: EXPOSED,
        MaxAgeSeconds: CORS_MAX_AGE,
      },
    ],
  });

const b2Rule = (origins: ReadonlyArray<string>) =>
  json([
    {
      corsRuleName: ID,
      allowedOrigins: origins,
      allowedOperations: ["s3_get", "s3_put"],
      allowedHeaders: HEADERS.map((name) => name.toLowerCase()),
      exposeHeaders: EXPOSED,
      maxAgeSeconds: CORS_MAX_AGE,
    },
  ]);

const elements = (name: string, values: ReadonlyArray<string | number>) =>
  values.map((value) => `<${name}>${value}</${name}>`).join("");

const ruleOf = (origins: ReadonlyArray<string>) =>
  `<CORSRule>${elements("ID", [ID])}${elements("AllowedOrigin", origins)}${elements("AllowedMethod", METHODS)}${elements("AllowedHeader", HEADERS)}${elements("ExposeHeader", EXPOSED)}${elements("MaxAgeSeconds", [CORS_MAX_AGE])}</CORSRule>`;

const documentOf = (rules: ReadonlyArray<string>) =>
  `<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${rules.join("")}</CORSConfiguration>`;

/**
 * "PutBucketCors", Amazon S3 API Reference. A `PUT` replaces all rules, so ours is inserted into
 * the text of the store, and no other rule is touched.
 */
const applyRule = Effect.fnUntraced(function* (
  bucket: Bucket,
  asked: ReadonlyArray<string>,
  replace: boolean,
) {
  const before = rulesIn(yield* read(bucket));
  // Some stores drop the name.
  const isOurs = (rule: string) =>
    rule.includes(`<ID>${ID}</ID>`) || says(rule, ruleOf(originsIn(rule)));
  const merged = mergeOrigins(before.filter(isOurs).flatMap(originsIn), asked, replace);
  const own = ruleOf(merged.origins);
  const others = before.filter((rule) => !isOurs(rule));
  if (before.length - others.length === 1 && before.some((rule) => says(rule, own))) {
    return { outcome: "there" as const, ...merged };
  }
  yield* write(bucket, [...others, own]);
  const after = rulesIn(yield* read(bucket));
  const lost = others.filter((rule) => !after.includes(rule));
  if (lost.length === 0 && after.some((rule) => says(rule, own))) {
    return { outcome: "added" as const, ...merged };
  }
  yield* before.length === 0 ? remove(bucket) : write(bucket, before);
  return yield* new StoreUnavailable({
    reason: `the store changed ${lost.length} of the bucket's other CORS rules, or dropped ours; the rules are as they were before`,
  });
});

const rulesIn = (document: string) => elementsIn(document, "CORSRule");

const originsIn = (rule: string) => insideIn(rule, "AllowedOrigin");

/** Whether a rule, in whatever order, says what ours says. */
const says = (rule: string, own: string) => partsOf(rule) === partsOf(own);

const partsOf = (rule: string) =>
  rule
    .split("<")
    .filter((part) => /^(?:Allowed|Expose|MaxAge)/.test(part))
    .toSorted()
    .join("\n")
    .toLowerCase();

const QUERY = [["cors", ""]] as const;

const read = Effect.fnUntraced(function* (bucket: Bucket) {
  const answer = yield* signedFetch(bucket, { method: "GET", query: QUERY });
  if (isUnset(answer)) return "";
  if (!answer.ok) return yield* refused("read", answer);
  const { text } = answer;
  if (!isWhole(text, "CORSConfiguration", rulesIn(text).length)) return yield* NOT_READ;
  return text;
});

const NOT_READ = new StoreUnavailable({
  reason: "this store's answer about its CORS rules is not understood, so none was changed",
});

const write = Effect.fnUntraced(function* (bucket: Bucket, rules: ReadonlyArray<string>) {
  const body = documentOf(rules);
  const headers = [
    ["content-md5", hash("md5", body, "base64")],
    ["content-type", "application/xml"],
  ] as const;
  const answer = yield* signedFetch(bucket, { method: "PUT", query: QUERY, headers, body });
  if (!answer.ok) yield* refused("written", answer);
});

const remove = Effect.fnUntraced(function* (bucket: Bucket) {
  const answer = yield* signedFetch(bucket, { method: "DELETE", query: QUERY });
  if (!answer.ok) yield* refused("removed", answer);
});

function refused(what: "read" | "written" | "removed", answer: Answer) {
  const { code = "" } = refusalIn(answer);
  const advice =
    answer.status === 403
      ? "; run the command with a key that may do s3:GetBucketCORS and s3:PutBucketCORS"
      : answer.status === 501
        ? "; this server has no rules per bucket"
        : "";
  return new StoreUnavailable({
    reason: `the bucket's CORS rules could not be ${what}: ${answer.status} ${code}${advice}`,
  });
}
