import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { beforeAll, describe, expect, it } from "vitest";
import { layer as aws } from "../../adapters/storage/aws/layer.ts";
import { putRequest } from "../../adapters/contract/sending/uploads.ts";
import { layer as gcs } from "../../adapters/storage/gcs/layer.ts";
import { layer as minio } from "../../adapters/storage/minio/layer.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { startGcsVerifier } from "../google/store.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { BY_HMAC, gcsSettings, HMAC_KEY } from "../support/gcs-store.ts";
import { need } from "../support/need.ts";
import { s3Settings } from "../support/s3-store.ts";
import { serve } from "../support/serve.ts";

// The reasons that an operator reads if a store cannot be used, from real stores that refuse.

const server = await need("minio");
const fakeGcs = await need("fakeGcs");
const bucket = `reasons-${crypto.randomUUID()}`;

interface Change {
  readonly bucket?: string;
  readonly createBucket?: boolean;
  readonly accessKey?: string;
  readonly secretKey?: string;
  readonly endpoint?: string;
}

const settingsOf = ({ endpoint = server?.endpoint, ...change }: Change) =>
  s3Settings(endpoint ?? "http://127.0.0.1:9", {
    bucket,
    accessKey: server?.accessKey,
    ...change,
    secretKey: Redacted.make(change.secretKey ?? server?.secretKey ?? ""),
  });

const ADAPTERS = {
  aws: (change: Change) => aws({ ...settingsOf(change), provider: "aws", signer: "native" }),
  minio: (change: Change) => minio({ ...settingsOf(change), provider: "minio" }),
};

/** A clock that is wrong by some minutes. */
const clockAhead = (minutes: number): Clock.Clock => {
  const ahead = minutes * 60_000;
  const now = () => Date.now() + ahead;
  const nanos = () => BigInt(now()) * 1_000_000n;
  return {
    currentTimeMillisUnsafe: now,
    currentTimeMillis: Effect.sync(now),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: () => process.hrtime.bigint(),
    monotonicTimeNanos: Effect.sync(() => process.hrtime.bigint()),
    sleep: () => Effect.never,
  };
};

const reasonOf = (program: Effect.Effect<unknown, object>) =>
  Effect.runPromise(Effect.flip(program)).then((failure) =>
    "reason" in failure ? failure.reason : failure,
  );

describe.skipIf(server === undefined).each(["aws", "minio"] as const)("%s", (adapter) => {
  const ensure = (change: Change = {}) =>
    ObjectStore.use(({ ensureBucket }) => ensureBucket).pipe(
      Effect.provide(ADAPTERS[adapter](change)),
    );

  beforeAll(() => Effect.runPromise(ensure({ createBucket: true })));

  it("a wrong secret key of the store is reported", async () => {
    expect(await reasonOf(ensure({ secretKey: "another-secret-key" }))).toMatch(
      /^the secret key is wrong; check STORAGE_SECRET_KEY/,
    );
  });

  it("an access key that the store does not know is reported", async () => {
    expect(await reasonOf(ensure({ accessKey: "nobody" }))).toMatch(
      /^the store does not know the access key; check STORAGE_ACCESS_KEY/,
    );
  });

  it.each([
    [20, "20 min ahead of"],
    [-20, "20 min behind"],
    [2, "2 min ahead of"],
  ])("a clock that is wrong by %d minutes is reported", async (minutes, words) => {
    const program = Effect.provideService(ensure(), Clock.Clock, clockAhead(minutes));
    expect(await reasonOf(program)).toBe(
      `this machine's clock is ${words} the store's; correct it, or the store refuses uploads`,
    );
  });

  it("a missing bucket is reported, also to a request for an object in it", async () => {
    const change = { bucket: `missing-${crypto.randomUUID()}` };
    const reason = `the bucket ${change.bucket} does not exist; create it, or set STORAGE_CREATE_BUCKET=on`;
    expect(await reasonOf(ensure(change))).toBe(reason);
    const head = ObjectStore.use((store) => store.head(putRequest().key)).pipe(
      Effect.provide(ADAPTERS[adapter](change)),
    );
    expect(await reasonOf(head)).toBe(reason);
  });

  it("an answer that is not from a store is reported", async () => {
    const { href: endpoint } = await serve((_, response) =>
      response.writeHead(400).end("<p>Hello</p>"),
    );
    expect(await reasonOf(ensure({ endpoint }))).toBe(
      "the answer (400) has no error code, so it is not from a store; check STORAGE_ENDPOINT",
    );
  });

  it("two processes that make the bucket at the same moment both succeed", async () => {
    const change = { bucket: `race-${crypto.randomUUID()}`, createBucket: true };
    await Effect.runPromise(Effect.all([ensure(change), ensure(change)], { concurrency: 2 }));
  });
});

it.skipIf(fakeGcs === undefined)(
  "gcs with an HMAC key reports a missing bucket, and that the key can only sign",
  async () => {
    const name = `missing-${crypto.randomUUID()}`;
    const store = await startGcsVerifier({ upstream: fakeGcs ?? "", ...BY_HMAC });
    atTestEnd(() => void store.close());
    const settings = { bucket: name, project: undefined, key: HMAC_KEY };
    const program = (use: (store: ObjectStore["Service"]) => Effect.Effect<unknown, object>) =>
      ObjectStore.use(use).pipe(
        Effect.provide(gcs(gcsSettings(`http://127.0.0.1:${store.port}`, settings))),
      );
    const reason = `the bucket ${name} does not exist; create it`;
    expect(await reasonOf(program(({ ensureBucket }) => ensureBucket))).toBe(reason);
    expect(await reasonOf(program(({ head }) => head(putRequest().key)))).toBe(reason);
    const change = program(({ rules }) => rules?.apply(7) ?? Effect.void);
    expect(await reasonOf(change)).toMatch(/^an HMAC key only signs, .* service account$/);
    const early = Effect.provideService(
      program(({ ensureBucket }) => ensureBucket),
      Clock.Clock,
      clockAhead(-5),
    );
    expect(await reasonOf(early)).toContain("this machine's clock is 5 min behind the store's");
  },
);
