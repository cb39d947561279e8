import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layer as aws } from "../../adapters/storage/aws/layer.ts";
import { variables } from "../../adapters/settings/source.ts";
import { read as readAws } from "../../adapters/storage/aws/settings.ts";
import type { IdentitySettings } from "../../adapters/identity/settings.ts";
import { layer as limiter } from "../../adapters/limits/memory.ts";
import { layer as minio } from "../../adapters/storage/minio/layer.ts";
import { layer as random } from "../../adapters/tokens/random.ts";
import { layer as telemetry } from "../../adapters/telemetry/log.ts";
import { tokensOf } from "../../adapters/tokens/tokens.ts";
import type { AuditEvent } from "../../application/ports/audit.ts";
import { Policies } from "../../application/ports/policies.ts";
import { Tokens } from "../../application/ports/tokens.ts";
import { requestUpload } from "../../application/uploads/request-upload.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import { FileName } from "../../domain/file-name.ts";
import { Lifetime } from "../../domain/lifetime.ts";
import { MediaType } from "../../domain/media-type.ts";
import { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
import { DEFAULT_SCOPES } from "../../domain/principal.ts";
import { defaultPolicy } from "../../domain/upload-policy.ts";
import {
  PRESIGN,
  presignInit,
  SERVICE_TOKEN,
  signedAt,
  startService,
  TOKEN,
  TOKEN_KEY,
} from "./service.ts";
import { tries } from "../support/tries.ts";

const GOOD = { filename: "a.png", content_type: "image/png", size: 5 };

const identity: IdentitySettings = {
  callers: {
    auth: "dev",
    exposed: false,
    tokens: {
      user: { value: Redacted.make(TOKEN), isGenerated: false },
      service: { value: Redacted.make(SERVICE_TOKEN), isGenerated: false },
    },
  },
  organizations: {
    table: new Map(
      ["acme", "globex"].map((name) => [OrganizationSlug.make(name), OrganizationId.make(name)]),
    ),
  },
};

/** A service with two organizations, and a function that sends a presign under a key. */
async function start(over: NonNullable<Parameters<typeof startService>[0]> = {}) {
  const events: Array<AuditEvent> = [];
  const { request } = await startService({ identity, audit: events, ...over });
  const ask = async (
    key: string | undefined,
    {
      body = GOOD,
      token = TOKEN,
      slug = "acme",
    }: { body?: unknown; token?: string; slug?: string } = {},
  ) => {
    const headers = { Authorization: `Bearer ${token}` };
    const init = presignInit(
      body,
      key === undefined ? headers : { ...headers, "Idempotency-Key": key },
    );
    const answer = await request(PRESIGN.replace("acme", slug), init);
    return { status: answer.status, headers: answer.headers, body: await answer.json() };
  };
  return { ask, events, request };
}

describe("the same request under the same key", () => {
  it("the same request under the same key gets the same object again, which can be written once", async () => {
    const { ask, events } = await start();
    const first = await ask("key-1");
    const again = await ask("key-1");
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.body.key).toBe(first.body.key);
    for (const { body } of [first, again]) {
      expect(body.put_headers).toEqual({ "Content-Type": "image/png", "If-None-Match": "*" });
      const signedHeaders = new URL(body.put_url).searchParams.get("X-Amz-SignedHeaders");
      expect(signedHeaders).toContain("if-none-match");
    }
    expect(Object.keys(again.body)).toEqual(Object.keys(first.body));
    expect(events.map(({ isRetry, key }) => [isRetry, key])).toEqual([
      [false, first.body.key],
      [true, first.body.key],
    ]);
  });

  it("a retry may have its members in another order", async () => {
    const { ask } = await start();
    const first = await ask("key-1");
    const body = Object.fromEntries(Object.entries(GOOD).toReversed());
    expect((await ask("key-1", { body })).body.key).toBe(first.body.key);
  });

  it("an idempotency key is the same with or without quotes, and another one in another case", async () => {
    const { ask } = await start();
    const first = await ask("abc-DEF_1.2~3:4/5");
    expect((await ask('"abc-DEF_1.2~3:4/5"')).body.key).toBe(first.body.key);
    expect((await ask("abc-def_1.2~3:4/5")).body.key).not.toBe(first.body.key);
  });
});

it("without an idempotency key each request gets its own object, which is not write-once", async () => {
  const { ask } = await start();
  const [first, second] = [await ask(undefined), await ask(undefined)];
  expect(first.body.key).not.toBe(second.body.key);
  expect(first.body.put_headers).toEqual({ "Content-Type": "image/png" });
});

const sha256 = (byte: number) => ({
  checksum: { algorithm: "sha256", value: Buffer.alloc(32, byte).toString("base64") },
});

it.each<[object, object?]>([
  [{ size: 6 }],
  [{ filename: "b.png" }],
  [{ content_type: "image/jpeg" }],
  [{ policy: "others" }],
  [{ strict: true }],
  [sha256(0)],
  [sha256(0), sha256(1)],
])(
  "another request under the same idempotency key is answered with 422 and charges nothing: %j",
  async (over, before = {}) => {
    const { ask } = await start({
      policies: { others: {} },
      limits: { requests: {}, daily: { objects: 2 } },
    });
    const body = { ...GOOD, ...before };
    const first = await ask("key-1", { body });
    expect(first.status).toBe(200);
    const other = await ask("key-1", { body: { ...GOOD, ...over } });
    expect([other.status, other.body.code]).toEqual([422, "IDEMPOTENCY_CONFLICT"]);
    expect((await ask("key-1", { body })).body.key).toBe(first.body.key);
    expect((await ask("key-2", { body: { ...GOOD, ...over } })).status).toBe(200);
  },
);

it("an idempotency key belongs to one caller in one organization", async () => {
  const { ask } = await start();
  const answers = [
    await ask("key-1"),
    await ask("key-1", { token: SERVICE_TOKEN }),
    await ask("key-1", { slug: "globex" }),
    await ask("key-1", { slug: "globex", token: SERVICE_TOKEN, body: { ...GOOD, size: 6 } }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(new Set(answers.map(({ body }) => body.key)).size).toBe(4);
});

it.each(["", '""', '"', '"a"b"', "a,b", '"key-1", "key-1"', "ü", `"${"a".repeat(256)}"`])(
  "the Idempotency-Key %j is answered with 400",
  async (key) => {
    const { ask } = await start();
    const { status, body } = await ask(key);
    expect([status, body.code]).toEqual([400, "INVALID_REQUEST"]);
    expect(body.detail).toContain("1 to 255 printable");
  },
);

it("a caller who has used up the room for idempotency keys is told when there is room again, and others are not affected", async () => {
  const { ask } = await start();
  for (let key = 0; key < 2500; key++) expect((await ask(`key-${key}`)).status).toBe(200);
  const { status, headers, body } = await ask("one-more");
  expect([status, body.code]).toEqual([503, "LIMITS_UNAVAILABLE"]);
  expect(body.detail).toContain("Leave the header Idempotency-Key out, or try again in");
  expect(Number(headers.get("retry-after"))).toBeGreaterThan(800);
  expect((await ask("one-more", { token: SERVICE_TOKEN })).status).toBe(200);
});

it("a repeated Idempotency-Key header is answered with 400, and the longest key is accepted", async () => {
  const { ask, request } = await start();
  const init = presignInit();
  const headers = new Headers(init.headers);
  headers.append("Idempotency-Key", "key-1");
  headers.append("Idempotency-Key", "key-1");
  expect((await request(PRESIGN, { ...init, headers })).status).toBe(400);
  expect((await ask("a".repeat(255))).status).toBe(200);
  expect((await ask('"a, b"')).status).toBe(200);
});

it("for a store that cannot write once, an idempotency key is refused and a request without one is accepted", async () => {
  const settings = readAws(
    variables({
      STORAGE_PROVIDER: "b2",
      STORAGE_REGION: "us-west-004",
      STORAGE_ACCESS_KEY: "access-key",
      STORAGE_SECRET_KEY: "the-secret-key",
      STORAGE_ADAPTER: "aws",
    }),
  );
  const { ask } = await start({ storage: aws(Result.getOrThrow(settings)) });
  const { status, body } = await ask("key-1");
  expect([status, body.code]).toEqual([400, "INVALID_REQUEST"]);
  expect(body.detail).toContain("Idempotency-Key");
  expect((await ask(undefined)).status).toBe(200);
});

const store = minio({
  provider: "minio",
  bucket: "files",
  createBucket: false,
  region: "us-east-1",
  endpoint: new URL("http://127.0.0.1:9"),
  publicEndpoint: new URL("https://store.example.com"),
  accessKey: "access-key",
  secretKey: Redacted.make("the-secret-key"),
  pathStyle: true,
});

/** The second after which the store refuses a URL, read from the URL. */
const endOf = (url: string) =>
  signedAt(new URL(url)) + Number(new URL(url).searchParams.get("X-Amz-Expires"));

const seconds = (count: number) => Lifetime.make(Duration.seconds(count));

it("the URLs and receipts of a retry never expire later than the first ones", async () => {
  const lifetimes = fc.record({
    put: fc.integer({ min: 1, max: 900 }),
    get: fc.integer({ min: 1, max: 900 }),
  });
  const moments = fc.array(fc.integer({ min: 0, max: 400_000 }), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      lifetimes,
      fc.integer({ min: 0, max: 10_000 }),
      moments,
      async ({ put, get }, startsAt, elapsed) => {
        const tokens = tokensOf([TOKEN_KEY]);
        const services = Layer.mergeAll(
          store,
          Layer.succeed(
            Policies,
            new Map([
              ["files", { ...defaultPolicy, putLifetime: seconds(put), getLifetime: seconds(get) }],
            ]),
          ),
          limiter({ requests: {}, daily: {} }),
          Layer.succeed(Tokens, tokens),
          random,
        ).pipe(Layer.provideMerge(telemetry({ level: "none", format: "json" })));
        let isRetry: boolean | undefined;
        const ask = requestUpload({
          member: {
            recordFacts: (facts) => (isRetry = facts.isRetry),
            principal: {
              kind: "user",
              subject: "user-1",
              scopes: DEFAULT_SCOPES,
              organizations: "every",
            },
            slug: OrganizationSlug.make("acme"),
            organization: OrganizationId.make("acme"),
          },
          idempotencyKey: "key-1",
          upload: {
            fileName: FileName.make("a.png"),
            mediaType: MediaType.make("image/png"),
            size: ByteSize.make(5),
            strict: false,
          },
        });
        await Effect.gen(function* () {
          let now = Date.UTC(2026, 0, 1) + startsAt;
          yield* TestClock.setTime(now);
          const first = yield* ask;
          const ends = { put: endOf(first.put.url), get: endOf(first.get.url) };
          for (const step of elapsed) {
            now += step;
            yield* TestClock.setTime(now);
            const again = yield* ask;
            if (now / 1000 >= Math.min(ends.put, ends.get)) {
              // The URLs of the first have expired, so this is a first request again.
              expect(isRetry).toBe(false);
              expect(again.key).not.toBe(first.key);
              return;
            }
            expect([isRetry, again.key]).toEqual([true, first.key]);
            for (const use of ["put", "get"] as const) {
              expect(endOf(again[use].url)).toBe(ends[use]);
              expect(DateTime.toEpochMillis(again[use].expiresAt)).toBe(ends[use] * 1000);
              expect(signedAt(new URL(again[use].url))).toBe(Math.floor(now / 1000));
            }
            const receiptOf = ({ receipt }: typeof first) => receipt.split(".")[2] ?? "";
            const [before, after] = [first, again].map((answer) =>
              JSON.parse(Buffer.from(receiptOf(answer), "base64url").toString()),
            );
            expect({ ...after, i: before.i }).toEqual(before);
          }
        }).pipe(
          Effect.provide(services),
          Effect.provide(TestClock.layer()),
          Effect.scoped,
          Effect.runPromise,
        );
      },
    ),
    { numRuns: tries(150) },
  );
});
