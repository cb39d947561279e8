import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { openDocument } from "../../adapters/cli/store/document.ts";
import { policyFor } from "../../adapters/storage/s3/by-hand.ts";
import { keysFor } from "../support/assume-role.ts";
import { valetkey } from "../support/command-line.ts";
import { HOSTILE, startHostileOwner } from "../support/hostile-owner.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { startS3 } from "../support/s3-server.ts";
import { s3Client } from "../support/s3-store.ts";
import { until } from "../support/until.ts";

const server = await need("minio");

/** A document with one store, of which nothing may be lost. */
const BEFORE = {
  stores: {
    eu: {
      adapter: "minio",
      endpoint: "https://eu.example.com",
      bucket: "files-eu",
      access_key: "eu-key",
      secret_key: { variable: "EU_SECRET" },
    },
  },
  organizations: { org_1: "eu" },
};

function makeDocument(members: object, before: object = BEFORE) {
  const folder = makeFolder();
  const [stores, file] = [join(folder, "stores.json"), join(folder, "acme.json")];
  writeFileSync(stores, JSON.stringify(before));
  writeFileSync(file, JSON.stringify(members));
  return {
    stores,
    file,
    read: (): unknown => JSON.parse(readFileSync(stores, "utf8")),
    left: () => readdirSync(dirname(stores)).toSorted(),
  };
}

/** The owner has not updated this MinIO, which the doctor finds. */
const ACCEPTED = ["--allow-private", "--accept", "forged upload"];

const ENV = { EU_SECRET: "a-secret-of-another-store", CUSTOMERS_SECRET: "a-secret-of-a-customer" };

const CUSTOMERS = {
  adapter: "minio",
  endpoint: "https://s3.acme.example",
  bucket: "acme-files",
  access_key: "acme",
  secret_key: { variable: "CUSTOMERS_SECRET" },
};

/** Returns true once the command, which runs in this process, has come to this step. */
const isAt = (step: string) => () =>
  vi.mocked(process.stderr.write).mock.calls.some(([text]) => String(text).startsWith(step));

const attach = (
  { stores, file }: ReturnType<typeof makeDocument>,
  args: ReadonlyArray<string> = [],
  env: Readonly<Record<string, string>> = {},
) => {
  const secrets = Object.keys({ ...ENV, ...env }).flatMap((name) => ["--secret", name]);
  const all = ["store", "attach", "--org", "org_2", "--name", "acme", ...secrets, ...args, file];
  return valetkey(all, { ...ENV, STORES: stores, ...env });
};

/** A bucket with a key for each use, which may do what `valetkey policy` prints, and nothing else. */
async function customersBucket() {
  if (server === undefined) throw new Error("there is no MinIO");
  const bucket = `attached-${crypto.randomUUID()}`;
  await s3Client(server).makeBucket(bucket, "us-east-1");
  const arrivals = ["orgs/", "incoming/"];
  const { each } = policyFor(
    { provider: "minio" },
    { bucket, arrivals, longestPut: 900_000, users: {} },
  );
  const env: Record<string, string> = {};
  const members: Record<string, unknown> = { adapter: "minio", endpoint: server.endpoint, bucket };
  for (const [use, prefix] of [
    ["service", ""],
    ["put", "put_"],
    ["get", "get_"],
  ] as const) {
    const keys = await keysFor(each?.[use] ?? {}, server, { bucket });
    members[`${prefix}access_key`] = keys.accessKey;
    for (const [name, value] of Object.entries({
      secret_key: keys.secretKey,
      session_token: keys.sessionToken,
    })) {
      const variable = `ACME_${prefix}${name}`.toUpperCase();
      env[variable] = value;
      members[`${prefix}${name}`] = { variable };
    }
  }
  return { bucket, env, members };
}

describe.skipIf(server === undefined)("valetkey store attach", () => {
  it("examines a bucket by keys that may only do their own, and adds it to the document", async () => {
    const { bucket, env, members } = await customersBucket();
    const document = makeDocument(members);
    const link = join(makeFolder(), "link.json");
    symlinkSync(document.stores, link);
    const attaching = attach(document, ACCEPTED, { ...env, STORES: link });
    await Promise.race([attaching, until("the second step", isAt("2/4"))]);
    // Somebody else changes it meanwhile.
    const others = { ...BEFORE.organizations, org_3: "eu" };
    writeFileSync(document.stores, JSON.stringify({ ...BEFORE, organizations: others }));
    const { code, stdout, stderr } = await attaching;
    expect(code, stdout + stderr).toBe(0);
    expect(document.read()).toEqual({
      stores: { ...BEFORE.stores, acme: { ...members, untrusted: true, allow_private: true } },
      organizations: { ...others, org_2: "acme" },
    });
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(document.left()).toEqual(["acme.json", "stores.json"]);
    for (const step of ["1/4", "2/4", "3/4", "4/4"]) expect(stderr).toContain(`${step} `);
    expect(stdout).toContain("from put_access_key");
    expect(stdout).toContain(`"arn:aws:s3:::${bucket}/incoming/*"`);
    for (const secret of Object.values(env)) expect(stdout + stderr).not.toContain(secret);
  });

  it("leaves the document as another command wrote it that attached the same bucket meanwhile", async () => {
    const { env, members } = await customersBucket();
    const document = makeDocument(members);
    const attaching = attach(document, ACCEPTED, env);
    await Promise.race([attaching, until("the third step", isAt("3/4"))]);
    const stores = { ...BEFORE.stores, first: members };
    const first = { stores, organizations: { ...BEFORE.organizations, org_3: "first" } };
    writeFileSync(document.stores, JSON.stringify(first));
    const { code, stdout, stderr } = await attaching;
    const why = expect.stringContaining("The store first, of org_3, has this bucket already");
    expect([code, stderr], stdout).toEqual([1, why]);
    expect(document.read()).toEqual(first);
    expect(document.left()).toEqual(["acme.json", "stores.json"]);
  });

  it("leaves the document as it was for a key that may not do what is needed", async () => {
    const { env, members } = await customersBucket();
    const { put_access_key: access_key, put_secret_key: secret_key } = members;
    const { put_session_token: session_token, adapter, endpoint, bucket } = members;
    const main = { adapter, endpoint, bucket, access_key, secret_key, session_token };
    const document = makeDocument(main);
    const { code, stdout, stderr } = await attach(document, ACCEPTED, env);
    expect(code).toBe(1);
    expect(stdout).toContain("FAILED");
    expect(stderr).toContain("The store was not attached, and the document is as it was");
    expect(document.read()).toEqual(BEFORE);
    for (const secret of Object.values(env)) expect(stdout + stderr).not.toContain(secret);
  });

  it.each(["1/4", "2/4", "3/4"])(
    "leaves the document as it was when it is killed at step %s",
    async (step) => {
      const { env, members } = await customersBucket();
      const document = makeDocument(members);
      const secrets = Object.keys(env).flatMap((name) => ["--secret", name]);
      const args = ["--org", "org_2", "--name", "acme", ...secrets, ...ACCEPTED, document.file];
      const child = spawn(
        "node",
        ["deploy/launch.cjs", "deploy/cli.ts", "store", "attach", ...args],
        {
          env: { ...process.env, ...ENV, ...env, STORES: document.stores },
        },
      );
      onTestFinished(() => void child.kill("SIGKILL"));
      let seen = "";
      child.stdout.resume();
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        seen += text;
        if (seen.includes(step)) child.kill("SIGKILL");
      });
      await once(child, "exit");
      expect(seen).toContain(step);
      expect(document.read()).toEqual(BEFORE);
      expect(document.left()).toEqual(["acme.json", "stores.json"]);
    },
  );
});

it.each(Object.keys(HOSTILE).filter((way) => !way.includes("size")) as Array<keyof typeof HOSTILE>)(
  "a bucket that answers with %s is not attached, and writes nothing of its own to the screen",
  async (way) => {
    const owner = await startHostileOwner(HOSTILE[way]);
    onTestFinished(owner.close);
    const document = makeDocument({ ...CUSTOMERS, endpoint: owner.url.origin });
    const { code, stdout, stderr } = await attach(document, ["--allow-private"]);
    expect(code, stderr).not.toBe(0);
    expect(document.read()).toEqual(BEFORE);
    expect(`${stdout}${stderr}`).toMatch(/^[\n -~…]*$/);
    expect(stdout.length + stderr.length).toBeLessThan(40_000);
  },
);

it("a bucket that passes every check and breaks a promise is not attached", async () => {
  const { env } = await startS3((request, usual) => {
    request.headers.delete("Range");
    return usual();
  });
  const { STORAGE_SECRET_KEY, STORAGE_PUT_SECRET_KEY } = env;
  const document = makeDocument({
    adapter: env.STORAGE_ADAPTER,
    endpoint: env.STORAGE_ENDPOINT,
    bucket: "files",
    access_key: env.STORAGE_ACCESS_KEY,
    secret_key: { variable: "STORAGE_SECRET_KEY" },
    put_access_key: env.STORAGE_PUT_ACCESS_KEY,
    put_secret_key: { variable: "STORAGE_PUT_SECRET_KEY" },
  });
  const args = ["--allow-private", "--origin", env.CORS_ORIGINS];
  const { code, stderr } = await attach(document, args, {
    STORAGE_SECRET_KEY,
    STORAGE_PUT_SECRET_KEY,
  });
  expect([code, stderr]).toEqual([1, expect.stringContaining("the document is as it was: \n")]);
  expect(stderr).toContain("\n  a GET answers a range, and 304 to a client that has the object: ");
  expect(document.read()).toEqual(BEFORE);
});

const REFUSED: ReadonlyArray<readonly [why: string, object, ReadonlyArray<string>, string]> = [
  [
    "a bucket that another organization has",
    BEFORE.stores.eu,
    [],
    "The store eu, of org_1, has this bucket already",
  ],
  [
    "an address of this network",
    { ...CUSTOMERS, endpoint: "https://10.0.0.1" },
    [],
    "/stores/acme/endpoint: it must be an https URL of the public Internet",
  ],
  [
    "a secret in plain text",
    { ...CUSTOMERS, secret_key: "secret" },
    [],
    "a secret is never in the document",
  ],
  ["a member that nobody knows", { ...CUSTOMERS, buckets: "a" }, [], "/stores/acme/buckets"],
  [
    "a file that says whom to trust",
    { ...CUSTOMERS, untrusted: false },
    [],
    "must not have untrusted",
  ],
  [
    "a file that allows this network",
    { ...CUSTOMERS, allow_private: true },
    [],
    "must not have allow_private",
  ],
  [
    "a file that makes a bucket",
    { ...CUSTOMERS, create_bucket: true },
    [],
    "not have create_bucket",
  ],
  ["a file without a bucket", { ...CUSTOMERS, bucket: undefined }, [], "must name the bucket"],
  ["this service's own folder", { adapter: "local" }, [], "/stores/acme/untrusted"],
  [
    "this service's own identity",
    { adapter: "aws", region: "us-east-1", bucket: "acme-files" },
    [],
    "/stores/acme/role: it must be set",
  ],
  ["no object", [], [], "is no JSON object"],
  [
    "a variable of the service as a token, which is sent to the customer's server",
    { ...CUSTOMERS, session_token: { variable: "RECEIPT_KEYS" } },
    [],
    "give --secret RECEIPT_KEYS if",
  ],
  [
    "a file of the service as a secret",
    { ...CUSTOMERS, secret_key: { file: "/run/secrets/other" } },
    [],
    "give --secret /run/secrets/other if",
  ],
  [
    "the credentials of another store",
    { adapter: "minio", endpoint: "https://s3.acme.example", bucket: "a", credentials_file: "/c" },
    [],
    "give --secret /c if",
  ],
  [
    "the key of this service at Google",
    { adapter: "gcs", bucket: "acme-files", google_application_credentials: "/key.json" },
    [],
    "give --secret /key.json if",
  ],
];

it.each(REFUSED)("%s is refused before anything is called", async (_, members, args, why) => {
  const document = makeDocument(members);
  const { code, stdout, stderr } = await attach(document, args);
  expect([code > 0, stdout]).toEqual([true, ""]);
  expect(stderr).toContain(why);
  expect(stderr).not.toContain("a-secret-of");
  expect(document.read()).toEqual(BEFORE);
});

it("a bucket that an organization moves away from, or that is the default one, is another's", async () => {
  const [eu, us] = [BEFORE.stores.eu, { ...BEFORE.stores.eu, bucket: "files-us" }];
  const organizations = { org_1: { store: "us", from: "eu" } };
  const document = makeDocument(eu, { stores: { eu, us }, organizations });
  expect((await attach(document)).stderr).toContain("The store eu, of org_1, has this bucket");
  const own = {
    STORAGE_ADAPTER: "minio",
    STORAGE_ENDPOINT: CUSTOMERS.endpoint,
    STORAGE_BUCKET: CUSTOMERS.bucket,
    STORAGE_ACCESS_KEY: "own",
    STORAGE_SECRET_KEY: "a-secret-of-our-own",
  };
  const { code, stderr } = await attach(makeDocument(CUSTOMERS), [], own);
  expect([code, stderr]).toEqual([1, expect.stringContaining("The store default has this bucket")]);
});

it.each([
  // It is too long to be shown, and not for a name.
  ["9".repeat(64), "…"],
  ["Acme_1", "acme-1"],
  // That of everybody whom nobody has placed.
  ["Default", "org-default"],
])("the store of organization %s is called %s if nobody names it", async (org, name) => {
  const { file, stores } = makeDocument({ ...CUSTOMERS, secret_key: "in plain text" });
  const env = { ...ENV, STORES: stores };
  const { stderr } = await valetkey(["store", "attach", "--org", org, file], env);
  expect(stderr).toContain(`/stores/${name}/secret_key: it is neither`);
});

it("a customer's bucket is never the default one", async () => {
  const document = makeDocument(CUSTOMERS);
  const args = ["--org", "org_2", "--name", "default", document.file];
  const { code, stderr } = await valetkey(["store", "attach", ...args], {
    ...ENV,
    STORES: document.stores,
  });
  expect(code).toBe(64);
  expect(stderr).toMatch(/^--name must be a name for the store: .*, and not default\.\n/);
});

it("an organization that is placed already is told to move", async () => {
  const document = makeDocument(CUSTOMERS);
  const args = ["--org", "org_1", "--secret", "CUSTOMERS_SECRET", document.file];
  const { code, stderr } = await valetkey(["store", "attach", ...args], {
    ...ENV,
    STORES: document.stores,
  });
  expect(code).toBe(78);
  expect(stderr).toContain("org_1 is placed already");
  expect(stderr).toContain("valetkey move");
});

it.each(["", JSON.stringify(BEFORE)])(
  "there has to be a file to write into, which STORES=%s has not",
  async (STORES) => {
    const { code, stderr } = await attach(makeDocument(CUSTOMERS), [], { STORES });
    expect(code).toBe(78);
    expect(stderr).toContain("Set STORES to the path of the document");
  },
);

const ROLE = {
  STORAGE_ADAPTER: "aws",
  STORAGE_REGION: "eu-central-1",
  STORAGE_BUCKET: "acme-files",
};
const PRINCIPAL = "arn:aws:iam::123456789012:role/ours";

it("valetkey policy prints what the owner of a role allows it, and whom it trusts by the external id", async () => {
  const env = {
    ...ROLE,
    STORAGE_ROLE: "arn:aws:iam::210987654321:role/for-valetkey",
    STORAGE_EXTERNAL_ID: "org_2-5b0f8c1e",
  };
  const trust = await valetkey(["policy", "trust", "--principal", PRINCIPAL], env);
  expect(JSON.parse(trust.stdout)).toEqual({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { AWS: PRINCIPAL },
        Action: "sts:AssumeRole",
        Condition: { StringEquals: { "sts:ExternalId": "org_2-5b0f8c1e" } },
      },
    ],
  });
  expect(trust.stderr).toContain("aws iam create-role --role-name for-valetkey");
  const allowed = await valetkey(["policy"], env);
  const { Statement } = JSON.parse(allowed.stdout) as { Statement: Array<Record<string, unknown>> };
  expect(Statement.map(({ Effect, Sid }) => `${Effect} ${Sid}`)).toEqual([
    "Allow Put",
    "Allow Get",
    "Allow LookAtTheBucket",
    "Allow LookAtObjectsAndConfirmThem",
    "Allow PutPartsTogether",
  ]);
  expect((await valetkey(["policy", "trust"], ROLE)).stderr).toContain("neither a role");
});

it.each([
  [
    { STORAGE_ADAPTER: "gcs", STORAGE_ROLE: "acme@p.iam.gserviceaccount.com" },
    "add-iam-policy-binding acme@p.iam.gserviceaccount.com --member=serviceAccount:ours",
  ],
  [
    {
      STORAGE_ADAPTER: "azure",
      STORAGE_ENDPOINT: "https://acme.blob.core.windows.net",
      STORAGE_AZURE_TENANT_ID: crypto.randomUUID(),
    },
    "az ad sp create --id ours",
  ],
])("valetkey policy trust says how the owner of %o lets the service in", async (env, command) => {
  const { code, stderr } = await valetkey(["policy", "trust", "--principal", "ours"], {
    ...env,
    STORAGE_BUCKET: "files",
  } as Record<string, string>);
  expect([code, stderr]).toEqual([0, expect.stringContaining(command)]);
});

it("of two commands that write a document at once, one says so and loses nothing of the other", () => {
  const { stores, read, left } = makeDocument({});
  const document = openDocument(stores);
  let second: unknown;
  document.change(() => {
    try {
      openDocument(stores).change(() => expect.unreachable());
    } catch (cause) {
      second = cause;
    }
    return { stores: {}, first: true };
  });
  expect(second).toMatchObject({
    message: `The file ${stores} cannot be written (${stores}.new is there: another command is writing, or was killed while it wrote; then remove it and try again).`,
  });
  expect(read()).toEqual({ stores: {}, first: true });
  expect(() =>
    document.change(() => {
      throw new TypeError("as a fault of the update");
    }),
  ).toThrow("as a fault of the update");
  document.change((current) => ({ ...(current as object), second: true }));
  expect(read()).toEqual({ stores: {}, first: true, second: true });
  expect(left()).toEqual(["acme.json", "stores.json"]);
});

it("a document that would be too large to be read is not written", () => {
  const { stores, read, left } = makeDocument({});
  // Less than 2 ** 20 characters.
  const name = "é".repeat(2 ** 19);
  expect(() => openDocument(stores).change(() => ({ organizations: { org_1: name } }))).toThrow(
    `The file ${stores} would be larger than 1 MiB, and could not be read. Take out`,
  );
  expect(read()).toEqual(BEFORE);
  expect(left()).toEqual(["acme.json", "stores.json"]);
});

it("a document that cannot be written whole stays as it was", async () => {
  const { stores, read, left } = makeDocument({});
  const program = `
    const { openDocument } = await import(${JSON.stringify(resolve("adapters/cli/store/document.ts"))});
    openDocument(process.env.STORES).change(() => ({ stores: {}, filler: "a".repeat(100_000) }));`;
  // As on a disk that becomes full: it takes the first 16 KiB, and the rest not.
  const limited = ["-c", 'ulimit -f 32; exec "$@"', "sh", process.execPath];
  const child = spawn("sh", [...limited, "--input-type=module", "--eval", program], {
    env: { ...process.env, STORES: stores, NODE_COMPILE_CACHE: "" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  expect([code, said]).toEqual([1, expect.stringContaining("cannot be written (EFBIG)")]);
  expect(read()).toEqual(BEFORE);
  expect(left()).toEqual(["acme.json", "stores.json"]);
});

it("a document that is changed keeps its mode, whatever the umask", () => {
  const { stores } = makeDocument({});
  for (const each of [0o600, 0o666]) {
    chmodSync(stores, each);
    openDocument(stores).change(() => ({ stores: {} }));
    expect(statSync(stores).mode & 0o777).toBe(each);
  }
});

it.skipIf(process.getuid?.() !== 0)("a document that root changes keeps its owner", () => {
  const { stores, read } = makeDocument({});
  chmodSync(stores, 0o600);
  chownSync(stores, 1000, 1001);
  openDocument(stores).change(() => ({ stores: {} }));
  expect(read()).toEqual({ stores: {} });
  const { uid, gid, mode } = statSync(stores);
  expect([uid, gid, mode & 0o777]).toEqual([1000, 1001, 0o600]);
});
