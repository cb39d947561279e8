import { devNull } from "node:os";
import { asJson } from "../command/command.ts";
import type { Session } from "./session.ts";

// What each tool needs with credentials that may put, and neither read, list nor remove: held to the
// tools themselves in tests/cli/credentials-tools.test.ts.

type S3 = Extract<Session, { readonly kind: "s3" }>;
/** rclone looks first whether the prefix is a file, which a signature of Azure's does not let it. */
type Rclone = Exclude<Session, { readonly kind: "azure" }>;
type Texts = Readonly<Record<string, string>>;

/** The address of the prefix, as tools of this store write it. */
export function uriOf({ kind, endpoint, bucket, prefix }: Session): string {
  const root = { s3: "s3:/", gcs: "gs:/", azure: endpoint }[kind];
  return `${root}/${bucket}/${prefix}`;
}

/** Variables for a tool: a remote `valetkey:` of rclone that is the prefix, and what others read. */
const variablesFor = (session: Session): Texts => ({
  VALETKEY_BUCKET: session.bucket,
  VALETKEY_PREFIX: session.prefix,
  VALETKEY_URI: uriOf(session),
  ...(session.kind === "azure"
    ? {
        // "Configure Azure Storage connection strings", which its clients read.
        AZURE_STORAGE_CONNECTION_STRING: `BlobEndpoint=${session.endpoint};SharedAccessSignature=${session.sas}`,
      }
    : {
        ...variables("RCLONE_CONFIG_VALETKEYSTORE", rcloneStore(session)),
        ...variables("RCLONE_CONFIG_VALETKEY", rcloneAlias(session, "valetkeystore")),
        ...variables("RCLONE", rcloneFlags(session)),
      }),
  ...(session.kind === "s3" && {
    AWS_ACCESS_KEY_ID: session.access_key_id,
    AWS_SECRET_ACCESS_KEY: session.secret_access_key,
    AWS_SESSION_TOKEN: session.session_token,
    AWS_REGION: session.region,
    // What botocore reads.
    AWS_DEFAULT_REGION: session.region,
    AWS_ENDPOINT_URL_S3: session.endpoint,
  }),
});

/** Variables of AWS's tools that say neither who calls nor where. */
const HARMLESS =
  /^AWS_(?:CA_BUNDLE|MAX_ATTEMPTS|PAGER|RE(?:QUEST|SPONSE)_CHECKSUM_\w+|RETRY_MODE)$/;

/**
 * The environment of a tool: `env` without the service's token, and without other credentials,
 * profiles and addresses of AWS's tools, which would win over these.
 */
export const environmentFor = (session: Session, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    Object.entries(env).filter(
      ([name]) =>
        !/^(?:VALETKEY_TOKEN$|RCLONE_CONFIG_VALETKEY|AWS_|AZURE_STORAGE_)/.test(name) ||
        HARMLESS.test(name),
    ),
  ),
  AWS_CONFIG_FILE: devNull,
  AWS_SHARED_CREDENTIALS_FILE: devNull,
  ...variablesFor(session),
});

/** The options of rclone's remote for the bucket. */
function rcloneStore(session: Rclone): Texts {
  if (session.kind === "gcs") {
    const { access_token } = session;
    const endpoint = `${session.endpoint}/storage/v1/`;
    const store = { type: "google cloud storage", endpoint, bucket_policy_only: "true" };
    return { ...store, access_token, ...UNREAD };
  }
  const { access_key_id, secret_access_key, session_token, region, endpoint } = session;
  const keys = { access_key_id, secret_access_key, session_token };
  const force_path_style = String(session.path_style);
  const place = { provider: "Other", region, endpoint, force_path_style };
  return { type: "s3", ...place, ...keys, ...UNREAD, no_head: "true", no_head_object: "true" };
}

/** Otherwise rclone makes the bucket, and looks at what it has sent. */
const UNREAD = { no_check_bucket: "true" };
/**
 * Where nothing is listed, it cannot look at what it is about to replace; Google replaces nothing.
 * With several streams, it takes a file of 256 MiB at which it may not look for an empty one.
 */
const rcloneFlags = ({ kind }: Session): Texts =>
  kind === "s3" ? { no_check_dest: "true", multi_thread_streams: "0" } : {};

const rcloneAlias = ({ bucket, prefix }: Session, store: string): Texts => ({
  type: "alias",
  remote: `${store}:${bucket}/${prefix}`,
});

/** How credentials are printed; undefined for a tool that does not speak to the store. */
export const FORMS = {
  env: (session: Session) =>
    lines(variablesFor(session), (name, value) => `export ${name}=${inShell(value)}`),
  rclone: (session: Session) =>
    session.kind === "azure"
      ? undefined
      : section("valetkey-store", {
          ...rcloneStore(session),
          ...Object.fromEntries(
            Object.entries(rcloneFlags(session)).map(([name, value]) => [`global.${name}`, value]),
          ),
        }) + section("valetkey", rcloneAlias(session, "valetkey-store")),
  aws: onS3((session) =>
    section("profile valetkey", {
      aws_access_key_id: session.access_key_id,
      aws_secret_access_key: session.secret_access_key,
      aws_session_token: session.session_token,
      region: session.region,
      endpoint_url: session.endpoint,
      s3: `\n  addressing_style = ${addressing(session)}`,
    }),
  ),
  boto3: onS3(
    (session) => `import boto3
from botocore.config import Config

s3 = boto3.client(
    "s3",
    endpoint_url=${JSON.stringify(session.endpoint)},
    region_name=${JSON.stringify(session.region)},
    aws_access_key_id=${JSON.stringify(session.access_key_id)},
    aws_secret_access_key=${JSON.stringify(session.secret_access_key)},
    aws_session_token=${JSON.stringify(session.session_token)},
    config=Config(s3={"addressing_style": "${addressing(session)}"}),
)
bucket, prefix = ${JSON.stringify(session.bucket)}, ${JSON.stringify(session.prefix)}
`,
  ),
  duckdb: onS3((session) => {
    const { protocol, host } = new URL(session.endpoint);
    const options = {
      KEY_ID: session.access_key_id,
      SECRET: session.secret_access_key,
      SESSION_TOKEN: session.session_token,
      REGION: session.region,
      ENDPOINT: host,
      URL_STYLE: session.path_style ? "path" : "vhost",
      SCOPE: uriOf(session),
    };
    const written = lines(options, (name, value) => `  ${name} ${inSql(value)},`);
    return `CREATE OR REPLACE SECRET valetkey (\n  TYPE s3,\n${written}  USE_SSL ${protocol === "https:"}\n);\n`;
  }),
  process: onS3((session) =>
    asJson({
      Version: 1,
      AccessKeyId: session.access_key_id,
      SecretAccessKey: session.secret_access_key,
      SessionToken: session.session_token,
      Expiration: session.expires_at,
    }),
  ),
};

function onS3(write: (session: S3) => string) {
  return (session: Session) => (session.kind === "s3" ? write(session) : undefined);
}

const lines = (texts: Texts, write: (name: string, value: string) => string) =>
  Object.entries(texts)
    .map(([name, value]) => `${write(name, value)}\n`)
    .join("");
const section = (name: string, options: Texts) =>
  `[${name}]\n${lines(options, (key, value) => `${key} = ${value}`)}\n`;
const variables = (start: string, options: Texts): Texts =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [`${start}_${name.toUpperCase()}`, value]),
  );

const addressing = ({ path_style }: S3) => (path_style ? "path" : "virtual");
const inSql = (text: string) => `'${text.replaceAll("'", "''")}'`;
/** Quotes what a shell would read otherwise, such as `$` in a path. */
export const inShell = (text: string) =>
  /^[\w./:@,+=-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
