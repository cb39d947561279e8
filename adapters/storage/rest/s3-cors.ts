import { type BucketCors, CORS_MAX_AGE, mergeOrigins } from "../bucket-cors.ts";
import { type ProviderName, PROVIDERS } from "../providers.ts";
import { ANNOUNCEMENT, CHECKSUM_HEADERS } from "../signing/binding.ts";
import { bucketRules } from "./bucket-rules.ts";
import type { Bucket } from "./signed-fetch.ts";
import { element, textsIn } from "./xml.ts";

const CORS = {
  query: "cors",
  root: "CORSConfiguration",
  rule: "CORSRule",
  rules: "CORS rules",
  whole: "CORS rules",
  advice: new Map([
    [403, "; run the command with a key that may do s3:GetBucketCORS and s3:PutBucketCORS"],
    [501, "; this server has no rules per bucket"],
  ]),
};

const ID = "valetkey";

const HEADERS = [
  "Content-Type",
  "If-None-Match",
  ...Object.values(CHECKSUM_HEADERS),
  ANNOUNCEMENT,
].toSorted();

const EXPOSED = ["ETag"];

export function s3Cors(
  bucket: Bucket,
  { provider, bucket: name }: { readonly provider: ProviderName; readonly bucket: string },
): BucketCors["Service"] {
  const { title, cors } = PROVIDERS[provider];
  if (provider === "minio") {
    return {
      rule: (origins) => `MINIO_API_CORS_ALLOW_ORIGIN=${origins.join(",")}\n`,
      byHand:
        "MinIO has no rules per bucket: start the server with this variable, which replaces the present list",
    };
  }
  if (cors === "server") {
    return {
      rule: awsRule,
      byHand: `${title} has no rules per bucket; see what its own settings allow`,
    };
  }
  if (provider === "swift") {
    return {
      rule: (origins) =>
        `swift post ${name} -m "Access-Control-Allow-Origin: ${origins.join(" ")}" -m "Access-Control-Expose-Headers: ETag" -m "Access-Control-Max-Age: ${CORS_MAX_AGE}"\n`,
      byHand:
        "run this with the user that owns the container; it replaces the origins that the container has (swift stat shows them)",
    };
  }
  const [rule, command] =
    provider === "b2"
      ? [b2Rule, `b2 bucket update --cors-rules "$(cat cors.json)" ${name}`]
      : [
          awsRule,
          `aws s3api put-bucket-cors --bucket ${name} --cors-configuration file://cors.json`,
        ];
  return {
    rule,
    byHand: `put it into cors.json beside your other rules, and run: ${command}`,
    apply: (asked, { replace } = { replace: false }) =>
      bucketRules(bucket, CORS).change((present) => {
        const ours = present.filter(isOurs);
        const merged = mergeOrigins(ours.flatMap(originsIn), asked, replace);
        const own = xmlRule(merged.origins);
        return {
          others: present.filter((rule) => !isOurs(rule)),
          own: [own],
          isThere: (rules) =>
            rules.filter(isOurs).length === 1 && rules.some((rule) => saysSame(rule, own)),
          result: merged,
        };
      }),
  };
}

const ruleFor = (origins: ReadonlyArray<string>) => ({
  ID,
  AllowedOrigins: origins,
  AllowedMethods: ["GET", "PUT"],
  AllowedHeaders: HEADERS,
  ExposeHeaders: EXPOSED,
  MaxAgeSeconds: CORS_MAX_AGE,
});

const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

const awsRule = (origins: ReadonlyArray<string>) => json({ CORSRules: [ruleFor(origins)] });

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

/** The name of a list loses its plural. */
const xmlRule = (origins: ReadonlyArray<string>) =>
  element(
    "CORSRule",
    Object.entries(ruleFor(origins))
      .flatMap(([name, value]) =>
        typeof value === "object"
          ? value.map((each) => element(name.slice(0, -1), each))
          : element(name, value),
      )
      .join(""),
  );

const originsIn = (rule: string) => textsIn(rule, "AllowedOrigin");

/** Some stores drop the name, so a rule that says what ours says is ours. */
const isOurs = (rule: string) =>
  rule.includes(element("ID", ID)) || saysSame(rule, xmlRule(originsIn(rule)));

const saysSame = (one: string, other: string) => partsIn(one) === partsIn(other);

const partsIn = (rule: string) =>
  rule
    .split("<")
    .filter((part) => /^(?:Allowed|Expose|MaxAge)/.test(part))
    .toSorted()
    .join("\n")
    .toLowerCase();
