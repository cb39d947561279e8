import { generateKeyPairSync } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { makeProject, type Project } from "../support/project.ts";

// The client libraries are for those who use them: npm does not bring them, nothing needs them
// before they are used, and then the error says what to install.

let project: Project;
beforeAll(async () => {
  project = await makeProject();
}, 180_000);
afterAll(() => project?.remove());

const { version, peerDependencies, peerDependenciesMeta, devDependencies } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
);
const optional = Object.keys(peerDependencies).filter(
  (name) => peerDependenciesMeta[name]?.optional === true,
);

it("npm brings no client library of a store along", () => {
  expect(optional).toContain("minio");
  const lock = readFileSync(join(project.folder, "package-lock.json"), "utf8");
  for (const name of optional) {
    expect(existsSync(join(project.folder, "node_modules", name)), name).toBe(false);
    expect(lock).not.toContain(`node_modules/${name}"`);
  }
  // What a host shares with the package, so that there is one of each, npm does bring.
  const shared = Object.keys(peerDependencies).filter((name) => !optional.includes(name));
  expect(shared).toEqual(["effect", "hono"]);
  for (const name of shared) {
    expect(existsSync(join(project.folder, "node_modules", name)), name).toBe(true);
  }
});

it("a checkout has each of them, at one version that the range allows", () => {
  for (const name of optional) expect(devDependencies[name], name).toMatch(/^\d+\.\d+\.\d+$/);
});

/** Entry points that can be imported where no client library is installed. */
const ENTRIES = ["valetkey", "valetkey/minio", "valetkey/gcs", "valetkey/local"];

it.each(["node", "bun", "deno"])("%s imports every entry point without them", async (runtime) => {
  project.write(
    "import.js",
    ENTRIES.map((entry) => `console.log(Object.keys(await import("${entry}")).length > 0);`).join(
      "\n",
    ),
  );
  const { code, output } = await project.run([runtime, "import.js"]);
  expect(output).toBe("true\n".repeat(ENTRIES.length));
  expect(code).toBe(0);
});

const install = (...names: ReadonlyArray<string>) =>
  `npm install ${names.map((name) => `${name}@${peerDependencies[name]}`).join(" ")}`;

const keys = { STORAGE_ACCESS_KEY: "access-key", STORAGE_SECRET_KEY: "secret-key" };
const aws = { STORAGE_ADAPTER: "aws", ...keys };
const role = "arn:aws:iam::123456789012:role/put";

it("what is installed signs, and says its version", async () => {
  project.write("sign.js", SIGN);
  const signed = await project.run(["node", "sign.js"]);
  expect(signed.output).toMatch(/^\/files\/orgs\/a\/files\/2026\/01\/5007cd59-.*\.png\n$/);
  const told = await project.run(["node_modules/.bin/valetkey", "--version"]);
  expect(told.output).toBe(`${version}\n`);
});

const SIGN = `
import { MediaType, Presigner, defaultPolicy, StorageKey } from "valetkey";
import { layer } from "valetkey/minio";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";

const store = layer({
  bucket: "files",
  createBucket: false,
  region: "us-east-1",
  endpoint: new URL("http://127.0.0.1:9000"),
  accessKey: "access-key",
  secretKey: Redacted.make("secret-key"),
  putAccessKey: "put-key",
  putSecretKey: Redacted.make("put-secret"),
  pathStyle: true,
});
const signed = await Effect.runPromise(
  Presigner.use((presigner) =>
    presigner.get({
      key: StorageKey.make("orgs/a/files/2026/01/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png"),
      lifetime: defaultPolicy.getLifetime,
      minLifetime: defaultPolicy.minLifetime,
      audience: "public",
      responseMediaType: MediaType.make("image/png"),
      responseDisposition: "inline",
    }),
  ).pipe(Effect.provide(store)),
);
console.log(new URL(signed.url).pathname);
`;

it("a bundle can be made without the client library, and says the same where it is used", async () => {
  project.write(
    "bucket.js",
    `import { ObjectStore } from "valetkey";${SIGN.slice(0, SIGN.indexOf("const signed"))}
const { failure } = await Effect.runPromise(
  ObjectStore.use((objects) => Effect.result(objects.ensureBucket)).pipe(Effect.provide(store)),
);
console.log(failure.reason);
`,
  );
  await build({
    absWorkingDir: project.folder,
    entryPoints: ["bucket.js"],
    outfile: "bundle/bucket.js",
    bundle: true,
    format: "esm",
    platform: "node",
    logLevel: "error",
  });
  const { output } = await project.run(["node", "bundle/bucket.js"]);
  expect(output).toContain(
    "the store minio needs the package minio, which is not installed; install it with: npm install minio",
  );
});

/** What the service is told to use, what is installed already, and what is missing then. */
const AT_START: ReadonlyArray<{
  readonly use: string;
  readonly env: Readonly<Record<string, string>>;
  readonly links?: string;
  readonly missing: string;
}> = [
  { use: "the store aws", env: aws, missing: "@aws-sdk/client-s3" },
  {
    use: "the store aws with the signer sdk",
    env: { ...aws, STORAGE_SIGNER: "sdk" },
    links: "@aws-sdk/client-s3",
    missing: "@aws-sdk/s3-request-presigner",
  },
  {
    use: "the store aws with a role",
    env: { ...aws, STORAGE_PUT_ROLE: role },
    links: "@aws-sdk/client-s3",
    missing: "@aws-sdk/credential-providers",
  },
  {
    use: "the store gcs without a key",
    env: { STORAGE_ADAPTER: "gcs" },
    missing: "google-auth-library",
  },
  {
    use: "counting in Redis",
    env: { REDIS_URL: "redis://127.0.0.1:9" },
    missing: "@redis/client",
  },
];

it.each(AT_START)(
  "$use: a service that lacks $missing does not start, and says how to install it",
  async ({ use, env, links, missing }) => {
    if (links !== undefined) project.link(links);
    const { code, output } = await serve(env);
    expect(output).toContain(
      `Valetkey cannot start: ${use} needs the package ${missing}, which is not installed; install it with: ${install(missing)}\n`,
    );
    expect(code).toBe(1);
  },
);

it("a service that needs a client for calls to its bucket alone starts, signs, and says so", async () => {
  const minio = { STORAGE_ADAPTER: "minio", STORAGE_ENDPOINT: "http://127.0.0.1:9", ...keys };
  const reason = `the store minio needs the package minio, which is not installed; install it with: ${install("minio")}`;
  const { output } = await serve(minio, reason);
  expect(output).toContain(
    `the store is not ready (MinIO at http://127.0.0.1:9/, bucket files): ${reason}`,
  );
  expect(output).not.toMatch(/cannot (start|be signed)/);
});

it("packages that are missing together are named together", async () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = {
    type: "service_account",
    client_email: "signer@my-project.iam.gserviceaccount.com",
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
  };
  const both = ["@google-cloud/storage", "google-auth-library"];
  const reason = `the store gcs needs the packages ${both.join(" and ")}, which are not installed; install them with: ${install(...both)}`;
  const gcs = { STORAGE_ADAPTER: "gcs", STORAGE_GCS_CREDENTIALS: JSON.stringify(key) };
  const { output } = await serve(gcs, reason);
  expect(output).toContain(reason);
});

const serve = async (env: Readonly<Record<string, string>>, until?: string) =>
  project.run(["node_modules/.bin/valetkey", "serve"], {
    env: { PORT: String(await freePort()), ...env },
    ...(until === undefined ? {} : { until }),
  });
