import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { settings } from "../../../adapters/service/settings.ts";
import { decodePolicies } from "../../../adapters/service/policies/document.ts";
import { readEnvFiles } from "../../../adapters/settings/env-files.ts";
import type { Setting } from "../../../adapters/settings/setting.ts";
import { makeFolder } from "../../support/make-folder.ts";
import { receiptKey } from "../../support/receipt-key.ts";

/** What people paste or mistype, made from a value that is right. */
const VARIANTS = {
  before: (value: string) => `|${value}`,
  behind: (value: string) => `${value}|`,
  between: (value: string) => {
    const middle = Math.ceil(value.length / 2);
    return `${value.slice(0, middle)}|${value.slice(middle)}`;
  },
  "word-before": (value: string) => `about ${value}`,
  "word-behind": (value: string) => `${value} ago`,
  "last-twice": (value: string) => `${value}${value.at(-1)}`,
  upper: (value: string) => value.toUpperCase(),
  "space-before": (value: string) => ` ${value}`,
  "space-behind": (value: string) => `${value} `,
  "line-end": (value: string) => `${value}\n`,
  "bad-entry": (value: string) => `${value},|,${value}`,
  "empty-entry": (value: string) => `${value},`,
} as const;
type Variant = keyof typeof VARIANTS;

const variants = Object.entries(VARIANTS) as ReadonlyArray<[Variant, (value: string) => string]>;

const SPACE = ["space-before", "space-behind", "line-end"] as const;

const KEY = receiptKey("test").toString("base64");
const TOKEN = "0123456789abcdef-._~+/";
const GUESSABLE = `${"a".repeat(64)} ; ${"0123abcd".repeat(4)} ; passwordpasswordpass`;
const NO_URL =
  "files.example.com ; ftp://a.example ; https://key:secret@a.example ; https://a.example/?a=b ; https://a.example/#a ; https://";
const NO_SIZE = "1 gb ; 1 KB ; 1  GiB ; 1 GiB/day ; -1 B ; 0 B ; ten";
const NO_RATE =
  "120 per minute per IP ; 0 per minute ; 1.5 per hour ; 10000000 per day ; 120 ; 2/hour ; 2 per week";
const NO_COUNT = "87.5 ; 0 ; -1 ; many";

/**
 * Variables, which may name one of two settings by its option; a value, and others that are taken;
 * the variants of the first that are values too, while every other one is refused; and what else is.
 */
const TABLE = `
  AUTH_TOKENS_FILE JWT_AUDIENCE_CLAIM JWT_ISSUER JWT_ORGANIZATIONS_CLAIM JWT_QUOTA_CLAIM | sub | all | ""
  JWT_SCOPES_CLAIM JWT_SCOPES_PREFIX JWT_STORED_CLAIM JWT_STORE_CLAIM JWT_SUBJECT_CLAIM JWT_TYPE REDIS_CA_FILE | sub | all | ""
  STORAGE_GCS_CREDENTIALS STORAGE_LOCAL_DIR STORAGE_POLICIES STORES | sub | all | ""
  CLAMD_ADDRESS | 127.0.0.1:3310 ; [::1]:3310 ; clamd:3310 ; /run/clamav/clamd.ctl | last-twice | 127.0.0.1 ; 127.0.0.1:0 ; 127.0.0.1:65536 ; clamd.ctl ; tcp://clamd:3310
  CORS_ORIGINS | https://a.example,https://b.example:1 | last-twice spaces | https://a.example/ ; https://a.example,b.example ; null
  DEV_SERVICE_TOKEN DEV_TOKEN | ${TOKEN} ; ${TOKEN}= | last-twice upper | ${TOKEN}=x ; Bearer ${TOKEN} ; 0123456789abcde ; ${GUESSABLE}
  ENV_FILES | /etc/valetkey.env,/run/secrets | all but empty-entry | "" ; /etc/valetkey.env,
  EVENTS_SECRETS | whsec_${KEY} | spaces | ${KEY} ; whsec_ ; whsec_c2hvcnQ= ; whsec_${"A".repeat(32)} ; whsec_${"A".repeat(88)} ; whsec_${"c2VjcmV0".repeat(4)} ; v1,whsec_${KEY}
  CDN_KEY | nZtRohdNF9m3cKM24IcK4w== ; nZtRohdNF9m3cKM24IcK4w | upper | nZtRohdNF9m3cKM24IcK4w= ; nZtRohdNF9m3cKM24IcK ; nZtRohdNF9m3cKM24Ic/4w== ; -----BEGIN PRIVATE KEY-----
  CDN_KEY_ID | K2JCJMDEHXQW5F ; my-key | last-twice upper | -a ; a- ; a_b ; a.b ; ${"a".repeat(64)}
  CDN_URL EVENTS_URL IMAGES_URL | https://files.example.com:9000 | upper spaces | ${NO_URL} ; https://a.example?b
  FORWARD_AUTH_KIND FORWARD_AUTH_ORGANIZATIONS FORWARD_AUTH_SCOPES FORWARD_AUTH_USER | x-forwarded-user | last-twice upper | X_User ; X-User:
  FORWARD_AUTH_TRUSTED TRUSTED_PROXIES | 10.0.0.0/8,::2 | last-twice spaces | 10.0.0.0/8,10.1 ; 10.0.0.0/8;::2 ; 0.0.0.0/0 ; ::/0 ; ::ffff:0.0.0.0/96 ; 010.0.0.1
  GOOGLE_APPLICATION_CREDENTIALS STORAGE_CERTIFICATE STORAGE_CREDENTIALS_FILE | /run/secrets/key.json | all but line-end | "" ; {"access_key": "a"} ; a\\nb
  HOST | 127.0.0.1 ; ::1 ; localhost | last-twice | [::1]
  IMAGES_KEY | 0123456789abcdef-._~ABCDEFGHIJKL | last-twice upper | 0123456789abcdef-._~ABCDEFGHIJK ; 0123456789abcdef+-._~ABCDEFGHIJ ; ${GUESSABLE}
  IMAGES_SALT | 0123456789abcdef0f1e2d3c4b5a6978 | upper | 0123456789abcdef0f1e2d3c4b5a697 ; 0123456789abcdef0f1e2d3c4b5a697g ; ${"a".repeat(64)}
  JWT_AUDIENCE | sub ; https://a.example,https://b.example | all but empty-entry | "" ; a,
  JWT_ALGORITHMS | RS256,ES256 | spaces | RS256,HS256 ; none ; RS2566 ; RS256 ES256 ; rs256
  JWT_JWKS_URL ORGANIZATIONS_URL | https://files.example.com:9000 ; http://127.0.0.1:1/keys ; http://[::1]/keys ; http://localhost/keys | upper spaces | http://files.example.com ; http://127.0.0.1.example.com ; https://a@example.com
  JWT_SERVICE_CLAIM | gty=client-credentials | all but bad-entry | gty ; gty= ; =service ; gty=a=b
  LIMIT_BYTES_PER_DAY LIMIT_BYTES_PER_SUBJECT_PER_DAY LIMIT_STORED_BYTES LIMIT_STORED_BYTES_PER_SUBJECT STORAGE_MAX_FILE_SIZE | 1.5 TiB | | ${NO_SIZE}
  LIMIT_FAILED_AUTHENTICATIONS | 120 per minute ; 1 per second ; 9999999 per day ; off | | ${NO_RATE}
  LIMIT_OBJECTS_PER_DAY LIMIT_OPEN_UPLOADS LIMIT_OPEN_UPLOADS_PER_SUBJECT REPLICAS | 87 ; 1 | last-twice spaces | ${NO_COUNT}
  LIMIT_REQUESTS_PER_ORGANIZATION LIMIT_REQUESTS_PER_SUBJECT | 120 per minute ; 1 per second ; 9999999 per day | | ${NO_RATE}
  MAX_CONNECTIONS | 87 ; 1 ; 1000000 | last-twice spaces | ${NO_COUNT} ; 1000001
  METRICS_PORT PORT PROBE_PORT | 87 ; 1 ; 65535 | last-twice spaces | ${NO_COUNT} ; 65536
  METRICS_TOKEN | ${TOKEN} ; ${TOKEN}= | last-twice upper | 0123456789abcde ; a b ; ${GUESSABLE}
  NOTIFICATIONS_SECRETS | 0123456789abcdef-._~ABCD ; 0123456789abcdef01234567,0123456789abcdef76543210 | last-twice upper spaces | 0123456789abcdef-._~ABC ; 0123456789abcdef01234/567 ; 0123456789abcdef:01234567 ; ${"a".repeat(24)} ; 0123456789abcdef-._~ABCD,aaabbbcccaaabbbcccabcabcabb
  ORGANIZATIONS | acme=org_1,globex=org_2 | last-twice upper spaces | acme ; acme= ; =org_1 ; acme=org_1=x ; acme=org_1,globex ; acme:org_1 ; a/b=c ; a=b/c
  ORGANIZATIONS_TOKEN | ${TOKEN} ; ${TOKEN}= | last-twice upper | ${TOKEN}=x ; Bearer ${TOKEN}
  OTEL_EXPORTER_OTLP_ENDPOINT | https://files.example.com:9000 ; http://127.0.0.1:4318/base | upper spaces | ${NO_URL} ; https://a.example?b
  OTEL_EXPORTER_OTLP_HEADERS OTEL_RESOURCE_ATTRIBUTES | a=b ; authorization=Bearer%20a,x-key=b%2C | behind between last-twice upper spaces word-behind | a ; =b ; a=b=c ; a=%zz ; a=b%0A ; a=b,c
  OTEL_SERVICE_NAME | sub | all | ""
  OTEL_TRACES_SAMPLER | parentbased_traceidratio ; always_on ; always_off | | jaeger_remote ; parentbased_ ; always
  OTEL_TRACES_SAMPLER_ARG | 0.25 ; 0 ; 1 | last-twice spaces | 1.1 ; -0.1 ; 25% ; half
  PUBLIC_URL STORAGE_GCS_CUSTOM_DOMAIN | https://files.example.com:9000 | upper spaces | ${NO_URL} ; https://a.example/b ; https://a.example?b
  RECEIPT_KEYS | prod:${KEY} ; prod-2:${KEY},2026:${KEY} | spaces | Prod:${KEY} ; my_key:${KEY} ; prod:${KEY}:x ; :${KEY} ; ${KEY} ; prod:c2hvcnQ=
  REDIS_SENTINELS | redis://:password@sentinel.example.com:26379 ; redis://a,rediss://b:1 | spaces | http://a ; redis://a,http://b ; redis://
  REDIS_URL | rediss://:password@redis.example.com:6379 ; redis://a,redis://b:1/0 | last-twice spaces | http://a ; redis://a,http://b ; redis:// ; redis://a/x
  SHUTDOWN_GRACE SHUTDOWN_TIMEOUT | 2 seconds ; 0 seconds ; 10 minutes | | 11 minutes ; 3 days ago ; 5 ; -1 seconds
  STORAGE_ACCESS_KEY STORAGE_GET_ACCESS_KEY STORAGE_PUT_ACCESS_KEY | AKIAIOSFODNN7EXAMPLE | before behind between last-twice bad-entry empty-entry | AB ; AKIA/EXAMPLE ; ${"A".repeat(129)}
  STORAGE_ACCOUNT_ID | 0123456789abcdef0123456789abcdef
  STORAGE_ALLOWED_TYPES | image/*,application/pdf | last-twice spaces | image/*,PNG ; image/png;charset=utf-8 ; image ; */*
  STORAGE_BUCKET | my-files | last-twice | Files ; -files ; files- ; ab
  STORAGE_BUCKET | my_files | last-twice | goog_files
  STORAGE_BUCKET | arn:aws:s3:us-east-1:123456789012:accesspoint/a | behind between last-twice bad-entry empty-entry
  STORAGE_ENDPOINT STORAGE_GCS_IAM_ENDPOINT STORAGE_PUBLIC_ENDPOINT | https://files.example.com:9000 | upper spaces | ${NO_URL}
  STORAGE_EXTERNAL_ID | org_1-5b0f8c1e ; a+b=c,d.e@f:g/h-i_j | last-twice upper empty-entry | a ; a b ; ä1 ; ${"a".repeat(1225)}
  STORAGE_AZURE_CLIENT_ID STORAGE_AZURE_TENANT_ID | 0b1f6471-1bf0-4dda-aec3-cb9272f09590 | | common ; 0b1f6471 ; 0b1f6471-1bf0-4dda-aec3-cb9272f0959g
  STORAGE_GET_ROLE STORAGE_PUT_ROLE STORAGE_ROLE | arn:aws:iam::123456789012:role/valetkey | last-twice empty-entry
  STORAGE_CREDENTIALS_ROLE | arn:aws:iam::123456789012:role/valetkey ; arn:aws:iam:::role/a | last-twice empty-entry
  STORAGE_GET_ROLE STORAGE_PUT_ROLE STORAGE_ROLE | signer@project.iam.gserviceaccount.com | before behind between last-twice upper empty-entry
  STORAGE_AZURE_CLIENT_SECRET STORAGE_GET_SECRET_KEY STORAGE_PUT_SECRET_KEY STORAGE_SECRET_KEY | wJalrXUtnFEMI/K7MDENG | all but spaces
  STORAGE_GET_SESSION_TOKEN STORAGE_PUT_SESSION_TOKEN STORAGE_SESSION_TOKEN | wJalrXUtnFEMI/K7MDENG | all but spaces
  STORAGE_GET_TTL STORAGE_PUT_TTL | 24 hours ; 7 days | | 8 days ; 0 seconds ; 3 days ago ; 5 ; -1 seconds
  STORAGE_REGION:region | eu-central-1 | last-twice
  STORAGE_REGION:location | eu | last-twice upper
`;

/** Those that take these words and no others. */
const WORDS = `
  AUDIT off stdout stderr
  AUDIT_METADATA on off
  AUTH dev static jwt forward
  AUTH_DEV_EXPOSED yes no
  CDN_SIGNER cloudfront google
  EVENTS_ALLOW_PRIVATE on off
  IMAGES imgproxy thumbor cloudflare
  LIMITS_ON_FAILURE allow refuse
  LOG_FORMAT pretty json
  LOG_LEVEL debug info warn error none
  MCP on off
  OTEL_METRICS_EXPORTER otlp none
  REDIS_CLUSTER on off
  STORAGE_ACCEPT_BROKEN on off
  STORAGE_ALLOW_PRIVATE on off
  STORAGE_ADAPTER local aws minio gcs azure
  STORAGE_CREATE_BUCKET on off
  STORAGE_PATH_STYLE on off
  STORAGE_PROVIDER aws r2 s3
  STORAGE_SIGNER native sdk
  STORAGE_UNTRUSTED on off
  STORED_BYTES_UNKNOWN allow refuse
  USAGE on off
`;

const linesOf = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => line.trim());

const valuesIn = (text = "") =>
  text === "" ? [] : text.split(" ; ").map((item) => item.replace('""', "").replace("\\n", "\n"));

/** Names of variants, in which `all but` stands before those that are not. */
function variantsIn(text = ""): ReadonlyArray<Variant> {
  const named = text.split(" ").flatMap((name) => (name === "spaces" ? SPACE : [name]));
  const isNamed = ([name]: readonly [string, unknown]) => named.includes(name);
  const found = variants.filter((each) => (named[0] === "all" ? !isNamed(each) : isNamed(each)));
  return found.map(([name]) => name);
}

const rows = [
  ...linesOf(TABLE).map((line) => {
    const [names = "", values, taken, refused] = line.split("|").map((part) => part.trim());
    const [value = "", ...also] = valuesIn(values);
    return { names, value, also, takes: variantsIn(taken), refuses: valuesIn(refused) };
  }),
  ...linesOf(WORDS).flatMap((line) => {
    const [names = "", ...words] = line.split(" ");
    return words.map((value) => ({ names, value, also: [], takes: [], refuses: [] }));
  }),
];

const held = rows.flatMap(({ names, ...row }) =>
  names.split(" ").flatMap((name) => {
    const [variable = "", only] = name.split(":");
    return settings
      .filter((setting) => setting.variable === variable && takes(setting, row.value))
      .filter(({ option }) => only === undefined || only === option)
      .map((setting) => ({ variable, setting, ...row }));
  }),
);

it("every setting but one has a row here", () => {
  const missing = settings.filter((setting) => !held.some((row) => row.setting === setting));
  // Readers of PEM differ in what they ignore around it; tests/service/configuration.test.ts has it.
  expect(missing.map(({ variable }) => variable)).toEqual(["JWT_PUBLIC_KEY"]);
});

it.each(held)(
  "$variable takes $value, and refuses it with junk in it",
  ({ setting, value, takes: taken, also, refuses }) => {
    const found = variants
      .filter(([, made]) => made(value) !== value && takes(setting, made(value)))
      .map(([name]) => name);
    expect(found.toSorted()).toEqual(
      taken.filter((name) => VARIANTS[name](value) !== value).toSorted(),
    );
    expect([value, ...also].filter((text) => !takes(setting, text))).toEqual([]);
    expect(refuses.filter((text) => takes(setting, text))).toEqual([]);
  },
);

it.each([
  ["1 B", "1 B"],
  ["1 B\n", "1 B"],
  ["1 B\r\n", "1 B"],
  ["1 B\n\n", "1 B\n"],
  ["", ""],
])("a file of a variable with %j gives it %j", (text, value) => {
  const folder = makeFolder();
  const path = join(folder, "STORAGE_MAX_FILE_SIZE");
  writeFileSync(path, text);
  const given = Result.getOrThrow(readEnvFiles({ ENV_FILES: folder }));
  expect([...given]).toEqual([["STORAGE_MAX_FILE_SIZE", { value, path }]]);
});

/** Whether a setting takes a text. */
function takes(setting: Setting<unknown>, text: string): boolean {
  return Result.isSuccess(setting.decode(text));
}

it.each(held.filter(({ takes }) => takes.includes(SPACE[0]) && !takes.includes("word-before")))(
  "$variable loses the white space around $value",
  ({ setting, value }) => {
    for (const name of SPACE) {
      expect(plain(setting.decode(VARIANTS[name](value)))).toEqual(plain(setting.decode(value)));
    }
  },
);

const plain = (decoded: Result.Result<unknown, unknown>) => {
  const value = Result.getOrThrow(decoded);
  return Redacted.isRedacted(value) ? Redacted.value(value) : value;
};

it.each([
  ["max_size", "200 MiB", []],
  ["put_lifetime", "15 minutes", []],
  ["get_lifetime", "15 minutes", []],
  ["min_lifetime", "15 minutes", []],
  ["link_lifetime", "365 days", []],
  ["unconfirmed_after", "3 days", []],
  ["on_mismatch", "delete", []],
  ["write_once", "true", undefined],
  ["strict", "true", undefined],
] as ReadonlyArray<[string, string, ReadonlyArray<Variant> | undefined]>)(
  "the member %s of a policy takes %s, and refuses it with junk in it",
  (member, value, taken) => {
    const takesMember = (text: string) =>
      Result.isSuccess(decodePolicies({ files: { [member]: text } }, "document"));
    expect(takesMember(value)).toBe(taken !== undefined);
    const found = variants.filter(([, made]) => takesMember(made(value))).map(([name]) => name);
    expect(found).toEqual(taken ?? []);
  },
);
