import { generateKeyPairSync } from "node:crypto";
import { readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { makeProject, type Project } from "../support/project.ts";

// Nothing needs a client library before it is used, and where it is not installed then, what is
// said names it and the command that installs it. In a host, tests/bundles/missing-client.test.ts.

let project: Project;
beforeAll(async () => {
  project = await makeProject();
});

const { peerDependencies } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
);
const install = (...names: ReadonlyArray<string>) =>
  `npm install ${names.map((name) => `${name}@${peerDependencies[name]}`).join(" ")}`;
const sentence = (what: string, name: string) =>
  `${what} needs the package ${name}, which is not installed; install it with: ${install(name)}`;

const keys = { STORAGE_ACCESS_KEY: "access-key", STORAGE_SECRET_KEY: "secret-key" };
const aws = { STORAGE_ADAPTER: "aws", ...keys };
const role = "arn:aws:iam::123456789012:role/put";

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
    use: "the CDN cloudfront",
    env: {
      CDN_URL: "https://cdn.example.com",
      CDN_SIGNER: "cloudfront",
      CDN_KEY_ID: "K2JCJMDEHXQW5F",
      CDN_KEY: generateKeyPairSync("rsa", {
        modulusLength: 2048,
        privateKeyEncoding: { type: "pkcs8", format: "pem" },
        publicKeyEncoding: { type: "spki", format: "pem" },
      }).privateKey,
    },
    missing: "@aws-sdk/cloudfront-signer",
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
    expect(output).toContain(`Valetkey cannot start: ${sentence(use, missing)}\n`);
    expect(code).toBe(1);
    if (links !== undefined) unlinkSync(join(project.folder, "node_modules", links));
  },
);

it("a service that needs a client for calls to its bucket alone starts, signs, and says so", async () => {
  const minio = { STORAGE_ADAPTER: "minio", STORAGE_ENDPOINT: "http://127.0.0.1:9", ...keys };
  const reason = sentence("the store minio", "minio");
  const { output } = await serve(minio, reason);
  expect(output).toContain(
    `the store is not ready (MinIO at http://127.0.0.1:9/, bucket files): ${reason}`,
  );
  expect(output).not.toMatch(/cannot (start|be signed)/);
});

it("certify says what its store lacks before it writes anything, and no more", async () => {
  const env = {
    ...aws,
    STORAGE_PROVIDER: "r2",
    STORAGE_BUCKET: "files",
    STORAGE_ACCOUNT_ID: ACCOUNT,
  };
  const { code, output } = await project.run(["node_modules/.bin/valetkey", "certify"], { env });
  const last = output.trimEnd().split("\n").at(-1);
  expect([code, last]).toEqual([2, sentence("the store aws", "@aws-sdk/client-s3")]);
});

const ACCOUNT = "0123456789abcdef0123456789abcdef";

const serve = async (env: Readonly<Record<string, string>>, until?: string) =>
  project.run(["node_modules/.bin/valetkey", "serve"], {
    env: { PORT: String(await freePort()), ...env },
    ...(until === undefined ? {} : { until }),
  });
