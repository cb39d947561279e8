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
  "junk before it": (value: string) => `|${value}`,
  "junk behind it": (value: string) => `${value}|`,
  "junk between": (value: string) => {
    const middle = Math.ceil(value.length / 2);
    return `${value.slice(0, middle)}|${value.slice(middle)}`;
  },
  "a word before it": (value: string) => `about ${value}`,
  "a word behind it": (value: string) => `${value} ago`,
  "its last letter twice": (value: string) => `${value}${value.at(-1)}`,
  "upper case": (value: string) => value.toUpperCase(),
  "a space before it": (value: string) => ` ${value}`,
  "a space behind it": (value: string) => `${value} `,
  "a line end behind it": (value: string) => `${value}\n`,
  "a bad entry among good ones": (value: string) => `${value},|,${value}`,
  "an empty entry": (value: string) => `${value},`,
} as const;
type Variant = keyof typeof VARIANTS;

const variants = Object.entries(VARIANTS) as ReadonlyArray<[Variant, (value: string) => string]>;

const SPACE = ["a space before it", "a space behind it", "a line end behind it"] as const;
const LONGER = "its last letter twice";

interface Row {
  readonly value: string;
  /** Only for the setting with this option, where two settings have one variable. */
  readonly option?: string;
  /** The variants that are values too; every other one is refused. */
  readonly takes?: ReadonlyArray<Variant>;
  /** Further values. */
  readonly also?: ReadonlyArray<string>;
  readonly refuses?: ReadonlyArray<string>;
}

const KEY = receiptKey("test").toString("base64");
const TOKEN = "0123456789abcdef-._~+/";

const GUESSABLE = ["a".repeat(64), "0123abcd".repeat(4), "passwordpasswordpass"];

const exactly = (...values: ReadonlyArray<string>) => values.map((value): Row => ({ value }));
const size = (value: string): Row => ({
  value,
  refuses: ["1 gb", "1 KB", "1  GiB", "1 GiB/day", "-1 B", "0 B", "ten"],
});
const rate: Row = {
  value: "120 per minute",
  also: ["1 per second", "9999999 per day"],
  refuses: [
    "120 per minute per IP",
    "0 per minute",
    "1.5 per hour",
    "10000000 per day",
    "120",
    "2/hour",
    "2 per week",
  ],
};
const duration = (value: string): Row => ({ value, refuses: ["3 days ago", "5", "-1 seconds"] });
const secret: Row = {
  value: "wJalrXUtnFEMI/K7MDENG",
  takes: variants.map(([name]) => name).filter((name) => !SPACE.some((space) => space === name)),
};
const token: Row = {
  value: TOKEN,
  takes: [LONGER, "upper case"],
  also: [`${TOKEN}=`],
  refuses: [`${TOKEN}=x`, `Bearer ${TOKEN}`],
};
/** Any text; a path without what a pasted file would have. */
const text: Row = { value: "sub", takes: variants.map(([name]) => name), refuses: [""] };
const files: Row = {
  value: "/etc/valetkey.env,/run/secrets",
  takes: variants.map(([name]) => name).filter((name) => name !== "an empty entry"),
  refuses: ["", "/etc/valetkey.env,"],
};
const path: Row = {
  value: "/run/secrets/key.json",
  takes: variants.map(([name]) => name).filter((name) => name !== "a line end behind it"),
  refuses: ["", '{"access_key": "a"}', "a\nb"],
};
const ARN = "arn:aws:iam::123456789012:role/valetkey";
const ROLE_ARN_TAKES = [LONGER, "an empty entry"] as const;
const ACCOUNT = "signer@project.iam.gserviceaccount.com";
const ACCOUNT_TAKES = [
  "junk before it",
  "junk behind it",
  "junk between",
  LONGER,
  "upper case",
  "an empty entry",
] as const;
const role = (value: string, takes: ReadonlyArray<Variant>): Row => ({ value, takes });
const longToken: Row = {
  ...token,
  refuses: [...(token.refuses ?? []), "0123456789abcde", ...GUESSABLE],
};
const accessKey: Row = {
  value: "AKIAIOSFODNN7EXAMPLE",
  takes: [
    "junk before it",
    "junk behind it",
    "junk between",
    LONGER,
    "a bad entry among good ones",
    "an empty entry",
  ],
  refuses: ["AB", "AKIA/EXAMPLE", "A".repeat(129)],
};
const url: Row = {
  value: "https://files.example.com:9000",
  // A URL is the same in upper case, and without the white space around it.
  takes: ["upper case", ...SPACE],
  refuses: [
    "files.example.com",
    "ftp://files.example.com",
    "https://key:secret@example.com",
    "https://files.example.com/?a=b",
    "https://files.example.com/#a",
    "https://",
  ],
};
const origin: Row = {
  ...url,
  refuses: [...(url.refuses ?? []), "https://a.example/b", "https://a.example?b"],
};
const trustedUrl: Row = {
  ...url,
  also: ["http://127.0.0.1:1/keys", "http://[::1]/keys", "http://localhost/keys"],
  refuses: ["http://files.example.com", "http://127.0.0.1.example.com", "https://a@example.com"],
};
const header: Row = {
  value: "x-forwarded-user",
  takes: [LONGER, "upper case"],
  refuses: ["X_User", "X-User:"],
};
const networks: Row = {
  value: "10.0.0.0/8,::2",
  takes: [...SPACE, LONGER],
  refuses: [
    "10.0.0.0/8,10.1",
    "10.0.0.0/8;::2",
    "0.0.0.0/0",
    "::/0",
    "::ffff:0.0.0.0/96",
    "010.0.0.1",
  ],
};
const wholeNumber = (range: Pick<Row, "also" | "refuses">): Row => ({
  value: "87",
  takes: [LONGER, ...SPACE],
  also: range.also ?? [],
  refuses: ["87.5", "0", "-1", "many", ...(range.refuses ?? [])],
});

/** The variables that are read in the same way. */
const ALIKE: ReadonlyArray<readonly [rows: ReadonlyArray<Row>, variables: string]> = [
  [
    exactly("on", "off"),
    `AUDIT_METADATA EVENTS_ALLOW_PRIVATE MCP REDIS_CLUSTER STORAGE_ACCEPT_BROKEN STORAGE_CREATE_BUCKET
     STORAGE_PATH_STYLE`,
  ],
  [
    [text],
    `AUTH_TOKENS_FILE JWT_AUDIENCE JWT_ISSUER
     JWT_ORGANIZATIONS_CLAIM JWT_QUOTA_CLAIM JWT_SCOPES_CLAIM JWT_SCOPES_PREFIX JWT_SUBJECT_CLAIM JWT_TYPE
     REDIS_CA_FILE STORAGE_GCS_CREDENTIALS STORAGE_LOCAL_DIR
     STORAGE_POLICIES`,
  ],
  [[longToken], "DEV_SERVICE_TOKEN DEV_TOKEN"],
  [[header], "FORWARD_AUTH_KIND FORWARD_AUTH_ORGANIZATIONS FORWARD_AUTH_SCOPES FORWARD_AUTH_USER"],
  [[networks], "FORWARD_AUTH_TRUSTED TRUSTED_PROXIES"],
  [[path], "GOOGLE_APPLICATION_CREDENTIALS STORAGE_CERTIFICATE STORAGE_CREDENTIALS_FILE"],
  [[trustedUrl], "JWT_JWKS_URL ORGANIZATIONS_URL"],
  [[rate], "LIMIT_REQUESTS_PER_ORGANIZATION LIMIT_REQUESTS_PER_SUBJECT"],
  [[origin], "PUBLIC_URL STORAGE_GCS_CUSTOM_DOMAIN"],
  [[accessKey], "STORAGE_ACCESS_KEY STORAGE_GET_ACCESS_KEY STORAGE_PUT_ACCESS_KEY"],
  [[url], "STORAGE_ENDPOINT STORAGE_GCS_IAM_ENDPOINT STORAGE_PUBLIC_ENDPOINT"],
  [
    [secret],
    `STORAGE_GET_SECRET_KEY STORAGE_GET_SESSION_TOKEN STORAGE_PUT_SECRET_KEY
     STORAGE_PUT_SESSION_TOKEN STORAGE_SECRET_KEY STORAGE_SESSION_TOKEN`,
  ],
];

/** Those that are read in a way of their own. */
const ROWS: Readonly<Record<string, ReadonlyArray<Row>>> = {
  AUDIT: exactly("off", "stdout", "stderr"),
  AUTH: exactly("dev", "static", "jwt", "forward"),
  AUTH_DEV_EXPOSED: exactly("yes", "no"),
  EVENTS_SECRETS: [
    {
      value: `whsec_${KEY}`,
      takes: SPACE,
      refuses: [
        KEY,
        "whsec_",
        "whsec_c2hvcnQ=",
        `whsec_${"A".repeat(32)}`,
        `whsec_${"A".repeat(88)}`,
        `whsec_${"c2VjcmV0".repeat(4)}`,
        `v1,whsec_${KEY}`,
      ],
    },
  ],
  EVENTS_URL: [{ ...url, refuses: [...(url.refuses ?? []), "https://a.example?b"] }],
  CLAMD_ADDRESS: [
    {
      value: "127.0.0.1:3310",
      takes: [LONGER],
      also: ["[::1]:3310", "clamd:3310", "/run/clamav/clamd.ctl"],
      refuses: ["127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "clamd.ctl", "tcp://clamd:3310"],
    },
  ],
  CORS_ORIGINS: [
    {
      value: "https://a.example,https://b.example:1",
      takes: [LONGER, ...SPACE],
      refuses: ["https://a.example/", "https://a.example,b.example", "null"],
    },
  ],
  HOST: [{ value: "127.0.0.1", takes: [LONGER], also: ["::1", "localhost"], refuses: ["[::1]"] }],
  JWT_ALGORITHMS: [
    {
      value: "RS256,ES256",
      takes: SPACE,
      refuses: ["RS256,HS256", "none", "RS2566", "RS256 ES256", "rs256"],
    },
  ],
  JWT_SERVICE_CLAIM: [
    {
      value: "gty=client-credentials",
      takes: variants
        .map(([name]) => name)
        .filter((name) => name !== "a bad entry among good ones"),
      refuses: ["gty", "gty=", "=service", "gty=a=b"],
    },
  ],
  LIMITS_ON_FAILURE: exactly("allow", "refuse"),
  LIMIT_BYTES_PER_DAY: [size("1.5 TiB")],
  LIMIT_BYTES_PER_SUBJECT_PER_DAY: [size("1.5 TiB")],
  LIMIT_FAILED_AUTHENTICATIONS: [rate, { value: "off" }],
  LIMIT_OBJECTS_PER_DAY: [wholeNumber({ also: ["1"] })],
  LOG_FORMAT: exactly("pretty", "json"),
  LOG_LEVEL: exactly("debug", "info", "warn", "error", "none"),
  MAX_CONNECTIONS: [wholeNumber({ also: ["1", "1000000"], refuses: ["1000001"] })],
  METRICS_PORT: [wholeNumber({ also: ["1", "65535"], refuses: ["65536"] })],
  METRICS_TOKEN: [{ ...token, refuses: ["0123456789abcde", `${TOKEN} `, "a b", ...GUESSABLE] }],
  NOTIFICATIONS_SECRETS: [
    {
      value: "0123456789abcdef-._~ABCD",
      also: ["0123456789abcdef01234567,0123456789abcdef76543210"],
      takes: [...SPACE, LONGER, "upper case"],
      refuses: [
        "0123456789abcdef-._~ABC",
        "0123456789abcdef01234/567",
        "0123456789abcdef:01234567",
        "a".repeat(24),
        "0123456789abcdef-._~ABCD,aaabbbcccaaabbcccabcabcabb",
      ],
    },
  ],
  ORGANIZATIONS: [
    {
      value: "acme=org_1,globex=org_2",
      takes: [LONGER, "upper case", ...SPACE],
      refuses: [
        "acme",
        "acme=",
        "=org_1",
        "acme=org_1=x",
        "acme=org_1,globex",
        "acme:org_1",
        "a/b=c",
        "a=b/c",
      ],
    },
  ],
  PORT: [wholeNumber({ also: ["1", "65535"], refuses: ["8787.5", "65536"] })],
  PROBE_PORT: [wholeNumber({ also: ["1", "65535"], refuses: ["8788.5", "65536"] })],
  RECEIPT_KEYS: [
    {
      value: `prod:${KEY}`,
      takes: SPACE,
      also: [`prod-2:${KEY},2026:${KEY}`],
      refuses: [`Prod:${KEY}`, `my_key:${KEY}`, `prod:${KEY}:x`, `:${KEY}`, KEY, "prod:c2hvcnQ="],
    },
  ],
  REDIS_SENTINELS: [
    {
      value: "redis://:password@sentinel.example.com:26379",
      takes: SPACE,
      also: ["redis://a,rediss://b:1"],
      refuses: ["http://a", "redis://a,http://b", "redis://"],
    },
  ],
  REDIS_URL: [
    {
      value: "rediss://:password@redis.example.com:6379",
      takes: [LONGER, ...SPACE],
      also: ["redis://a,redis://b:1/0"],
      refuses: ["http://a", "redis://a,http://b", "redis://", "redis://a/x"],
    },
  ],
  REPLICAS: [wholeNumber({ also: ["1"] })],
  SHUTDOWN_GRACE: [{ ...duration("2 seconds"), also: ["0 seconds"], refuses: ["11 minutes"] }],
  SHUTDOWN_TIMEOUT: [{ ...duration("2 seconds"), also: ["10 minutes"], refuses: ["11 minutes"] }],
  STORAGE_ACCOUNT_ID: [{ value: "0123456789abcdef0123456789abcdef" }],
  STORAGE_ADAPTER: exactly("local", "aws", "minio", "gcs", "azure"),
  STORAGE_ALLOWED_TYPES: [
    {
      value: "image/*,application/pdf",
      takes: [LONGER, ...SPACE],
      refuses: ["image/*,PNG", "image/png;charset=utf-8", "image", "*/*"],
    },
  ],
  STORAGE_BUCKET: [
    {
      value: "my-files",
      takes: [LONGER],
      refuses: ["Files", "-files", "files-", "ab"],
    },
    { value: "my_files", takes: [LONGER], refuses: ["goog_files"] },
    {
      value: "arn:aws:s3:us-east-1:123456789012:accesspoint/a",
      takes: [
        "junk behind it",
        "junk between",
        LONGER,
        "a bad entry among good ones",
        "an empty entry",
      ],
    },
  ],
  STORAGE_GET_ROLE: [role(ARN, ROLE_ARN_TAKES), role(ACCOUNT, ACCOUNT_TAKES)],
  STORAGE_GET_TTL: [
    { ...duration("24 hours"), also: ["7 days"], refuses: ["8 days", "0 seconds"] },
  ],
  STORAGE_MAX_FILE_SIZE: [size("10 MiB")],
  STORAGE_PROVIDER: exactly("aws", "r2", "s3"),
  STORAGE_PUT_ROLE: [role(ARN, ROLE_ARN_TAKES), role(ACCOUNT, ACCOUNT_TAKES)],
  STORAGE_PUT_TTL: [duration("15 minutes")],
  STORAGE_REGION: [
    { value: "eu-central-1", takes: [LONGER], option: "region" },
    { value: "eu", takes: [LONGER, "upper case"], option: "location" },
  ],
  STORAGE_SIGNER: exactly("native", "sdk"),
  ENV_FILES: [files],
  ORGANIZATIONS_TOKEN: [token],
};

const alike = ALIKE.flatMap(([rows, variables]) =>
  variables.split(/\s+/).map((variable) => [variable, rows] as const),
);

const held = [...alike, ...Object.entries(ROWS)].flatMap(([variable, rows]) =>
  rows.flatMap((row) =>
    settings
      .filter((setting) => setting.variable === variable && takes(setting, row.value))
      .filter(({ option }) => row.option === undefined || row.option === option)
      .map((setting) => ({ variable, setting, ...row })),
  ),
);

it("every setting but one has a row here", () => {
  const missing = settings.filter((setting) => !held.some((row) => row.setting === setting));
  // Readers of PEM differ in what they ignore around it; tests/service/configuration.test.ts has it.
  expect(missing.map(({ variable }) => variable)).toEqual(["JWT_PUBLIC_KEY"]);
});

it.each(held)(
  "$variable takes $value, and refuses it with junk in it",
  ({ setting, value, takes: taken = [], also = [], ...row }) => {
    const found = variants
      .filter(([, made]) => made(value) !== value && takes(setting, made(value)))
      .map(([name]) => name);
    expect(found.toSorted()).toEqual(
      taken.filter((name) => VARIANTS[name](value) !== value).toSorted(),
    );
    expect([value, ...also].filter((text) => !takes(setting, text))).toEqual([]);
    expect((row.refuses ?? []).filter((text) => takes(setting, text))).toEqual([]);
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

it.each(
  held.filter(({ takes = [] }) => takes.includes(SPACE[0]) && !takes.includes("a word before it")),
)("$variable loses the white space around $value", ({ setting, value }) => {
  for (const name of SPACE) {
    expect(plain(setting.decode(VARIANTS[name](value)))).toEqual(plain(setting.decode(value)));
  }
});

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
