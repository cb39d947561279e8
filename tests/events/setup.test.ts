import { expect, it } from "vitest";
import { valetkey } from "../support/command-line.ts";

const KEYS = { STORAGE_ACCESS_KEY: "key", STORAGE_SECRET_KEY: "the-secret-key" };
const STORE = { ...KEYS, STORAGE_ADAPTER: "minio", STORAGE_ENDPOINT: "http://127.0.0.1:2" };
const SHARED = {
  PUBLIC_URL: "https://uploads.example.com",
  STORAGE_BUCKET: "our-files",
  NOTIFICATIONS_SECRETS: "a-secret-of-notifications",
};

const setup = (env: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) =>
  valetkey(["events", "setup", ...args], { ...SHARED, ...env });

it.each([
  [
    { ...STORE },
    /^MINIO_NOTIFY_WEBHOOK_ENDPOINT_VALETKEY=https:\/\/uploads\.example\.com\/api\/v1\/events\/s3$/m,
  ],
  [
    { ...STORE, STORAGE_PROVIDER: "seaweedfs" },
    /^path_prefixes = \["\/buckets\/our-files\/incoming\/"\]$/m,
  ],
  [
    { ...STORE, STORAGE_PROVIDER: "versitygw" },
    /--event-webhook-url "https:\/\/valetkey:\$SECRET@/,
  ],
  [{ ...KEYS, STORAGE_ADAPTER: "aws" }, /"aws:SourceArn":"arn:aws:s3:::our-files"/],
  [
    { ...KEYS, STORAGE_ACCESS_KEY: "GOOG1EXAMPLE", STORAGE_ADAPTER: "gcs" },
    /--push-endpoint="https:\/\/uploads\.example\.com\/api\/v1\/events\/gcs\?secret=\$SECRET"/,
  ],
])(
  "the settings for the store of %j are printed with its address, and without the secret",
  async (env, text) => {
    const { code, stdout, stderr } = await setup(env);
    expect(code).toBe(0);
    expect(stdout).toMatch(text);
    expect(stdout).not.toMatch(/\{\w+\}/);
    expect(stdout + stderr).not.toContain(SHARED.NOTIFICATIONS_SECRETS);
  },
);

interface Refused {
  readonly code: number;
  readonly text: RegExp;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: ReadonlyArray<string>;
}

const AMAZON = { ...KEYS, STORAGE_ADAPTER: "aws" };

it.each<Refused>([
  { code: 78, text: /no notifications of it are known/ },
  { code: 78, text: /no notifications of it are known/, env: { ...STORE, STORAGE_PROVIDER: "r2" } },
  {
    code: 78,
    text: /has no API for it/,
    env: { ...STORE, STORAGE_PROVIDER: "seaweedfs" },
    args: ["--apply"],
  },
  { code: 64, text: /--topic/, env: AMAZON, args: ["--apply"] },
  { code: 64, text: /--topic must be/, env: STORE, args: ["--topic", "arn:x</Queue><Queue>y"] },
  { code: 1, text: /The notifications were not set: /, env: STORE, args: ["--apply"] },
])("a store that cannot be told is an exit code of $code that says so", async (row) => {
  const { code, text, env = {}, args = [] } = row;
  const done = await setup(env, ...args);
  expect(done).toMatchObject({ code, stdout: "", stderr: expect.stringMatching(text) });
});
