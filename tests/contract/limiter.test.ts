import { describe, expect, it } from "@effect/vitest";
import { createClient } from "@redis/client";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type * as Layer from "effect/Layer";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import fc from "fast-check";
import { afterAll, beforeAll } from "vitest";
import { layer as limiterLayer } from "../../adapters/limits/layer.ts";
import * as memory from "../../adapters/limits/memory.ts";
import { connectLimiter, probe, SCRIPTS } from "../../adapters/limits/redis/layer.ts";
import { takeRequest } from "../../adapters/limits/redis/scripts.ts";
import { connect } from "../../adapters/redis/connection.ts";
import { read as readRedis } from "../../adapters/redis/settings.ts";
import { variables } from "../../adapters/settings/source.ts";
import { Limiter, type UploadToCount } from "../../application/ports/limiter.ts";
import { ByteSize } from "../../domain/byte-size.ts";
import type { Limits, RateLimit } from "../../domain/limits.ts";
import { OrganizationId } from "../../domain/organization.ts";
import { type Bucket, take } from "../../domain/token-bucket.ts";
import { need } from "../support/need.ts";
import { type Redis, startLimitedRedis, startRedis, startRedisCluster } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { tries } from "../support/tries.ts";

// The clock of this process stands still unless a test moves it, so that no answer of Redis is too
// late. Redis has its own clock.

/** A limiter, and how its time passes. */
interface Keeper {
  readonly layer: (limits: Limits) => Layer.Layer<Limiter>;
  /** Whether `attempt` succeeds after that time. */
  readonly after: (
    time: Duration.Duration,
    attempt: Effect.Effect<boolean>,
  ) => Effect.Effect<boolean>;
  /** Begins the next day of UTC. */
  readonly endDay: Effect.Effect<unknown>;
  /** Sets the clock back by ten years. */
  readonly setBack: Effect.Effect<unknown>;
}

const TEN_YEARS = Duration.days(3650);

const inMemory: Keeper = {
  layer: memory.layer,
  after: (time, attempt) => Effect.andThen(TestClock.adjust(time), attempt),
  endDay: TestClock.adjust("1 day"),
  setBack: TestClock.setTime(-Duration.toMillis(TEN_YEARS)),
};

const inRedis = (redis: () => Redis): Keeper => ({
  layer: (limits) => sharedLayer(redis(), limits),
  after: (_, attempt) =>
    Effect.flatMap(Effect.context<never>(), (context) =>
      Effect.promise(() => until("what takes time", () => Effect.runPromiseWith(context)(attempt))),
    ),
  // Moves what was counted today to yesterday.
  endDay: Effect.promise(() => redis().ask("EVAL", YESTERDAY, "0")),
  // Moves what was counted into the future.
  setBack: Effect.promise(() => redis().ask("EVAL", IN_TEN_YEARS, "0")),
});

const sharedLayer = (redis: Redis, limits: Limits) =>
  limiterLayer({ limits, refusesOnFailure: true }, (options) =>
    connectLimiter(settingsFor(redis), options),
  );

function settingsFor({ env }: Redis) {
  const settings = Result.getOrThrow(readRedis(variables(env)));
  return settings ?? expect.unreachable();
}

const YESTERDAY = `for _, key in ipairs(redis.call('KEYS', '*:granted*')) do
  redis.call('HINCRBY', key, 'day', -1)
end`;

const IN_TEN_YEARS = `for _, key in ipairs(redis.call('KEYS', '*')) do
  if key:find(':granted') then redis.call('HINCRBY', key, 'day', 3650) end
end`;

const path = (await need("redis")) ?? "";
const valkey = (await need("valkey")) ?? "";

describe("in memory", () => promises(inMemory));

describe.skipIf(path === "").each([
  ["one Redis", startRedis],
  ["a cluster of three nodes", startRedisCluster],
] as const)("in %s", (_, start) => inStarted(() => start({ path })));

describe.skipIf(valkey === "")("in Valkey, by a user of few rights", () =>
  inStarted(() => startLimitedRedis({ path: valkey })),
);

function inStarted(start: () => Promise<Redis>): void {
  let redis: Redis;
  beforeAll(async () => {
    redis = await start();
  });
  afterAll(() => redis.stop());

  promises(inRedis(() => redis));

  it("every entry that the limiter writes to Redis expires", async () => {
    const entries = (await redis.ask("EVAL", LIFETIMES, "0")).flat() as ReadonlyArray<number>;
    expect(entries.length).toBeGreaterThan(10);
    for (const milliseconds of entries) {
      expect(milliseconds).toBeGreaterThan(0);
      expect(milliseconds).toBeLessThanOrEqual(Duration.toMillis(DAY));
    }
  });
}

const LIFETIMES = `local lifetimes = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  table.insert(lifetimes, redis.call('PTTL', key))
end
return lifetimes`;

const DAY = Duration.days(1);

function promises({ layer, after, endDay, setBack }: Keeper): void {
  /** A promise that holds under limits on a subject's requests and a day's uploads. */
  const promise = (
    name: string,
    { subject, ...daily }: { readonly subject?: RateLimit } & Limits["daily"],
    keep: (limiter: Limiter["Service"]) => Effect.Effect<unknown, unknown>,
  ) =>
    it.effect(name, () =>
      Limiter.use(keep).pipe(Effect.provide(layer({ requests: { subject }, daily }))),
    );

  promise(
    "of many requests at once, exactly as many are allowed as the limit says",
    { subject: { count: 50, window: DAY } },
    Effect.fnUntraced(function* ({ countRequest }) {
      const name = crypto.randomUUID();
      const taken = yield* atOnce(300, () => countRequest("subject", name));
      expect(taken.allowed).toHaveLength(50);
      expect(taken.refused.map(({ _tag }) => _tag)).toEqual(Array(250).fill("RateLimited"));
      const left = taken.allowed.map((allowance) => allowance?.remaining ?? NaN);
      expect(left.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, n) => n));
      expect((yield* countRequest("subject", crypto.randomUUID()))?.remaining).toBe(49);
    }),
  );

  promise(
    "an answer says how many requests are left, when the next one is allowed, and when all are",
    { subject: { count: 5, window: DAY } },
    Effect.fnUntraced(function* ({ countRequest }) {
      const name = crypto.randomUUID();
      const share = Duration.toSeconds(DAY) / 5;
      // Redis may have given back some of the limit while the test runs.
      const expectAbout = (actual: number | undefined, expected: number) => {
        expect(actual).toBeLessThanOrEqual(expected);
        expect(actual).toBeGreaterThan(expected - share / 2);
      };
      for (const used of [1, 2, 3, 4, 5]) {
        const allowance = yield* countRequest("subject", name);
        expect(allowance).toMatchObject({ of: "subject", remaining: 5 - used });
        expectAbout(allowance?.resetAfter, used * share);
      }
      for (let tries = 0; tries < 3; tries++) {
        const refusal = yield* Effect.flip(countRequest("subject", name));
        if (refusal._tag !== "RateLimited") return expect.unreachable(refusal._tag);
        expectAbout(refusal.retryAfter, share);
        expectAbout(refusal.allowance.resetAfter, 5 * share);
        expect(refusal.allowance).toMatchObject({ of: "subject", remaining: 0 });
      }
      expect(yield* countRequest("organization", name), "that has no limit").toBeUndefined();
    }),
  );

  promise(
    "a refused request is allowed after the time that the refusal names",
    { subject: { count: 2, window: Duration.seconds(2) } },
    Effect.fnUntraced(function* ({ countRequest }) {
      const request = Effect.result(countRequest("subject", crypto.randomUUID()));
      let taken = yield* request;
      while (Result.isSuccess(taken)) taken = yield* request;
      if (taken.failure._tag !== "RateLimited") return expect.unreachable(taken.failure._tag);
      expect(taken.failure.retryAfter).toBe(1);
      const again = Effect.map(request, Result.isSuccess);
      expect(yield* after(Duration.seconds(taken.failure.retryAfter), again)).toBe(true);
    }),
  );

  promise(
    "an organization is granted at most its daily bytes and objects, and a refusal charges nothing",
    { bytes: 100, objects: 3 },
    Effect.fnUntraced(function* ({ countUpload }) {
      const organization = someOrganization();
      const upload = (size: number) => countUpload({ organization, caller: ALICE, size });
      const expectRefused = Effect.fnUntraced(function* (size: number) {
        const refusal = yield* Effect.flip(upload(size));
        if (refusal._tag !== "QuotaExceeded") return expect.unreachable(refusal._tag);
        expect(refusal).toMatchObject({ bytes: 100, objects: 3 });
        expect(refusal.retryAfter).toBeGreaterThan(0);
        expect(refusal.retryAfter).toBeLessThanOrEqual(Duration.toSeconds(DAY));
      });
      yield* expectRefused(101);
      yield* upload(60);
      yield* expectRefused(41);
      yield* upload(39);
      yield* upload(0);
      yield* expectRefused(1);
      yield* expectRefused(0);
      yield* countUpload({ organization: someOrganization(), caller: ALICE, size: 100 });
      yield* endDay;
      yield* upload(100);
      yield* expectRefused(1);
    }),
  );

  promise(
    "counts of a clock that was ten years ahead use nothing up once it is right",
    { objects: 1 },
    Effect.fnUntraced(function* ({ countUpload }) {
      const upload = countUpload({ organization: someOrganization(), caller: ALICE, size: 5 });
      const refusal = Effect.map(Effect.flip(upload), String);
      yield* upload;
      expect(yield* refusal).toContain("QuotaExceeded");
      yield* setBack;
      yield* upload;
      expect(yield* refusal).toContain("QuotaExceeded");
    }),
  );

  promise(
    "a caller is granted at most its daily bytes in each organization, and a refusal charges neither the caller nor the organization",
    { bytes: 100, bytesPerSubject: 60, objects: 4 },
    Effect.fnUntraced(function* ({ countUpload }) {
      const organization = someOrganization();
      const upload = (caller: UploadToCount["caller"], size: number) =>
        countUpload({ organization, caller, size });
      const refusal = (caller: UploadToCount["caller"], size: number) =>
        Effect.map(Effect.flip(upload(caller, size)), (refused) => {
          if (refused._tag !== "QuotaExceeded") return expect.unreachable(refused._tag);
          expect(refused.retryAfter).toBeGreaterThan(0);
          expect(refused.retryAfter).toBeLessThanOrEqual(Duration.toSeconds(DAY));
          const { bytes, objects, caller } = refused;
          return { bytes, objects, caller };
        });
      const own = { bytes: undefined, objects: undefined, caller: 60 };
      const shared = { bytes: 100, objects: 4, caller: undefined };
      expect(yield* refusal(ALICE, 61)).toEqual(own);
      yield* upload(ALICE, 50);
      expect(yield* refusal(ALICE, 11)).toEqual(own);
      const service = { ...ALICE, kind: "service" } as const;
      expect(yield* refusal(service, 51)).toEqual(shared);
      yield* upload(service, 40);
      yield* upload(ALICE, 10);
      expect(yield* refusal(ALICE, 1)).toEqual(shared);
      expect(yield* refusal(service, 1)).toEqual(shared);
      yield* countUpload({ organization: someOrganization(), caller: ALICE, size: 60 });
      const [more, less] = [70, 20].map((size) => ({ ...ALICE, bytesPerDay: ByteSize.make(size) }));
      const elsewhere = { organization: someOrganization(), size: 21 };
      if (more === undefined || less === undefined) return;
      const refused = yield* Effect.flip(countUpload({ ...elsewhere, caller: less }));
      expect(refused).toMatchObject({ _tag: "QuotaExceeded", caller: 20 });
      yield* countUpload({ ...elsewhere, caller: more, size: 70 });
      yield* endDay;
      yield* upload(ALICE, 60);
      expect(yield* refusal(ALICE, 1)).toEqual(own);
      yield* upload(service, 20);
    }),
  );

  promise(
    "a caller whose plan has a quota is held to it where nobody else has one",
    {},
    Effect.fnUntraced(function* ({ countUpload, uncountUpload }) {
      const upload = { organization: someOrganization(), caller: ALICE, size: 5 };
      const planned = { ...upload, caller: { ...ALICE, bytesPerDay: ByteSize.make(5) } };
      yield* countUpload(upload);
      yield* countUpload(planned);
      expect(yield* Effect.flip(countUpload(planned))).toMatchObject({ caller: 5 });
      yield* countUpload(upload);
      yield* uncountUpload(planned);
      yield* countUpload(planned);
    }),
  );

  promise(
    "an upload that could not begin gives nothing back to a caller for whom it did not count",
    { bytes: 100 },
    Effect.fnUntraced(function* ({ countUpload, uncountUpload }) {
      const upload = { organization: someOrganization(), caller: ALICE, size: 5 };
      const planned = { ...upload, caller: { ...ALICE, bytesPerDay: ByteSize.make(5) } };
      yield* countUpload(planned);
      yield* countUpload(upload);
      yield* uncountUpload(upload);
      expect(yield* Effect.flip(countUpload(planned))).toMatchObject({ caller: 5 });
    }),
  );

  promise(
    "of uploads that are requested together all are granted and counted, or none if the quota is too small",
    { bytes: 100, objects: 10 },
    Effect.fnUntraced(function* ({ countUpload }) {
      const organization = someOrganization();
      const upload = (objects: number, size: number) =>
        countUpload({ organization, caller: ALICE, size, objects });
      const expectRefused = Effect.fnUntraced(function* (objects: number, size: number) {
        expect((yield* Effect.flip(upload(objects, size)))._tag).toBe("QuotaExceeded");
      });
      yield* expectRefused(11, 1);
      yield* upload(4, 50);
      yield* expectRefused(7, 1);
      yield* expectRefused(2, 51);
      yield* upload(5, 49);
      yield* expectRefused(2, 0);
      yield* countUpload({ organization, caller: ALICE, size: 1 });
      yield* expectRefused(1, 0);
    }),
  );

  promise(
    "the bytes of a day are counted exactly up to the largest safe integer",
    { bytes: Number.MAX_SAFE_INTEGER },
    Effect.fnUntraced(function* ({ countUpload }) {
      const organization = someOrganization();
      const upload = (size: number) => countUpload({ organization, caller: ALICE, size });
      yield* upload(Number.MAX_SAFE_INTEGER - 2);
      expect((yield* Effect.flip(upload(3)))._tag).toBe("QuotaExceeded");
      expect((yield* Effect.flip(upload(Number.MAX_SAFE_INTEGER)))._tag).toBe("QuotaExceeded");
      yield* upload(1);
      yield* upload(1);
      expect((yield* Effect.flip(upload(1)))._tag).toBe("QuotaExceeded");
    }),
  );

  promise(
    "of many uploads at once, exactly as many are granted as the quota has room for",
    { objects: 50 },
    Effect.fnUntraced(function* ({ countUpload }) {
      const organization = someOrganization();
      const upload = () => countUpload({ organization, caller: ALICE, size: 5 });
      const { allowed, refused } = yield* atOnce(200, upload);
      expect(allowed).toHaveLength(50);
      expect(refused.map(({ _tag }) => _tag)).toEqual(Array(150).fill("QuotaExceeded"));
    }),
  );

  promise(
    "an upload that could not begin gives back what it counted, and no more",
    { bytes: 5, objects: 1, bytesPerSubject: 5 },
    Effect.fnUntraced(function* ({ countUpload, uncountUpload }) {
      const upload = { organization: someOrganization(), caller: ALICE, size: 5 };
      for (let times = 0; times < 3; times++) {
        yield* countUpload(upload);
        yield* uncountUpload(upload);
        yield* uncountUpload(upload);
      }
      yield* countUpload(upload);
      expect((yield* Effect.flip(countUpload({ ...upload, size: 0 })))._tag).toBe("QuotaExceeded");
    }),
  );
}

it.effect("the limiter in memory keeps what it counted until it is over", () =>
  Effect.gen(function* () {
    const { countRequest } = yield* Limiter;
    yield* countRequest("subject", "alice");
    // Often enough that everything expired is removed, and nothing else.
    for (let minute = 1; minute < 60; minute++) {
      yield* TestClock.adjust("1 minute");
      expect((yield* Effect.flip(countRequest("subject", "alice")))._tag).toBe("RateLimited");
    }
    yield* TestClock.adjust("1 minute");
    yield* countRequest("subject", "alice");
  }).pipe(
    Effect.provide(
      memory.layer({ requests: { subject: { count: 1, window: Duration.hours(1) } }, daily: {} }),
    ),
  ),
);

/** Requests of one caller: their limit, and the time from each to the next in milliseconds. */
const sequences = fc.record({
  count: fc.integer({ min: 1, max: 30 }),
  window: fc.integer({ min: 3_600_000, max: 86_400_000 }),
  // As long as part of a limit takes to come back; sometimes the clock is set back.
  steps: fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constant(0) },
      { weight: 4, arbitrary: fc.integer({ min: 1, max: 20_000_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: -20_000_000, max: -1 }) },
    ),
    { maxLength: 60, size: "max" },
  ),
});

it.live.skipIf(path === "")("at most 10,000 commands wait for a Redis that does not answer", () =>
  Effect.gen(function* () {
    const redis = yield* Effect.promise(() => startRedis({ path }));
    const client = yield* connect(settingsFor(redis), SCRIPTS);
    const ask = (): Promise<unknown> => probe(client);
    yield* Effect.promise(ask);
    redis.pause();
    let refused: ReadonlyArray<unknown> = [];
    for (let commands = 0; commands < 10_005; commands++) {
      ask().catch((cause: unknown) => (refused = [...refused, String(cause)]));
    }
    yield* Effect.promise(() => new Promise(setImmediate));
    expect(refused).toEqual(Array(5).fill("Error: The queue is full"));
  }).pipe(Effect.scoped),
);

// Its clock stands still, so that Redis may take its time.
it.effect.skipIf(path === "")("a Redis that takes no writes is not ready", () =>
  Effect.gen(function* () {
    const redis = yield* Effect.promise(() => startRedis({ path }));
    const layer = sharedLayer(redis, { requests: {}, daily: {} });
    const reasonWhen = (...command: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        yield* Effect.promise(() => redis.ask(...command));
        return yield* Limiter.use(({ check }) => Effect.flip(check));
      });
    yield* Effect.gen(function* () {
      yield* Limiter.use(({ check }) => check);
      expect((yield* reasonWhen("REPLICAOF", "127.0.0.1", "1")).reason).toContain("READONLY");
      yield* Effect.promise(() => redis.ask("REPLICAOF", "NO", "ONE"));
      expect((yield* reasonWhen("CONFIG", "SET", "maxmemory", "1")).reason).toContain("OOM");
    }).pipe(Effect.provide(layer));
  }),
);

describe.skipIf(path === "")("Redis takes requests out of a bucket", () => {
  it("Redis takes requests out of a bucket as the domain does, at whatever times they come", async () => {
    const redis = await startRedis({ path });
    const [url = ""] = redis.urls;
    const client = createClient({ url });
    await client.connect();
    // The same script, by a clock that the test sets.
    const script = takeRequest.SCRIPT.replace("redis.call('TIME')", "{ARGV[2], ARGV[3]}");
    expect(script).not.toBe(takeRequest.SCRIPT);
    try {
      await fc.assert(
        fc.asyncProperty(sequences, async ({ count, window, steps }) => {
          const key = crypto.randomUUID();
          let now = Date.now();
          let bucket: Bucket | undefined;
          for (const step of steps) {
            now += step;
            const given = JSON.stringify({ count, milliseconds: window });
            const time = [Math.floor(now / 1000), (now % 1000) * 1000].map(String);
            const values = [given, ...time];
            const reply = await client.eval(script, { keys: [key], arguments: values });
            const [isAllowed, remaining, retryAfter, resetAfter] = reply as Array<number>;
            const taken = take({ count, window: Duration.millis(window) }, bucket, now);
            // Redis writes nothing if it refuses, unless the clock was set back.
            if (taken.isAllowed || now < (bucket?.at ?? now)) bucket = taken.bucket;
            expect([isAllowed === 1, remaining]).toEqual([taken.isAllowed, taken.remaining]);
            // Redis gives whole milliseconds.
            for (const [actual, exact] of [
              [retryAfter, taken.retryAfter],
              [resetAfter, taken.resetAfter],
            ] as const) {
              expect(actual).toBeGreaterThan(exact - 0.01);
              expect(actual).toBeLessThan(exact + 1.01);
            }
          }
        }),
        { numRuns: tries(200) },
      );
    } finally {
      client.destroy();
      await redis.stop();
    }
  });
});

/** Runs an effect many times at once, and gives all results. */
const atOnce = Effect.fnUntraced(function* <A, E>(
  times: number,
  effect: (index: number) => Effect.Effect<A, E>,
) {
  const results = yield* Effect.all(
    Array.from({ length: times }, (_, index) => Effect.result(effect(index))),
    { concurrency: "unbounded" },
  );
  return {
    allowed: results.filter(Result.isSuccess).map(({ success }) => success),
    refused: results.filter(Result.isFailure).map(({ failure }) => failure),
  };
});

const ALICE = { kind: "user", subject: "alice" } as const;

const someOrganization = () => OrganizationId.make(crypto.randomUUID());
