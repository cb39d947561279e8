import * as Result from "effect/Result";
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configurationMessage } from "../../adapters/cli/command/configuration.ts";
import { findWarnings, readAll, unknownIn } from "../../adapters/service/settings.ts";
import { ask, TEXT } from "../support/ask.ts";
import { freePort } from "../support/free-port.ts";
import { makeFolder } from "../support/make-folder.ts";
import { runToEnd, startProcess } from "../support/service-process.ts";
import { receiptKey } from "../support/receipt-key.ts";

// What the start says of wrong and odd variables. Which values each of them takes is in
// tests/unit/settings/settings.test.ts.

type Env = Readonly<Record<string, string>>;

/** What the start would end with. */
const messageFor = (env: Env): string =>
  Result.match(readAll(env), {
    onSuccess: () => "",
    onFailure: (faults) =>
      configurationMessage("Valetkey cannot start", faults, unknownIn(env).warnings),
  });

/**
 * Lines of variables and, behind an arrow, of what is said of them; a dot stands for `given`, and FILE
 * is what is in the file.
 */
const table = (text: string, given: Env = {}): ReadonlyArray<readonly [string, Env, string]> =>
  text
    .trim()
    .split("\n")
    .map((line) => {
      const [variables = "", said = ""] = line.trim().split(" => ");
      const pairs = variables.split("; ").filter((pair) => pair !== ".");
      const env = Object.fromEntries(
        pairs.map((pair) => /^(\w+)=(.*)$/.exec(pair)?.slice(1) ?? []),
      );
      return [line.trim(), { ...given, ...env }, said];
    });

const KEY = receiptKey("test").toString("base64");
const folder = makeFolder();
const file = join(folder, "file");

const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const PUBLIC = publicKey.export({ type: "spki", format: "pem" }).toString();
const PRIVATE = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const keys = { RECEIPT_KEYS: `hidden-id:${KEY}` };
const keyless = { ...keys, AUTH: "jwt", JWT_ISSUER: "me", JWT_AUDIENCE: "us" };
const jwt = { ...keyless, JWT_PUBLIC_KEY: PUBLIC };
const forward = { ...keys, AUTH: "forward", FORWARD_AUTH_TRUSTED: "10.0.0.0/8" };
const PEM = "-----BEGIN PRIVATE KEY-----\\nhidden-key\\n-----END PRIVATE KEY-----";
const WAITING = '{"files": {"arrival": "incoming"}}';
const S3 = {
  STORAGE_ENDPOINT: "http://127.0.0.1:8080",
  STORAGE_ACCESS_KEY: "key",
  STORAGE_SECRET_KEY: "hidden",
};
const REDIS = "redis://user:hidden-password@127.0.0.1:6379";

it.each([
  ...table(`
    LOG_LEVEL=loud => LOG_LEVEL must be debug, info, warn, error or none; did you mean debug?
    LOG_LEVEL=Warning => ; did you mean warn?
    LOG_LEVEL=eror => ; did you mean error?
    AUTH=token => AUTH must be dev, static, jwt or forward; did you mean
    HOST=0.0.0.0 => PUBLIC_URL must be set where HOST is not a loopback
    CORS_ORIGINS=https://a.example/, https://b.example => by commas; did you mean https://a.example,https://b.example?
    STORAGE_ADAPTER="local" => gcs or azure; there are quotes around it, which count.
    HOST=0.0.0.0; PUBLIC_URL=https://uploads.example.com; LOG_LEVEL=loud => AUTH_DEV_EXPOSED must be yes … LOG_LEVEL must be
    PUBLIC_URL=https://uploads.example.com => AUTH_DEV_EXPOSED must be yes
    STORAGE_ADAPTER=s3 => gcs or azure; did you mean aws?
    STORAGE_ADAPTER=minio; STORAGE_PROVIDER=minlo => ; did you mean minio?
    STORAGE_ADAPTOR=minio; STORAGE_ENDPOINT=http://127.0.0.1:9 => STORAGE_ADAPTER must be set where STORAGE_ENDPOINT is … STORAGE_ADAPTOR is not a known variable
    STORAGE_PROVIDER=r2 => STORAGE_ADAPTER must be aws or minio where STORAGE_PROVIDER is set
    STORAGE_MAX_FILE_SIZE=5242881 => STORAGE_MAX_FILE_SIZE must be at most 5 TiB
    STORAGE_MAX_FILE_SIZE=50 mb => STORAGE_MAX_FILE_SIZE must be a size above 0 with its unit … for example: STORAGE_MAX_FILE_SIZE="10 MiB"
    RECEIPT_KEYS=a:${KEY},a:${KEY} => RECEIPT_KEYS must have another id for each key
    RECEIPT_KEYS=a:${KEY},dev:${"A".repeat(43)}= => RECEIPT_KEYS must have random keys … for example: RECEIPT_KEYS="2026:$(openssl rand -base64 32)"
    DEV_TOKEN=secret-secret-secret-se => DEV_TOKEN must be 16 or more random letters, digits and -._~+/; it repeats itself, or has few different characters.
    METRICS_TOKEN=aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd => ; it repeats itself, or has few different characters
    NOTIFICATIONS_SECRETS=${"ab".repeat(20)} => ; it repeats itself, or has few different characters
    EVENTS_SECRETS=whsec_${"A".repeat(43)}= => ; it repeats itself, or has few different characters
    DEV_TOKEN=short => for example: DEV_TOKEN="$(openssl rand -hex 16)"
    DEV_TOKEN=the-same-token-twice; DEV_SERVICE_TOKEN=the-same-token-twice => DEV_SERVICE_TOKEN must differ from DEV_TOKEN
    AUDIT=/var/log/audit.jsonl => AUDIT must be off, stdout or stderr
    LIMIT_OBJECTS_PER_DAY=10; REPLICAS=2 => REDIS_URL must be set where several processes serve with limits
    AUTH=jwt; JWT_ISSUER=https://a.example; JWT_AUDIENCE=a; JWT_JWKS_URL=https://a.example/keys; JWT_QUOTA_CLAIM=quota; REPLICAS=2; RECEIPT_KEYS=a:${KEY} => REDIS_URL must be set where several processes serve with limits
    REDIS_URL=http://hidden-password@127.0.0.1 => REDIS_URL must be a redis or rediss URL
    METRICS_TOKEN=hidden => METRICS_TOKEN must be 16 to 512 random letters
    PORT=http; AUTH_TOKEN_FILE=hidden => AUTH_TOKEN_FILE is not a known variable; did you mean AUTH_TOKENS_FILE?
  `),
  ...table(
    `
    STORAGE_ACCESS_KEY=AKIA0000 => STORAGE_SECRET_KEY must be set where STORAGE_ACCESS_KEY is
    STORAGE_BUCKET=arn:aws:s3:us-east-1:123456789012:accesspoint/a => STORAGE_SIGNER must be sdk for an ARN or a directory bucket
    STORAGE_BUCKET=fast--use1-az4--x-s3 => STORAGE_SIGNER must be sdk for an ARN or a directory bucket
    STORAGE_PROVIDER=wasaby => ; did you mean wasabi?
    STORAGE_PROVIDER=radosgw => ; did you mean ceph?
    STORAGE_PROVIDER=Rook-Ceph => ; did you mean ceph?
    STORAGE_PROVIDER=google => ; did you mean gcs, which is an adapter
    STORAGE_PROVIDER=r2 => STORAGE_ACCOUNT_ID must be set for STORAGE_PROVIDER=r2
    STORAGE_PROVIDER=b2 => STORAGE_REGION must be set for STORAGE_PROVIDER=b2. … STORAGE_REGION=us-west-004
    STORAGE_PROVIDER=ceph => STORAGE_ENDPOINT must be set for STORAGE_PROVIDER=ceph
    STORAGE_PROVIDER=ceph; STORAGE_ENDPOINT=https://store.test; STORAGE_MAX_FILE_SIZE=6 TiB => must be at most 5 TiB (5497558138880 bytes): this store takes no larger files
    `,
    { STORAGE_ADAPTER: "aws" },
  ),
  ...table(
    `
    STORAGE_ACCESS_KEY=AKIA0000; STORAGE_SECRET_KEY=s => STORAGE_ACCESS_KEY must begin with GOOG
    STORAGE_ACCESS_KEY=GOOG1E => STORAGE_SECRET_KEY must be set where STORAGE_ACCESS_KEY is
    STORAGE_GCS_CUSTOM_DOMAIN=https://a.test; STORAGE_PUBLIC_ENDPOINT=https://b.test => STORAGE_GCS_CUSTOM_DOMAIN must not be set beside STORAGE_PUBLIC_ENDPOINT
    `,
    { STORAGE_ADAPTER: "gcs" },
  ),
  ...table(
    `
    AUTH=static => AUTH_TOKENS_FILE must be the path of a file … , and is not set
    AUTH=static; AUTH_TOKENS_FILE=/none.json => AUTH_TOKENS_FILE names a file that cannot be read (ENOENT)
    AUTH=static; AUTH_TOKENS_FILE=${folder} => AUTH_TOKENS_FILE names a file that is not a regular file
    AUTH=jwt => JWT_ISSUER must be … JWT_AUDIENCE must be … and is not set
    AUTH=forward => FORWARD_AUTH_TRUSTED must be … and is not set
    `,
    keys,
  ),
  ...table(
    `
    . => JWT_JWKS_URL must be set, or else JWT_PUBLIC_KEY, and not both
    JWT_PUBLIC_KEY=hidden-key => JWT_PUBLIC_KEY must be a public key in PEM, or the path of a file with one
    JWT_AUDIENCE=; JWT_AUDIANCE=us => JWT_AUDIENCE must be … JWT_AUDIANCE is not a known variable; did you mean JWT_AUDIENCE?
    `,
    keyless,
  ),
  ...table(
    `
    JWT_ISSUER= => JWT_ISSUER must be
    JWT_AUDIENCE= => JWT_AUDIENCE must be
    JWT_JWKS_URL=https://login.example.com/keys => JWT_JWKS_URL must be set, or else JWT_PUBLIC_KEY, and not both
    RECEIPT_KEYS= => RECEIPT_KEYS must be set where AUTH is not dev
    `,
    jwt,
  ),
  ...table(
    `
    RECEIPT_KEYS= => RECEIPT_KEYS must be set where AUTH is not dev
    `,
    forward,
  ),
  ...table(
    `
    FILE=hidden => AUTH_TOKENS_FILE names a file that is not JSON
    FILE=[] => AUTH_TOKENS_FILE names a file that has a fault: the document: it is not an object
    FILE={"tokens": [{"id": "hidden"}]} => AUTH_TOKENS_FILE names a file that has a fault: /tokens/0/id
    FILE={"tokens": [], "hiden": 1} => AUTH_TOKENS_FILE names a file that has a fault: /hiden
    `,
    { ...keys, AUTH: "static", AUTH_TOKENS_FILE: file },
  ),
  ...table(
    `
    FILE=hidden => ${file} … is not JSON
    FILE={} => ${file} … /type: it is missing
    FILE={"type": "service_account", "private_key": "hidden"} => ${file} … /client_email: it is missing
    FILE={"type": "service_account", "client_email": "a@b.c", "private_key": "${PEM}"} => ${file} … /private_key: it is not a readable RSA key in PEM
    STORAGE_CREDENTIALS_FILE=${file}; FILE={"access_key": "AKIAhidden", "secret_key": "hidden"} => ${file} … /access_key: it does not begin with GOOG
    GOOGLE_APPLICATION_CREDENTIALS={"private_key": "hidden"} => must be the path of … , and not its content
    `,
    { STORAGE_ADAPTER: "gcs", GOOGLE_APPLICATION_CREDENTIALS: file },
  ),
  ...table(
    `
    FILE={"access_key": "hidden", "secret_key": 5} => ${file} … /secret_key: it is not a string
    FILE={"access_key": "a b", "secret_key": "hidden"} => ${file} … /access_key: it is not 3 to 128 printable
    FILE={"access_key": "hidden", "secret_key": "s", "user": "u"} => ${file} … /user: it is not a known member
    STORAGE_CREDENTIALS_FILE={"access_key": "hidden"} => must be the path of … , and not its content
    STORAGE_CREDENTIALS_FILE=${folder} => is not a regular file of at most 1 MiB
    STORAGE_CREDENTIALS_FILE=/none.json => the file /none.json cannot be read (ENOENT)
    `,
    {
      STORAGE_ADAPTER: "minio",
      STORAGE_ENDPOINT: "http://127.0.0.1:9000",
      STORAGE_CREDENTIALS_FILE: file,
    },
  ),
  ...table(`
    STORAGE_POLICIES={ => STORAGE_POLICIES cannot be used: its value is not JSON
    STORAGE_POLICIES=none.json => STORAGE_POLICIES cannot be used: the file none.json cannot be read (ENOENT)
    STORAGE_POLICIES={"a": {"sise": 1}} => STORAGE_POLICIES cannot be used: in its value, /a/sise: it is not a known member; the members are callers, organizations, max_size
    STORAGE_POLICIES={"a": {"put_lifetime": "8 days"}} => /a/put_lifetime: it is not a duration such as "15 minutes"
    STORAGE_POLICIES={"a": {"allowed_types": ["PNG"]}} => /a/allowed_types: it is not a list of media types
    STORAGE_POLICIES={"a": {"max_size": "big"}} => /a/max_size: it is neither a number of bytes
    STORAGE_POLICIES={"a": {"callers": ["robot"]}} => /a/callers: it is not a list of "user", "service" or both
    STORAGE_POLICIES={"a": {"organizations": []}} => /a/organizations: it is not a list of names of
    STORAGE_POLICIES={"a": {"write_once": "yes"}} => /a/write_once: it is neither true nor false
    STORAGE_POLICIES={"a": 5} => /a: it is not an object
    STORAGE_ADAPTER=gcs; STORAGE_ACCESS_KEY=GOOG1E; STORAGE_SECRET_KEY=hidden; STORAGE_POLICIES=${WAITING} => /files/arrival: it is incoming, and this store is not known
  `),
  ...["ceph", "swift"].flatMap((STORAGE_PROVIDER) =>
    table(
      `STORAGE_POLICIES=${WAITING}; STORAGE_PUT_ACCESS_KEY=put; STORAGE_PUT_SECRET_KEY=hidden => exactly what was looked at, so a confirmed file could be another … run \`valetkey certify --output certificate.json\``,
      { ...S3, STORAGE_ADAPTER: "aws", STORAGE_PROVIDER },
    ),
  ),
  ...["aws", "minio"].flatMap((STORAGE_ADAPTER) =>
    table(
      "STORAGE_PROVIDER=swift => STORAGE_PUT_ACCESS_KEY must be set for OpenStack Swift (s3api) … swift post CONTAINER --write-acl PROJECT:USER",
      { ...S3, STORAGE_ADAPTER, STORAGE_REGION: "us-east-1" },
    ),
  ),
  // Services without a preset, some of which are spelled nearly like one that promises more.
  ...["scaleway", "hetzner", "ovh", "ibm", "cos", "oss", "linode", "storj"].flatMap((name) =>
    table(
      `STORAGE_PROVIDER=${name} => ; did you mean s3, which is for every other service and promises what all of them do: md5 as checksum, no write-once?`,
      { STORAGE_ADAPTER: "aws" },
    ),
  ),
])("the start is refused: %s", (_, { FILE, ...env }, said) => {
  if (FILE !== undefined) writeFileSync(file, FILE);
  const output = messageFor(env);
  for (const part of said.split(" … ")) expect(output).toContain(part);
  expect(output).not.toMatch(/hidden|PRIVATE KEY|\n\s+at /);
  expect(output).not.toContain(KEY);
});

it("a line end or white space in a value is told apart from a wrong value", () => {
  expect(messageFor({ STORAGE_BUCKET: "files\r" })).toContain(
    "there is white space or a line end around it.",
  );
  const key = { STORAGE_ADAPTER: "aws", STORAGE_ACCESS_KEY: "AKIA0000" };
  expect(messageFor({ ...key, STORAGE_SECRET_KEY: "secret\n" })).toContain(
    "STORAGE_SECRET_KEY must be the secret of the access key, without white space",
  );
});

it.each([
  PRIVATE,
  PUBLIC.replace("MF", "hidden"),
  `${PUBLIC}${PRIVATE}`,
  generateKeyPairSync("rsa-pss", { modulusLength: 2048 })
    .publicKey.export({ type: "spki", format: "pem" })
    .toString(),
])("a value that is no public key of a known kind is refused, and not shown: %#", (key) => {
  const output = messageFor({ ...keyless, JWT_PUBLIC_KEY: key });
  expect(output).toContain("JWT_PUBLIC_KEY must be a public key in PEM, or the path of a file");
  expect(output).not.toMatch(/hidden|PRIVATE KEY/);
});

it.each([
  generateKeyPairSync("rsa", { modulusLength: 1024 }),
  generateKeyPairSync("ed25519"),
  generateKeyPairSync("x25519"),
])("a key for none of JWT_ALGORITHMS, and a short one, is refused: %#", ({ publicKey: other }) => {
  const key = other.export({ type: "spki", format: "pem" }).toString();
  expect(messageFor({ ...jwt, JWT_ALGORITHMS: "RS256,ES256", JWT_PUBLIC_KEY: key })).toContain(
    "JWT_PUBLIC_KEY must be a key for one of JWT_ALGORITHMS, and of RSA with 2048 bits",
  );
});

it.each([
  ...table(".", jwt),
  ...table("JWT_ALGORITHMS=ES256, EdDSA", jwt),
  ...table("JWT_JWKS_URL=https://login.example.com/keys", keyless),
  ...table("JWT_JWKS_URL=http://[::1]:9/keys", keyless),
  ...table("FORWARD_AUTH_TRUSTED=10.0.0.1, fd00::/8,::ffff:192.0.2.0/120", forward),
  ...table(`
    ORGANIZATIONS=acme=org_1, globex=org_2
    ORGANIZATIONS_URL=https://directory.example.com/x; ORGANIZATIONS_TOKEN=hidden
    LIMIT_REQUESTS_PER_SUBJECT=1 per second; LIMIT_BYTES_PER_DAY=1.5 TiB
    LIMIT_OBJECTS_PER_DAY=10; REPLICAS=2; REDIS_URL=${REDIS}
    REPLICAS=2
    STORAGE_MAX_FILE_SIZE=0.5GiB
    STORAGE_MAX_FILE_SIZE=0.5
    LIMIT_OBJECTS_PER_DAY=10; REPLICAS=1
    REDIS_URL=${REDIS},${REDIS}; REDIS_CLUSTER=on
  `),
])("the start is not refused: %s", (_, env) => {
  expect(messageFor(env)).toBe("");
});

const SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYzzzzKEYKEY12";
it.each<[Readonly<Record<string, string>>, string | undefined]>([
  [{ ...keys, AUTH: "static", AUTH_TOKENS_FILE: file }, `{"tokens": [], "${SECRET}": 1}`],
  [{ ...keys, AUTH: "static", AUTH_TOKENS_FILE: file }, `{"tokens": [{"${SECRET}": 1}]}`],
  [{ STORAGE_ADAPTER: "aws", STORAGE_CREDENTIALS_FILE: file }, `{"${SECRET}": "access_key"}`],
  [{ STORAGE_ADAPTER: "gcs", STORAGE_GCS_CREDENTIALS: `{"${SECRET}": "private_key"}` }, undefined],
  [{ STORAGE_POLICIES: `{"${SECRET}": {}}` }, undefined],
  [{ STORAGE_POLICIES: `{"${SECRET.toLowerCase()}": {"max_size": 0}}` }, undefined],
  [{ STORAGE_POLICIES: `{"files": {"${SECRET}": 1}}` }, undefined],
  [{ STORAGE_POLICIES: `{"files": {"5f0c3a9be77d4c1e8a6b2d90": 1}}` }, undefined],
])("without a secret that stands in the place of a name: %j, with a file of %j", (env, content) => {
  if (content !== undefined) writeFileSync(file, content);
  const output = messageFor(env);
  expect(output).not.toBe("");
  expect(output.toLowerCase()).not.toMatch(/wjalr|5f0c3a/);
});

it("and with a name that is misspelt", () => {
  const policies = '{"user-uploads-2026": {"max_sizes": 1, "require_the_checksum": true}}';
  const output = messageFor({ STORAGE_POLICIES: policies });
  expect(output).toContain("/user-uploads-2026/max_sizes: it is not a known member");
  expect(output).toContain("/user-uploads-2026/require_the_checksum: it is not a known member");
});

it("a public key in a file is accepted, and a private key is not", () => {
  writeFileSync(file, PUBLIC);
  expect(messageFor({ ...jwt, JWT_PUBLIC_KEY: file })).toBe("");
  writeFileSync(file, PRIVATE);
  expect(messageFor({ ...jwt, JWT_PUBLIC_KEY: file })).toContain("JWT_PUBLIC_KEY must be");
});

describe("the key for uploads is another than those that do more", () => {
  const twice = { STORAGE_PUT_ACCESS_KEY: "GOOG1key", STORAGE_PUT_SECRET_KEY: "a-secret" };
  const main = { STORAGE_ACCESS_KEY: "GOOG1key", STORAGE_SECRET_KEY: "a-secret" };
  const other = { STORAGE_ACCESS_KEY: "GOOG1other", STORAGE_SECRET_KEY: "a-secret" };
  const get = { STORAGE_GET_ACCESS_KEY: "GOOG1key", STORAGE_GET_SECRET_KEY: "a-secret" };
  const endpoint = { STORAGE_ENDPOINT: "http://127.0.0.1:9000" };

  it.each([
    { STORAGE_ADAPTER: "aws", ...endpoint },
    { STORAGE_ADAPTER: "aws", STORAGE_PROVIDER: "swift", ...endpoint },
    { STORAGE_ADAPTER: "minio", ...endpoint },
    { STORAGE_ADAPTER: "gcs" },
  ])("%j", (store) => {
    const refusal = "STORAGE_PUT_ACCESS_KEY must be another key than STORAGE_ACCESS_KEY";
    expect(messageFor({ ...store, ...main, ...twice })).toContain(refusal);
    expect(messageFor({ ...store, ...other, ...get, ...twice })).toContain(refusal);
    expect(messageFor({ ...store, ...other, ...twice })).toBe("");
  });

  it("also where the other is in a file", () => {
    writeFileSync(file, '{"access_key": "GOOG1key", "secret_key": "a-secret"}');
    const minio = { STORAGE_ADAPTER: "minio", ...endpoint, STORAGE_CREDENTIALS_FILE: file };
    expect(messageFor({ ...minio, ...twice })).toMatch(
      /STORAGE_CREDENTIALS_FILE cannot be used: the file \S+ has the key for uploads/,
    );
  });
});

it("the example of policies lets only services upload diagnostics", async () => {
  const service = await startProcess({ STORAGE_POLICIES: "deploy/policies.json" });
  const file = { filename: "runner.tar.gz", content_type: "application/gzip", size: 200 * 2 ** 20 };
  const status = async (token: string, over: object = {}) =>
    (await ask({ ...service, token }, "presign", { ...file, policy: "diagnostics", ...over }))
      .status;
  expect(await status(service.serviceToken)).toBe(200);
  expect(await status(service.serviceToken, { size: file.size + 1 })).toBe(413);
  expect(await status(service.serviceToken, { policy: "files" })).toBe(415);
  expect(await status(service.token)).toBe(403);
  await service.stop();
});

it("a command that cannot start ends with code 78 and one message, without any secret", async () => {
  const { code, output } = await runToEnd({
    PORT: "http",
    LOG_LEVEL: "loud",
    DEV_TOKEN: "short-hidden!",
    RECEIPT_KEYS: `hidden-id:${KEY},hidden`,
    ORGANIZATIONS_TOKEN: "hidden-token",
    REDIS_URL: "redis://:hidden-password@127.0.0.1,hidden",
    STORAGE_ADAPTER: "aws",
    STORAGE_SECRET_KEY: "hidden-secret-key",
    STORAGE_REGION: "BAD!",
    STORAGE_MAX_FILE_SIZE: "ten",
    STORAGE_GET_TTL: "8 days",
    STORAGE_BUKET: "files",
  });
  expect(code).toBe(78);
  for (const name of [
    "PORT",
    "LOG_LEVEL",
    "DEV_TOKEN",
    "RECEIPT_KEYS",
    "ORGANIZATIONS_URL",
    "REDIS_URL",
    "STORAGE_ACCESS_KEY",
    "STORAGE_REGION",
    "STORAGE_MAX_FILE_SIZE",
    "STORAGE_GET_TTL",
  ]) {
    expect(output).toContain(`  ${name} must be `);
    expect(output).toContain(`for example: ${name}=`);
  }
  expect(output).toContain("STORAGE_BUKET is not a known variable; did you mean STORAGE_BUCKET?");
  expect(output).not.toMatch(/hidden|\n\s+at /);
});

const ONE_KEY =
  "set STORAGE_PUT_ACCESS_KEY and STORAGE_PUT_SECRET_KEY to a key that may only put, ";
const KEYS = { STORAGE_ACCESS_KEY: "key", STORAGE_SECRET_KEY: "hidden-key" };
const HMAC = { STORAGE_ACCESS_KEY: "GOOG1EXAMPLE", STORAGE_SECRET_KEY: "hidden" };

it.each<[Env, string]>([
  [
    { ...HMAC, STORAGE_ADAPTER: "aws", STORAGE_ENDPOINT: "https://s3.eu-west-1.amazonaws.com" },
    "STORAGE_REGION is us-east-1, but the endpoint is in eu-west-1",
  ],
  [
    {
      ...HMAC,
      STORAGE_ADAPTER: "gcs",
      STORAGE_GCS_CREDENTIALS: JSON.stringify({
        type: "service_account",
        client_email: "a@b.c",
        private_key: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({
          type: "pkcs8",
          format: "pem",
        }),
      }),
    },
    "a service account's key and an HMAC key are given; the service account's signs",
  ],
  [{ STORAGE_ADAPTER: "gcs" }, "no key is configured, so IAM signs: one call for each URL"],
  [{ ...KEYS, STORAGE_ADAPTER: "minio", STORAGE_ENDPOINT: "http://127.0.0.1:9" }, ONE_KEY],
  [{ ...KEYS, STORAGE_ADAPTER: "aws", STORAGE_ENDPOINT: "http://127.0.0.1:9" }, ONE_KEY],
])("starts, and says once what is odd: %j", async (env, notice) => {
  const service = await startProcess({
    // Nothing here asks a network that may not be there.
    GCE_METADATA_HOST: "127.0.0.1:9",
    ...env,
  });
  await service.stop();
  expect(service.output().split(notice)).toHaveLength(2);
  expect(service.output()).not.toContain("hidden");
});

it("a key of its own for uploads, a size without a unit and an unknown name: one start", async () => {
  const service = await startProcess({
    ...KEYS,
    LOG_FORMAT: "json",
    STORAGE_ADAPTER: "minio",
    STORAGE_ENDPOINT: "http://127.0.0.1:9",
    STORAGE_PUT_ACCESS_KEY: "put-key",
    STORAGE_PUT_SECRET_KEY: "the-other-secret",
    AUTH_SECRET: "red",
    STORAGE_REGION: "",
    STORAGE_MAX_FILE_SIZE: "50",
  });
  await service.stop();
  const lines = service.output().trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).message)).toContain("ready");
  expect(service.output()).not.toContain(service.token);
  expect(service.output()).not.toContain("to a key that may only put");
  for (const warning of [
    "AUTH_SECRET is not a known variable",
    'STORAGE_MAX_FILE_SIZE=50 has no unit and is read as MiB: write \\"50 MiB\\"',
  ]) {
    expect(service.output()).toContain(warning);
  }
});

const warnings = (env: Env) => findWarnings(env, Result.getOrThrow(readAll(env)));

it("the embedded store of several services is warned of, and nothing is where nothing is odd", () => {
  expect(warnings({ REPLICAS: "2" }).join()).toContain("give all the same STORAGE_LOCAL_DIR");
  // Of another adapter, and so neither used nor warned of.
  const other = { STORAGE_ACCESS_KEY: "of-another-adapter", STORAGE_REGION: "" };
  expect(warnings({ STORAGE_MAX_FILE_SIZE: "50 MiB", ...other })).toEqual([]);
});

it("a service that others reach is warned if it has no limits, and not if it has one or its tokens name quotas", () => {
  const issuer = { JWT_ISSUER: "https://a.example", JWT_JWKS_URL: "https://a.example/keys" };
  const env = { AUTH: "jwt", JWT_AUDIENCE: "a", RECEIPT_KEYS: `a:${KEY}`, ...issuer };
  expect(warnings(env).join()).toContain("no limits are configured");
  expect(warnings({ ...env, JWT_QUOTA_CLAIM: "quota" })).toEqual([]);
  expect(warnings(forward).join()).toContain("no limits are configured");
  expect(warnings({ ...forward, LIMIT_OBJECTS_PER_DAY: "10" })).toEqual([]);
});

it("a log for machines has the address of the page, with a generated token", async () => {
  const service = await startProcess({ LOG_FORMAT: "json", DEV_TOKEN: "", HOST: "127.0.0.1" });
  const lines = service.output().trim().split("\n");
  const { address, page } = lines
    .map((line) => JSON.parse(line))
    .find(({ message }) => message === "ready");
  expect(address).toBe(service.address);
  expect(page.split("#token=")[0]).toBe(`${service.address}/`);
  const token = page.split("=")[1];
  expect((await ask({ ...service, token }, "presign", { ...TEXT, size: 5 })).status).toBe(200);
  await service.stop();
});

it.each(["PORT", "PROBE_PORT", "METRICS_PORT"])(
  "the service says what is wrong if %s is in use",
  async (variable) => {
    const service = await startProcess();
    const PORT = String(await freePort());
    const { code, output } = await runToEnd({ PORT, [variable]: new URL(service.address).port });
    await service.stop();
    expect(code).toBe(1);
    expect(output).toMatch(
      new RegExp(
        `cannot listen on 127\\.0\\.0\\.1, port \\d+ \\(.*EADDRINUSE.*\\); stop what uses the port, or set ${variable}`,
      ),
    );
    expect(output).not.toMatch(/\n\s+at /);
  },
);

it("variables in the files of ENV_FILES count before those of the environment", async () => {
  writeFileSync(file, "STORAGE_MAX_FILE_SIZE=much\n");
  const both = await runToEnd({ ENV_FILES: file, STORAGE_MAX_FILE_SIZE: "1 MiB" });
  expect(both.output).toContain("STORAGE_MAX_FILE_SIZE must be a size above 0");
  const none = await runToEnd({ ENV_FILES: join(folder, "none") });
  expect(none.output).toMatch(/Valetkey cannot start[^]*ENV_FILES names .* cannot be read/);
  expect([both.code, none.code]).toEqual([78, 78]);
});

it("where STORES has no default, the log names no folder as the store", async () => {
  const service = await startProcess({ STORES: '{"stores":{},"organizations":{}}' });
  await service.stop();
  expect(service.output()).toContain("no default: STORES has those of organizations");
});
