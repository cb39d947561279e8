import * as audit from "../../adapters/audit/settings.ts";
import { settings as storage } from "../../adapters/cli/storage.ts";
import * as http from "../../adapters/http/settings.ts";
import * as identity from "../../adapters/identity/settings.ts";
import * as limits from "../../adapters/limits/settings.ts";
import * as policies from "../../adapters/policies/settings.ts";
import * as redis from "../../adapters/limits/redis/settings.ts";
import type { Setting } from "../../adapters/settings/setting.ts";
import * as telemetry from "../../adapters/telemetry/settings.ts";
import * as tokens from "../../adapters/tokens/settings.ts";
import { tableOf } from "./markdown.ts";
import { inShell } from "../../adapters/cli/messages.ts";

/** A variable as the page of configuration explains it. */
export interface Explained {
  readonly variable: string;
  /** Completes the sentence "must be …". */
  readonly shape: string;
  /** As a shell takes it. */
  readonly example: string;
  /** The option of the package, and what it is an option of. */
  readonly option: string | undefined;
  readonly default: string;
  readonly meaning: string;
}

/** Every setting of every adapter, by its variable; of several the first. */
export const SETTINGS: ReadonlyMap<string, Setting<unknown>> = new Map(
  [
    ...storage,
    ...[audit, http, identity, limits, policies, redis, telemetry, tokens].flatMap((group) =>
      Object.values<Setting<unknown>>(group.settings),
    ),
  ]
    .map((setting) => [setting.name, setting] as const)
    .toReversed(),
);

/** What the settings do not say of themselves: option, default and meaning, by group. */
const GROUPS: Readonly<
  Record<
    string,
    Readonly<Record<string, readonly [option: string, standard: string, meaning: string]>>
  >
> = {
  Service: {
    HOST: ["", "`127.0.0.1`", "Where to listen."],
    PORT: ["", "`8787`", "Where to listen."],
    PUBLIC_URL: [
      "publicUrl",
      "from `HOST` and `PORT`",
      "How clients reach the service. Required where `HOST` is not a loopback address.",
    ],
    CORS_ORIGINS: [
      "corsOrigins",
      "the origin of `PUBLIC_URL`",
      "Origins whose pages may call the API and the embedded store.",
    ],
    TRUSTED_PROXIES: [
      "trustedProxies",
      "none",
      "Proxies that are believed when they tell a caller's address.",
    ],
    MAX_CONNECTIONS: ["", "`10000`", "How many connections Node holds; further ones are closed."],
    SHUTDOWN_GRACE: ["", "`2 seconds`", "How long all is still served after SIGTERM or SIGINT."],
    SHUTDOWN_TIMEOUT: ["", "`10 seconds`", "When the process has ended, counted from the signal."],
    LOG_LEVEL: ["", "`info`", "What is written to the log. In the package: the option `log`."],
    LOG_FORMAT: ["", "`pretty` on a terminal, else `json`", "How the log is written."],
    AUDIT: ["", "`stdout`; `off` under `AUTH=dev`", "Where decisions are put on record."],
  },
  Storage: {
    STORAGE_ADAPTER: ["", "`local`", "The store. In the package: `storage: minio({…})`."],
    STORAGE_LOCAL_DIR: ["directory", "`.valetkey`", "The folder of the embedded store."],
    STORAGE_BUCKET: ["bucket", "`files`", "The bucket."],
    STORAGE_CREATE_BUCKET: ["createBucket", "`off`", "Whether a missing bucket is made."],
    STORAGE_REGION: [
      "region",
      "`us-east-1`, or the provider's",
      "The bucket's region. At Google (option `location`): where a missing bucket is made.",
    ],
    STORAGE_ENDPOINT: [
      "endpoint",
      "the provider's",
      "How this service and its peers reach the store. Required for `minio`.",
    ],
    STORAGE_PUBLIC_ENDPOINT: [
      "publicEndpoint",
      "`STORAGE_ENDPOINT`",
      "How browsers reach the store.",
    ],
    STORAGE_PATH_STYLE: [
      "pathStyle",
      "`on` for endpoints of your own and for Google",
      "How a bucket is addressed.",
    ],
  },
  Credentials: {
    STORAGE_ACCESS_KEY: [
      "accessKey",
      "AWS, Google: their own chain",
      "The key that signs, and that looks at the bucket.",
    ],
    STORAGE_SECRET_KEY: ["secretKey", "", "Its secret."],
    STORAGE_SESSION_TOKEN: ["sessionToken", "", "Its token, where it is temporary."],
    STORAGE_CREDENTIALS_FILE: [
      "credentialsFile",
      "",
      "A key in a file, which may change while the service runs.",
    ],
    STORAGE_PUT_ACCESS_KEY: [
      "putAccessKey",
      "`STORAGE_ACCESS_KEY`",
      "A key that signs uploads and may do nothing else.",
    ],
    STORAGE_PUT_SECRET_KEY: ["putSecretKey", "", "Its secret."],
    STORAGE_PUT_SESSION_TOKEN: ["putSessionToken", "", "Its token, where it is temporary."],
    STORAGE_GET_ACCESS_KEY: [
      "getAccessKey",
      "`STORAGE_ACCESS_KEY`",
      "A key that signs downloads and may do nothing else.",
    ],
    STORAGE_GET_SECRET_KEY: ["getSecretKey", "", "Its secret."],
    STORAGE_GET_SESSION_TOKEN: ["getSessionToken", "", "Its token, where it is temporary."],
    STORAGE_PUT_ROLE: [
      "putRole",
      "",
      "AWS: a role to assume for uploads. Google without a key: a service account to sign as.",
    ],
    STORAGE_GET_ROLE: ["getRole", "", "The same for downloads."],
  },
  "Amazon S3 and other providers": {
    STORAGE_PROVIDER: [
      "provider",
      "`aws`; `s3` at an endpoint of your own; `minio` for `minio`",
      "[Whose S3](stores.md#providers-of-the-s3-api) it is, also for `minio`.",
    ],
    STORAGE_ACCOUNT_ID: ["account", "", "The account at Cloudflare. Required for `r2`."],
    STORAGE_SIGNER: ["signer", "`native`", "Which code signs."],
  },
  "Google Cloud Storage": {
    GOOGLE_APPLICATION_CREDENTIALS: ["", "", "A key file."],
    STORAGE_GCS_CREDENTIALS: ["credentials", "", "The content of a key file."],
    STORAGE_GCS_CUSTOM_DOMAIN: [
      "customDomain",
      "",
      "A domain that stands for the bucket, for browsers.",
    ],
    STORAGE_GCS_SIGN_LENGTH: ["signLength", "`off`", "Whether `content-length` is signed too."],
    STORAGE_GCS_IAM_ENDPOINT: ["iamEndpoint", "Google's", "Where IAM signs if there is no key."],
    GOOGLE_CLOUD_PROJECT: ["project", "the key's", "Where a missing bucket is made."],
    GOOGLE_CLOUD_UNIVERSE_DOMAIN: [
      "universeDomain",
      "the key's, or `googleapis.com`",
      "Which of Google's clouds it is.",
    ],
  },
  "The policy files": {
    STORAGE_MAX_FILE_SIZE: ["policy.maxSize", "`10 MiB`", "The largest file."],
    STORAGE_ALLOWED_TYPES: [
      "policy.allowedTypes",
      "PNG, JPEG, GIF, WebP, AVIF, PDF, plain text",
      "What may be uploaded; `image/*` is understood, and includes SVG.",
    ],
    STORAGE_PUT_TTL: ["policy.putLifetime", "`15 minutes`", "How long upload URLs work."],
    STORAGE_GET_TTL: ["policy.getLifetime", "`24 hours`", "How long download URLs work."],
    STORAGE_POLICIES: [
      "policies",
      "`files` alone",
      "Further policies: see [uploads](uploads.md#policies).",
    ],
  },
  "Who may call": {
    AUTH: ["", "`dev`", "How callers are known: see [identity](identity.md)."],
    AUTH_DEV_EXPOSED: ["", "`no`", "Whether other machines may use the development tokens."],
    DEV_TOKEN: ["", "random, printed", "The token of a person, for `AUTH=dev`."],
    DEV_SERVICE_TOKEN: ["", "random, printed", "The token of a service, for `AUTH=dev`."],
    AUTH_TOKENS_FILE: ["", "", "Hashes of tokens, for `AUTH=static`."],
    ORGANIZATIONS: ["organizations", "what identities say", "A table of organizations."],
    ORGANIZATIONS_URL: ["", "", "A service that knows who belongs where."],
    ORGANIZATIONS_TOKEN: ["", "", "The bearer token for it."],
  },
  "JSON Web Tokens": {
    JWT_ISSUER: ["", "", "What `iss` must be. Required for `AUTH=jwt`."],
    JWT_AUDIENCE: ["", "", "What `aud` must be, or contain. Required for `AUTH=jwt`."],
    JWT_JWKS_URL: ["", "", "Where the issuer publishes its keys."],
    JWT_PUBLIC_KEY: ["", "", "One key in place of `JWT_JWKS_URL`."],
    JWT_TYPE: ["", "any", "What `typ` must be."],
    JWT_ALGORITHMS: ["", "`RS256,PS256,ES256,EdDSA`", "Which signatures are accepted."],
    JWT_SUBJECT_CLAIM: ["", "`sub`", "Where a token says who calls."],
    JWT_ORGANIZATIONS_CLAIM: ["", "`organizations`", "Where it says for which organizations."],
    JWT_SCOPES_CLAIM: ["", "every scope", "Where it says what the caller may do."],
    JWT_SCOPES_PREFIX: ["", "none", "What comes before the name of a scope there."],
    JWT_SERVICE_CLAIM: ["", "all are people", "By which claim tokens of services are known."],
  },
  "A trusted proxy": {
    FORWARD_AUTH_TRUSTED: ["", "", "Where the proxy connects from. Required for `AUTH=forward`."],
    FORWARD_AUTH_USER: ["", "`X-Forwarded-User`", "The header that says who calls."],
    FORWARD_AUTH_ORGANIZATIONS: [
      "",
      "`X-Forwarded-Groups`",
      "The header that says for which organizations.",
    ],
    FORWARD_AUTH_SCOPES: ["", "every scope", "The header that says what the caller may do."],
    FORWARD_AUTH_KIND: ["", "all are people", "The header that is `service` for services."],
  },
  Limits: {
    LIMIT_REQUESTS_PER_SUBJECT: ["limits.requestsPerSubject", "no limit", "Requests of a caller."],
    LIMIT_REQUESTS_PER_ORGANIZATION: [
      "limits.requestsPerOrganization",
      "no limit",
      "Requests of an organization.",
    ],
    LIMIT_BYTES_PER_DAY: [
      "limits.bytesPerDay",
      "no limit",
      "Bytes per organization and day (UTC).",
    ],
    LIMIT_OBJECTS_PER_DAY: [
      "limits.objectsPerDay",
      "no limit",
      "Uploads per organization and day (UTC).",
    ],
    LIMIT_FAILED_AUTHENTICATIONS: [
      "limits.failedAuthentications",
      "`120 per minute`; in the package no limit",
      "Requests of an address that are not authenticated.",
    ],
    LIMITS_ON_FAILURE: ["limits.onFailure", "`allow`", "What happens while Redis is down."],
    REDIS_URL: [
      "limits.countIn: redis({ url })",
      "this process's memory",
      "Where processes count together.",
    ],
    REDIS_CLUSTER: ["limits.countIn: redis({ cluster })", "`off`", "Whether that is a cluster."],
    WEB_CONCURRENCY: ["", "`1`", "How many processes serve, on all machines."],
  },
  "Receipts and links": {
    RECEIPT_KEYS: [
      "receiptKeys",
      "`AUTH=dev`: made once and kept in `STORAGE_LOCAL_DIR`",
      "Keys that seal receipts and links: the first seals, all open. Required outside `AUTH=dev`.",
    ],
    LINKS_DENIED: ["linksDenied", "none", "Links that are taken back."],
  },
};

/** Examples that stand for what only the reader has, as a shell takes them. */
const EXAMPLES: Readonly<Record<string, string>> = {
  STORAGE_SECRET_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  STORAGE_PUT_SECRET_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  STORAGE_GET_SECRET_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  STORAGE_SESSION_TOKEN: "IQoJb3JpZ2luX2VjEXAMPLE",
  STORAGE_PUT_SESSION_TOKEN: "IQoJb3JpZ2luX2VjEXAMPLE",
  STORAGE_GET_SESSION_TOKEN: "IQoJb3JpZ2luX2VjEXAMPLE",
  STORAGE_GCS_CREDENTIALS: '"$(cat service-account.json)"',
};

/** All variables, by group. */
export const CONFIGURATION: ReadonlyMap<string, ReadonlyArray<Explained>> = new Map(
  Object.entries(GROUPS).map(([group, variables]) => [
    group,
    Object.entries(variables).map(([variable, [option, standard, meaning]]) => {
      const setting = SETTINGS.get(variable);
      if (setting === undefined) throw new Error(`There is no setting ${variable}`);
      return {
        variable,
        shape: setting.shape,
        example: EXAMPLES[variable] ?? inShell(setting.example),
        option: option === "" ? undefined : option,
        default: standard,
        meaning,
      };
    }),
  ]),
);

/** The whole page, as it is in docs/configuration.md. */
export const configurationPage = (): string =>
  `${OPENING}\n${[...CONFIGURATION].map(([group, variables]) => sectionOf(group, variables)).join("\n")}`;

const OPENING = `# Configuration

The service reads environment variables once, when it starts. An empty variable counts as unset. A wrong one ends the start with code 78 and a message that names every variable at fault. A name that looks like one of these and is none is a warning.

The package takes the same settings as options, in camel case: those of a store go to \`local()\`, \`minio()\`, \`aws()\` or \`gcs()\`, all others to \`createValetkey()\`. On and off are \`true\` and \`false\` there, and lists are arrays. A setting without an option is the host's own business.

This page is made by \`npm run docs\` from the settings in the code.
`;

function sectionOf(group: string, variables: ReadonlyArray<Explained>): string {
  const rows = variables.map(({ variable, option, shape, example, default: standard, meaning }) => [
    `\`${variable}\``,
    option === undefined ? "" : `\`${option}\``,
    `${meaning} Must be ${shape}.`,
    standard,
    `\`${variable}=${example}\``,
  ]);
  return `## ${group}\n\n${tableOf([["variable", "option", "meaning", "default", "example"], ...rows])}`;
}
