import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { type Provider, type ProviderName, PROVIDERS } from "../../adapters/storage/providers.ts";
import { certificatePage } from "./certificate-page.ts";
import { startMinio } from "./minio.ts";

// `npm run generate -- certificates PROVIDER=http://KEY:SECRET@HOST:PORT …`: tries every promise on
// servers that run, or on a MinIO that it starts if none is named, and writes docs/stores/.

const FOLDER = new URL("../../docs/stores/", import.meta.url).pathname;

interface Server {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

const isProvider = (name: string): name is ProviderName => Object.hasOwn(PROVIDERS, name);

function named(argument: string): readonly [ProviderName, Server] {
  const [, name = "", url = ""] = /^(\w+)=(.+)$/.exec(argument) ?? [];
  if (!isProvider(name)) throw new Error(`there is no provider ${name}`);
  const { origin: endpoint, username, password } = new URL(url);
  const [accessKey = "", secretKey = ""] = [username, password].map(decodeURIComponent);
  return [name, { endpoint, accessKey, secretKey }];
}

/** Writes the page of a store; the command tells the person how far it is. */
function certify(name: ProviderName, server: Server): void {
  const { endpoint, accessKey, secretKey } = server;
  const { title, needsPutKey }: Provider = PROVIDERS[name];
  const publicEndpoint = new URL(endpoint);
  // The same server under another name is another host to a signature.
  if (publicEndpoint.hostname === "127.0.0.1") publicEndpoint.hostname = "localhost";
  const page = `${FOLDER}${name}.md`;
  const { status, stdout } = spawnSync("node", ["deploy/cli.ts", "certify", "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    env: {
      PATH: process.env["PATH"],
      STORAGE_ADAPTER: name === "minio" ? "minio" : "aws",
      STORAGE_PROVIDER: name,
      STORAGE_ENDPOINT: endpoint,
      STORAGE_PUBLIC_ENDPOINT: publicEndpoint.origin,
      STORAGE_ACCESS_KEY: accessKey,
      STORAGE_SECRET_KEY: secretKey,
      // The store's own protection is looked at, and not that of a key for uploads.
      ...(needsPutKey !== undefined && {
        STORAGE_PUT_ACCESS_KEY: accessKey,
        STORAGE_PUT_SECRET_KEY: secretKey,
      }),
    },
  });
  // The command ends with 1 if something is not kept, which the page says too.
  if (status !== 0 && status !== 1) throw new Error(`${title} could not be certified`);
  writeFileSync(page, certificatePage(name, JSON.parse(stdout)));
  execFileSync("oxfmt", [page], { stdio: "inherit" });
}

mkdirSync(FOLDER, { recursive: true });
const servers = new Map(process.argv.slice(2).map(named));
if (servers.size === 0) {
  const { value, source, stop } = await startMinio();
  if (value === undefined) console.error(`No MinIO: ${source}.`);
  else {
    try {
      certify("minio", value);
    } finally {
      await stop?.();
    }
  }
}
for (const [name, server] of servers) certify(name, server);
