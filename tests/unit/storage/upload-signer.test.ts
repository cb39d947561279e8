import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";
import { putRequest } from "../../../adapters/contract/sending/uploads.ts";
import { quietly } from "../../../adapters/cli/command/store-log.ts";
import { type Env, variables } from "../../../adapters/settings/source.ts";
import * as aws from "../../../adapters/storage/aws/storage.ts";
import { current } from "../../../adapters/storage/credentials/held.ts";
import { configuredSigner } from "../../../adapters/storage/credentials/key-settings.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { freePort } from "../../support/free-port.ts";
import { makeFolder } from "../../support/make-folder.ts";
import { type Between, s3Error, startS3 } from "../../support/s3-server.ts";

const isForUploads = ({ query }: Parameters<Between>[0]) =>
  query.get("X-Amz-Credential")?.startsWith("a-key-for-uploads") === true;
const isLook = ({ method }: Request) => method === "HEAD";

const reading: Between = (request) =>
  isForUploads(request) && isLook(request) ? new Response(null, { status: 404 }) : undefined;
const swift: Between = async (_, usual) => {
  const answer = await usual();
  answer.headers.set("x-openstack-request-id", "tx1");
  return answer;
};
const ONE_KEY = { STORAGE_PUT_ACCESS_KEY: "", STORAGE_PUT_SECRET_KEY: "" };

const storeFor = (env: Env) =>
  quietly(aws.storage(Result.getOrThrow(aws.readSettings(variables(env)))).layer);

const sign = Presigner.use(({ put }) => put(putRequest()));

/** Signs an upload to this store. */
const signing = Effect.fnUntraced(function* (
  between: Between,
  over: Readonly<Record<string, string>>,
) {
  const { env } = yield* Effect.promise(() => startS3(between));
  return Effect.provide(sign, storeFor({ ...env, ...over }));
});

it.live.each([
  ["a key that may only put, on Swift", () => undefined, { STORAGE_PROVIDER: "swift" }],
  ["a key that may only put, on any server", () => undefined, { STORAGE_PROVIDER: "s3" }],
  ["the service's key, on any server", () => undefined, { STORAGE_PROVIDER: "s3", ...ONE_KEY }],
  ["a key that reads, where signatures forbid copies", reading, { STORAGE_PROVIDER: "ceph" }],
  ["a key that reads, where unsigned headers are refused", reading, { STORAGE_PROVIDER: "aws" }],
] as ReadonlyArray<[string, Between, Record<string, string>]>)(
  "uploads are signed with %s",
  ([, between, over]) =>
    Effect.gen(function* () {
      expect((yield* yield* signing(between, over)).url).toContain("X-Amz-Signature=");
    }),
);

it.live.each([
  ["a key that reads, on Swift", reading, { STORAGE_PROVIDER: "swift" }, /may read/],
  ["a key that reads, on any server", reading, { STORAGE_PROVIDER: "s3" }, /may read/],
  [
    "the service's key, on a Swift that nobody named",
    swift,
    { STORAGE_PROVIDER: "s3", ...ONE_KEY },
    /set STORAGE_PROVIDER=swift, and STORAGE_PUT_ACCESS_KEY to a key that may only put/,
  ],
] as ReadonlyArray<[string, Between, Record<string, string>, RegExp]>)(
  "no upload is signed with %s",
  ([, between, over, reason]) =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(yield* signing(between, over))).toMatchObject({
        _tag: "CredentialsUnavailable",
        reason: expect.stringMatching(reason),
        isFinal: true,
      });
    }),
);

it.live("the key for uploads is tried on a file that is there", () =>
  Effect.gen(function* () {
    const files: Array<string> = [];
    const between: Between = (request) => {
      const { query, url } = request;
      if (isForUploads(request)) files.push(new URL(url).pathname);
      return query.has("max-keys")
        ? new Response("<ListBucketResult><Key>orgs/acme/a&amp;b.png</Key></ListBucketResult>")
        : undefined;
    };
    yield* yield* signing(between, { STORAGE_PROVIDER: "swift" });
    expect(files).toEqual(["/files/orgs/acme/a%26b.png"]);
  }),
);

it.effect("while the store does not say what its key reads, no upload is signed, but later", () =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.now());
    let isAway = true;
    const away: Between = () => (isAway ? s3Error(503, "SlowDown") : undefined);
    const { env } = yield* Effect.promise(() => startS3(away));
    yield* Effect.gen(function* () {
      const { reason, isFinal } = yield* Effect.flip(sign);
      expect(reason).toContain("SlowDown");
      // Its name is known, and ends no waiting.
      expect(reason).not.toContain("STORAGE_PROVIDER");
      expect(isFinal).toBe(undefined);
      isAway = false;
      yield* TestClock.adjust("2 seconds");
      expect((yield* sign).url).toContain("a-key-for-uploads");
    }).pipe(Effect.provide(storeFor({ ...env, STORAGE_PROVIDER: "swift" })));
  }),
);

it.live.each([
  ["to say which server it is", ONE_KEY],
  ["to show that the key for uploads reads nothing", {}],
] as ReadonlyArray<[string, Env]>)(
  "while the store is away, signing waits for it %s, and says what ends that",
  ([what, keys]) =>
    Effect.gen(function* () {
      const { env } = yield* Effect.promise(() => startS3());
      const STORAGE_ENDPOINT = `http://127.0.0.1:${yield* Effect.promise(freePort)}`;
      const away = { ...env, ...keys, STORAGE_ENDPOINT };
      const { reason } = yield* Effect.flip(Effect.provide(sign, storeFor(away)));
      expect(reason).toContain(`signing of uploads waits for the store ${what} (`);
      expect(reason).toMatch(/ECONNREFUSED.*; to sign without waiting, set STORAGE_PROVIDER to/);
      const named = { ...away, STORAGE_PROVIDER: "versitygw" };
      expect((yield* Effect.provide(sign, storeFor(named))).url).toContain("X-Amz-Signature=");
    }),
);

it.live("a file of credentials that turns into the key for uploads is not taken", () =>
  Effect.gen(function* () {
    const credentialsFile = join(makeFolder(), "key.json");
    writeFileSync(credentialsFile, JSON.stringify({ access_key: "put", secret_key: "a-secret" }));
    const taken = configuredSigner({ credentialsFile, putAccessKey: "put" }) ?? Effect.die("none");
    const { reason } = yield* Effect.flip(current(yield* taken));
    expect(reason).toMatch(/has the key for uploads/);
  }).pipe(Effect.scoped),
);

it.live("a key of Amazon's chain that is the one for uploads is not taken", () =>
  Effect.gen(function* () {
    const { env } = yield* Effect.promise(() => startS3());
    vi.stubEnv("AWS_ACCESS_KEY_ID", env.STORAGE_PUT_ACCESS_KEY);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", env.STORAGE_PUT_SECRET_KEY);
    onTestFinished(() => void vi.unstubAllEnvs());
    const ensured = ObjectStore.use(({ ensureBucket }) => ensureBucket);
    const store = storeFor({ ...env, STORAGE_ACCESS_KEY: "", STORAGE_SECRET_KEY: "" });
    const { reason } = yield* Effect.flip(Effect.provide(ensured, store));
    expect(reason).toMatch(/^AWS's chain has the key for uploads/);
  }),
);
