import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type * as Layer from "effect/Layer";
import * as ManagedRuntime from "effect/ManagedRuntime";
import { AssumeRoleProvider } from "minio/dist/esm/AssumeRoleProvider.mjs";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, type TestContext, vi } from "vitest";
import { layer as aws } from "../../adapters/storage/aws/layer.ts";
import type { S3Settings } from "../../adapters/storage/s3/settings.ts";
import { CONTENT, putRequest } from "../../adapters/contract/sending/uploads.ts";
import { send } from "../../adapters/contract/sending/send.ts";
import { layer as minio } from "../../adapters/storage/minio/layer.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import { makeFolder } from "../support/make-folder.ts";
import { need } from "../support/need.ts";
import { quiet, s3Settings } from "../support/s3-store.ts";
import { serve } from "../support/serve.ts";

const server = await need("minio");

afterEach(() => vi.unstubAllEnvs());

const HOUR = 60 * 60 * 1000;

/** Credentials of the real server that expire after an hour, in the format of the credentials file. */
async function temporary() {
  const provider = new AssumeRoleProvider({
    stsEndpoint: server?.endpoint ?? "",
    accessKey: server?.accessKey ?? "",
    secretKey: server?.secretKey ?? "",
    durationSeconds: HOUR / 1000,
  });
  const credentials = await provider.getCredentials();
  return {
    access_key: credentials.getAccessKey(),
    secret_key: credentials.getSecretKey(),
    session_token: credentials.getSessionToken() ?? "",
    expires_at: new Date(Date.now() + HOUR).toISOString(),
  };
}
type Temporary = Awaited<ReturnType<typeof temporary>>;

const settings = () =>
  s3Settings(server?.endpoint ?? "", {
    bucket: `credentials-${crypto.randomUUID()}`,
    createBucket: true,
    accessKey: undefined,
    secretKey: undefined,
  });
const withAws =
  (signer: S3Settings["signer"]) =>
  (over: Partial<S3Settings>): Layer.Layer<Presigner | ObjectStore> =>
    aws({ ...settings(), ...over, signer });

/** Opens a store for as long as the test lasts, with its credentials renewed in the background. */
async function open(
  layer: Layer.Layer<Presigner | ObjectStore>,
  { onTestFinished }: Pick<TestContext, "onTestFinished">,
): Promise<Presigner["Service"]> {
  const runtime = ManagedRuntime.make(layer);
  onTestFinished(() => runtime.dispose());
  await runtime.runPromise(
    Effect.flatMap(ObjectStore, (store) => store.ensureBucket).pipe(Effect.provide(quiet)),
  );
  return runtime.runPromise(Presigner);
}

const tokenOf = (url: string) => new URL(url).searchParams.get("X-Amz-Security-Token");

describe.skipIf(server === undefined).concurrent.each([
  {
    name: "minio",
    make: (file: string) => minio({ ...settings(), credentialsFile: file }),
  },
  {
    name: "aws, official signer",
    make: (file: string) => withAws("sdk")({ credentialsFile: file }),
  },
])("$name", ({ make }) => {
  it("no upload fails while a file of credentials is replaced", async (test) => {
    const folder = makeFolder();
    const file = join(folder, "storage.json");
    const write = (credentials: Temporary) => {
      writeFileSync(`${file}.new`, JSON.stringify(credentials));
      renameSync(`${file}.new`, file);
    };
    const [first, second] = await Promise.all([temporary(), temporary()]);
    write(first);
    const presigner = await open(make(file), test);

    const seen: Array<string | null> = [];
    const upload = async () => {
      const { url, headers } = await Effect.runPromise(presigner.put(putRequest()));
      seen.push(tokenOf(url));
      expect((await send("PUT", url, { headers, body: CONTENT })).status).toBe(200);
    };
    const uploadUntil = async (token: string) => {
      while (seen.at(-1) !== token) await upload();
    };
    await Promise.all([1, 2, 3, 4].map(() => uploadUntil(first.session_token)));
    write(second);
    await Promise.all([1, 2, 3, 4].map(() => uploadUntil(second.session_token)));
    expect(new Set(seen)).toEqual(new Set([first.session_token, second.session_token]));
  });
});

describe.skipIf(server === undefined).each([
  { name: "native", make: withAws("native") },
  { name: "official", make: withAws("sdk") },
])("aws, $name signer, with a container's role", ({ make }) => {
  it("URLs have the session token of the container's role, and expire with its credentials", async (test) => {
    const credentials = await temporary();
    let asked = 0;
    const { port } = await serve((_request, response) => {
      asked++;
      response.setHeader("Content-Type", "application/json").end(
        JSON.stringify({
          AccessKeyId: credentials.access_key,
          SecretAccessKey: credentials.secret_key,
          Token: credentials.session_token,
          Expiration: credentials.expires_at,
        }),
      );
    });
    vi.stubEnv("AWS_CONTAINER_CREDENTIALS_FULL_URI", `http://127.0.0.1:${port}/role`);
    vi.stubEnv("AWS_CONFIG_FILE", "/none");
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/none");
    const presigner = await open(make({}), test);

    const lifetime = Lifetime.make(Duration.days(7));
    const { url, headers, expiresAt } = await Effect.runPromise(
      presigner.put({ ...putRequest(), lifetime }),
    );
    expect(tokenOf(url)).toBe(credentials.session_token);
    expect((await send("PUT", url, { headers, body: CONTENT })).status).toBe(200);
    const end = Date.parse(credentials.expires_at);
    expect(DateTime.toEpochMillis(expiresAt)).toBe(Math.floor(end / 1000) * 1000);

    await Promise.all(
      Array.from({ length: 100 }, () => Effect.runPromise(presigner.put(putRequest()))),
    );
    expect(asked).toBe(1);
  });
});
