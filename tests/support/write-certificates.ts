import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import * as Effect from "effect/Effect";
import { s3Access } from "../../adapters/cli/command/with-store.ts";
import { signedFetch } from "../../adapters/storage/rest/signed-fetch.ts";
import {
  readSettings as readAws,
  storage as awsStorage,
} from "../../adapters/storage/aws/storage.ts";
import { variables } from "../../adapters/settings/source.ts";
import * as Result from "effect/Result";
import {
  type Provider,
  type ProviderName,
  PROVIDERS,
} from "../../adapters/storage/s3/providers.ts";
import { quietly } from "../../adapters/cli/command/store-log.ts";
import { certificatePage } from "./certificate-page.ts";
import { CERTIFICATES, certificatesOf } from "./certified-stores.ts";
import { ABOUT } from "./store-dangers.ts";
import { startMinio } from "./minio.ts";

// `npm run generate -- certificates PROVIDER[@VERSION]=http://KEY:SECRET@HOST:PORT …`: tries every
// promise on servers that run, or on a MinIO that it starts if none is named, and writes them with
// their pages.
// A server that is no provider is tried as `s3`. One that needs a key for uploads has it in
// STORAGE_PUT_ACCESS_KEY and STORAGE_PUT_SECRET_KEY, and is set up as its page says.
// `npm run generate -- certificate-page FILE …` writes the page of certificates alone.

const FOLDER = CERTIFICATES.pathname;

type Environment = Readonly<Record<string, string>>;

const isProvider = (name: string): name is ProviderName => Object.hasOwn(PROVIDERS, name);

function certifyNamed(argument: string): Promise<void> {
  const [, name = "", version, url = ""] = /^(\w+)(?:@([^=]+))?=(.+)$/.exec(argument) ?? [];
  if (!isProvider(name) && !(name in ABOUT)) throw new Error(`there is no provider ${name}`);
  const { origin, username, password } = new URL(url);
  const [accessKey = "", secretKey = ""] = [username, password].map(decodeURIComponent);
  return certify(name, { endpoint: origin, accessKey, secretKey }, version);
}

/** Writes the certificates of a store and their page; the command tells the person how far it is. */
async function certify(
  name: string,
  server: { readonly endpoint: string; readonly accessKey: string; readonly secretKey: string },
  version?: string,
): Promise<void> {
  const { endpoint, accessKey, secretKey } = server;
  const provider = isProvider(name) ? name : "s3";
  const { needsPutKey, certified }: Provider = PROVIDERS[provider];
  const publicEndpoint = new URL(endpoint);
  // The same server under another name is another host to a signature.
  if (publicEndpoint.hostname === "127.0.0.1") publicEndpoint.hostname = "localhost";
  const environment = {
    STORAGE_ADAPTER: "aws",
    STORAGE_PROVIDER: provider,
    STORAGE_ENDPOINT: endpoint,
    STORAGE_PUBLIC_ENDPOINT: publicEndpoint.origin,
    STORAGE_ACCESS_KEY: accessKey,
    STORAGE_SECRET_KEY: secretKey,
    ...(needsPutKey !== undefined && {
      STORAGE_PUT_ACCESS_KEY: process.env["STORAGE_PUT_ACCESS_KEY"] ?? "",
      STORAGE_PUT_SECRET_KEY: process.env["STORAGE_PUT_SECRET_KEY"] ?? "",
    }),
  };
  const run = (file: string, more: Environment) => {
    const args = ["--output", file, "--server", version ?? certified?.server ?? "of no version"];
    const { status } = spawnSync("node", ["deploy/cli.ts", "certify", ...args], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { PATH: process.env["PATH"], ...environment, ...more },
    });
    // The command ends with 1 if something is broken, which the page says too.
    if (status !== 0 && status !== 1) throw new Error(`${name} could not be certified`);
  };
  const inBucket = async (file: string, isSetUp: (at: Environment) => Promise<boolean>) => {
    const bucket = { STORAGE_BUCKET: `valetkey-certificate-${crypto.randomUUID().slice(0, 8)}` };
    const at = { ...environment, ...bucket };
    await ask(at, { method: "PUT" });
    if (needsPutKey !== undefined) allowPut(at);
    if (await isSetUp(at)) run(file, bucket);
    await ask(at, { method: "DELETE" });
  };
  // Only certify knows of a bucket of its own that it never kept versions.
  if (needsPutKey === undefined) run(`${FOLDER}${name}.json`, {});
  else await inBucket(`${FOLDER}${name}.json`, () => Promise.resolve(true));
  await inBucket(`${FOLDER}${name}.versions.json`, keepVersions);
  writePage(`${FOLDER}${name}.json`);
}

/** As the page of Swift says; a user of its own login has the name of its key. */
const allowPut = (at: Environment) =>
  execFileSync(
    "swift",
    ["post", `${at["STORAGE_BUCKET"]}`, "--write-acl", `${at["STORAGE_PUT_ACCESS_KEY"]}`],
    {
      stdio: "inherit",
      env: {
        PATH: process.env["PATH"],
        ST_AUTH: `${at["STORAGE_ENDPOINT"]}/auth/v1.0`,
        ST_USER: at["STORAGE_ACCESS_KEY"],
        ST_KEY: at["STORAGE_SECRET_KEY"],
      },
    },
  );

/** Lets a bucket keep versions, where the server has such. */
async function keepVersions(environment: Environment): Promise<boolean> {
  const query = [["versioning", ""]] as const;
  await ask(environment, {
    method: "PUT",
    query,
    body: '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>',
  });
  const { text } = await ask(environment, { method: "GET", query });
  return text.includes("<Status>Enabled</Status>");
}

function ask(environment: Environment, request: Parameters<typeof signedFetch>[1]) {
  const settings = Result.getOrThrow(readAws(variables(environment)));
  return s3Access.pipe(
    Effect.flatMap((s3) =>
      s3 === undefined ? Effect.die("no API of S3") : signedFetch(s3, request),
    ),
    // A connection of before may have been closed.
    Effect.retry({ times: 1 }),
    Effect.provide(quietly(awsStorage(settings).layer)),
    Effect.runPromise,
  );
}

/** Writes the page of a certificate, and of that beside it of a bucket that keeps versions. */
function writePage(file: string): void {
  const store = basename(file, ".json");
  const page = `docs/stores/${store}.md`;
  writeFileSync(page, certificatePage(store, ...certificatesOf(store)));
  execFileSync("oxfmt", [page], { stdio: "inherit" });
}

mkdirSync(FOLDER, { recursive: true });
const [first, ...others] = process.argv.slice(2);
if (first === "--page") others.forEach(writePage);
else if (first !== undefined) for (const each of [first, ...others]) await certifyNamed(each);
else {
  const { value, source, stop } = await startMinio();
  if (value === undefined) console.error(`No MinIO: ${source}.`);
  else {
    try {
      await certify("minio", value);
    } finally {
      await stop?.();
    }
  }
}
