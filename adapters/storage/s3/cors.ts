import { type BucketCors, CORS_MAX_AGE, mergeOrigins } from "../bucket-cors.ts";
import { fill } from "../by-hand.ts";
import { type ProviderName, PROVIDERS } from "./providers.ts";
import texts from "./by-hand.json" with { type: "json" };
import { ANNOUNCEMENT, CHECKSUM_HEADERS } from "../signing/binding.ts";
import { bucketRules } from "./bucket-rules.ts";
import type { Bucket } from "../rest/signed-fetch.ts";
import { element, textsIn } from "../rest/xml.ts";

const ID = "valetkey";

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
  isOfValetkey,
  isSame,
};

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
  const rule = RULES[provider] ?? awsRule;
  const apply: BucketCors["Service"]["apply"] = (wanted, { replace } = { replace: false }) =>
    bucketRules(bucket, CORS).change((present) => {
      const result = mergeOrigins(present.flatMap(originsIn), wanted, replace);
      return { planned: [xmlRule(result.origins)], result };
    });
  const text: { readonly policy: string; readonly cors?: string } = texts[provider];
  const isRuleOfBucket = PROVIDERS[provider].cors === "bucket" && provider !== "swift";
  return {
    rule: (origins) => rule(origins, name),
    byHand: fill(text.cors ?? texts.aws.cors, { bucket: name }),
    ...(isRuleOfBucket && { apply }),
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

const RULES: {
  readonly [Name in ProviderName]?: (origins: ReadonlyArray<string>, bucket: string) => string;
} = {
  minio: (origins) => `MINIO_API_CORS_ALLOW_ORIGIN=${origins.join(",")}\n`,
  swift: (origins, name) =>
    `swift post ${name} -m "Access-Control-Allow-Origin: ${origins.join(" ")}" -m "Access-Control-Expose-Headers: ETag" -m "Access-Control-Max-Age: ${CORS_MAX_AGE}"\n`,
  b2: b2Rule,
};

/** Writes the rule in XML, where the name of a list loses its plural. */
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

/** Returns true for Valetkey's rule. Some stores drop the name, so one with its content counts. */
function isOfValetkey(rule: string): boolean {
  return rule.includes(element("ID", ID)) || isSame(rule, xmlRule(originsIn(rule)));
}

function isSame(one: string, other: string): boolean {
  return partsIn(one) === partsIn(other);
}

const partsIn = (rule: string) =>
  rule
    .split("<")
    .filter((part) => /^(?:Allowed|Expose|MaxAge)/.test(part))
    .toSorted()
    .join("\n")
    .toLowerCase();
