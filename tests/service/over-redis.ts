import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { need } from "../support/need.ts";
import type { Redis } from "../support/redis.ts";
import { type RUNTIMES, type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";

export const path = (await need("redis")) ?? "";
export const UNCOUNTED = /Redis cannot be used/g;

/** Far more than the tests send, so that all that is counted is let through. */
export const PLENTY = "1000000 per day";

export const stopping: Array<() => Promise<unknown>> = [];

export async function startUncounted(
  redis: Pick<Redis, "env">,
  env: Readonly<Record<string, string>>,
  runtime?: keyof typeof RUNTIMES,
): Promise<ServiceProcess> {
  const service = await startProcess(envOf(redis, env), runtime);
  stopping.push(service.stop);
  return service;
}

export async function start(
  redis: Pick<Redis, "env">,
  env: Readonly<Record<string, string>>,
  runtime?: keyof typeof RUNTIMES,
): Promise<ServiceProcess> {
  const service = await startUncounted(redis, env, runtime);
  await counted(service);
  return service;
}

const envOf = ({ env }: Pick<Redis, "env">, more: Readonly<Record<string, string>>) => ({
  AUTH: "dev",
  ...env,
  ...more,
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly code?: string; readonly key?: string };
}

export async function presign(
  service: ServiceProcess,
  over: {
    readonly organization?: string;
    readonly token?: string;
    readonly idempotencyKey?: string;
    readonly size?: number;
  } = {},
): Promise<Answer> {
  const { organization = "acme", token = service.token, idempotencyKey, size = 5 } = over;
  const answer = await fetch(`${service.address}/api/v1/orgs/${organization}/files/presign`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Authorization: `Bearer ${token}`,
      ...(idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey }),
    },
    body: JSON.stringify({ filename: "a.png", content_type: "image/png", size }),
    // Only to tell a request that hangs from one that takes its time.
    signal: AbortSignal.timeout(10_000),
  });
  return {
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as Answer["body"],
  };
}

/** Waits until an upload is counted in Redis: one that can be repeated is counted nowhere else. */
export const counted = (service: ServiceProcess): Promise<true> =>
  until("a counted upload", async () => {
    const { status } = await presign(service, { ...anUpload(), token: service.serviceToken });
    return status === 200;
  });

const anUpload = () => ({
  organization: crypto.randomUUID(),
  idempotencyKey: crypto.randomUUID(),
});

/** Asks again where Redis answered too late, as it may on a busy machine, and gives all answers. */
export async function askAgain(...[service, over]: Parameters<typeof presign>) {
  const answers: Array<Answer> = [];
  await until("a decision", async () => {
    const answer = await presign(service, over);
    answers.push(answer);
    return answer.status === 503 ? undefined : answer;
  });
  return answers;
}

export async function decided(...asked: Parameters<typeof presign>): Promise<Answer> {
  const answer = (await askAgain(...asked)).at(-1);
  return answer ?? expect.unreachable();
}

/** Sends `total` requests, as many at once as there are clients, and gives all answers. */
export async function sendAll(
  { total, clients }: { readonly total: number; readonly clients: number },
  send: (index: number) => Promise<Answer | ReadonlyArray<Answer>>,
): Promise<ReadonlyArray<Answer>> {
  const answers: Array<Answer | ReadonlyArray<Answer>> = [];
  let sent = 0;
  const client = async () => {
    while (sent < total) answers.push(await send(sent++));
  };
  await Promise.all(Array.from({ length: clients }, client));
  return answers.flat();
}

/** Asks one service again and again, from several clients, each time in another organization. */
function keepAsking(service: ServiceProcess) {
  const answers: Array<Answer> = [];
  const done = new AbortController();
  const clients = Array.from({ length: 8 }, async () => {
    while (!done.signal.aborted) {
      answers.push(await presign(service, { organization: crypto.randomUUID() }));
    }
  });
  return {
    answers,
    /** Waits for so many further answers. */
    answered: (more: number) => {
      const enough = answers.length + more;
      return until("the answers", () => answers.length >= enough);
    },
    stop: () => {
      done.abort();
      return Promise.all(clients);
    },
  };
}

/** How many answers have each status and code. */
function tally(answers: ReadonlyArray<Answer>): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) {
    const name = body.code === undefined ? String(status) : `${status} ${body.code}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Whether `most` were granted; one that Redis answered too late is refused, and counted or not. */
export function expectGranted(answers: ReadonlyArray<Answer>, most: number, refusal: string): void {
  const {
    200: granted = 0,
    "503 LIMITS_UNAVAILABLE": late = 0,
    [refusal]: refused = 0,
    ...others
  } = tally(answers);
  expect(others).toEqual({});
  expect(granted).toBeLessThanOrEqual(most);
  expect(granted + late).toBeGreaterThanOrEqual(most);
  expect(refused).toBeGreaterThan(0);
}

/** What processes that share a Redis promise, over one that is started so; gives what was started. */
export function promisesOver(
  startKind: (options: { readonly path: string }) => Promise<Redis>,
): () => Redis {
  let redis: Redis;
  beforeAll(async () => {
    redis = await startKind({ path });
  });
  afterAll(async () => {
    await Promise.all(stopping.splice(0).map((stop) => stop()));
    await redis.stop();
  });

  describe("two processes that share one Redis", () => {
    let services: readonly [ServiceProcess, ServiceProcess];
    const either = (index: number) => services[index % 2 === 0 ? 0 : 1];
    beforeAll(async () => {
      const env = {
        LIMIT_REQUESTS_PER_SUBJECT: "200 per day",
        LIMIT_OBJECTS_PER_DAY: "40",
        LIMIT_BYTES_PER_SUBJECT_PER_DAY: "1000 B",
        LIMITS_ON_FAILURE: "refuse",
      };
      services = await Promise.all([start(redis, env), start(redis, env)]);
    });
    beforeEach(() => redis.ask("FLUSHALL"));

    it("never let one caller make more requests than its limit, 64 at once", async () => {
      const answers = await sendAll({ total: 500, clients: 64 }, (index) =>
        // Of many organizations, so that none gets to its own limit.
        askAgain(either(index), { organization: `org-${index % 20}` }),
      );
      expectGranted(answers, 200, "429 RATE_LIMITED");
      for (const { status, headers } of answers) {
        if (status !== 429) continue;
        // One of 200 a day comes back every 432 seconds.
        expect(Number(headers.get("Retry-After"))).toBeOneOf(range(1, 432));
        expect(headers.get("RateLimit-Policy")).toBe('"subject";q=200;w=86400');
        expect(headers.get("RateLimit")).toMatch(/^"subject";r=0;t=\d+$/);
      }
      const { status } = await decided(services[0], { token: services[0].serviceToken });
      expect(status, "another caller").toBe(200);
    });

    it("never grant an organization more objects in a day than its quota", async () => {
      // Few enough that those which Redis answers too late do not use up the limit of the caller.
      const answers = await sendAll({ total: 60, clients: 32 }, (index) => askAgain(either(index)));
      expectGranted(answers, 40, "429 QUOTA_EXCEEDED");
      const { status } = await decided(services[1], { organization: "globex" });
      expect(status, "another organization").toBe(200);
    });

    it("never grant a caller more bytes in a day than its quota", async () => {
      const answers = await sendAll({ total: 60, clients: 32 }, (index) =>
        askAgain(either(index), { size: 50 }),
      );
      expectGranted(answers, 20, "429 QUOTA_EXCEEDED");
      const { status } = await decided(services[1], { token: services[1].serviceToken, size: 50 });
      expect(status, "another caller").toBe(200);
    });

    it("give all that come with one Idempotency-Key the same object, and charge one", async () => {
      const answers = await sendAll({ total: 32, clients: 32 }, (index) =>
        decided(either(index), { idempotencyKey: "one" }),
      );
      expect(tally(answers)).toEqual({ 200: 32 });
      expect(new Set(answers.map(({ body }) => body.key)).size).toBe(1);
      const other = await decided(services[1], { idempotencyKey: "one", size: 6 });
      expect(other.body.code).toBe("IDEMPOTENCY_CONFLICT");
      const rest = await sendAll({ total: 50, clients: 8 }, (index) => askAgain(either(index)));
      expectGranted(rest, 39, "429 QUOTA_EXCEEDED");
    });
  });

  describe("while Redis does not answer", () => {
    let modes: ReadonlyArray<{ readonly service: ServiceProcess; readonly uncounted: string }>;
    beforeAll(async () => {
      const env = { LIMIT_REQUESTS_PER_SUBJECT: PLENTY, LIMIT_OBJECTS_PER_DAY: "3" };
      const [allowing, refusing] = await Promise.all([
        start(redis, { ...env, LIMITS_ON_FAILURE: "allow" }),
        start(redis, { ...env, LIMITS_ON_FAILURE: "refuse" }),
      ]);
      modes = [
        { service: allowing, uncounted: "200" },
        { service: refusing, uncounted: "503 LIMITS_UNAVAILABLE" },
      ];
    });

    it("requests are allowed or refused, as configured, until Redis is back after a crash", async () => {
      const traffic = modes.map(({ service }) => keepAsking(service));
      const answered = (more: number) => Promise.all(traffic.map((of) => of.answered(more)));
      try {
        await answered(50);
        await redis.kill();
        await answered(200);
        for (const { service, uncounted } of modes) {
          const down = await presign(service);
          expect(tally([down])).toEqual({ [uncounted]: 1 });
          const repeatable = await presign(service, anUpload());
          expect(tally([repeatable])).toEqual({ "503 LIMITS_UNAVAILABLE": 1 });
          for (const { status, headers } of [down, repeatable]) {
            if (status === 503) expect(headers.get("Retry-After")).toMatch(/^[1-9]\d*$/);
          }
        }
        // Each process goes on to count what it lets through.
        const [allowing] = modes;
        for (const status of [200, 200, 429]) {
          if (allowing) expect((await presign(allowing.service)).status).toBe(status);
        }
        await redis.restart();
        for (const { service } of modes) await counted(service);
        await answered(50);
      } finally {
        await Promise.all(traffic.map((of) => of.stop()));
      }
      for (const [index, { service, uncounted }] of modes.entries()) {
        // Some were counted and some were not; none met anything else.
        const met = Object.keys(tally(traffic[index]?.answers ?? []));
        expect(new Set(met)).toEqual(new Set(["200", uncounted]));
        // The log says so at most once a minute.
        expect(service.output().match(UNCOUNTED)?.length).toBeOneOf([1, 2]);
      }
      const organization = crypto.randomUUID();
      const uploads = Array.from({ length: 4 }, () => ({ ...anUpload(), organization }));
      const granted = await sendAll({ total: 4, clients: 1 }, (index) => {
        const { service } = modes[index % 2] ?? expect.unreachable();
        return decided(service, uploads[index]);
      });
      expect(tally(granted), "by both together").toEqual({ 200: 3, "429 QUOTA_EXCEEDED": 1 });
    });

    it("the service is ready, and says which part is failing", async () => {
      const [{ service } = { service: undefined }] = modes;
      const ready = (state: string, status: string) =>
        until(`limits that are ${state}`, async () => {
          const answer = await fetch(`${service?.address}/readyz`);
          expect(answer.status).toBe(200);
          const { status: whole, parts } = await answer.json();
          return parts.limits.state === state && whole === status;
        });
      await ready("ok", "ready");
      await redis.kill();
      await ready("failing", "degraded");
      await redis.restart();
      await ready("ok", "ready");
    });

    it("requests do not wait for a Redis that hangs", async () => {
      redis.pause();
      try {
        for (const { service, uncounted } of modes) {
          const answers = await sendAll({ total: 300, clients: 16 }, () =>
            presign(service, { organization: crypto.randomUUID() }),
          );
          expect(tally(answers)).toEqual({ [uncounted]: 300 });
        }
      } finally {
        redis.resume();
      }
      for (const { service } of modes) await counted(service);
    });
  });

  it("a Redis that starts after the service is used once it answers", async () => {
    await redis.kill();
    const service = await startUncounted(redis, { LIMIT_REQUESTS_PER_SUBJECT: PLENTY });
    const { status } = await presign(service, anUpload());
    await redis.restart();
    expect(status).toBe(503);
    await counted(service);
    expect(await service.stop()).toBe(0);
  });

  it("a Redis that never starts does not keep the service from stopping", async () => {
    const nowhere = { env: { REDIS_URL: `redis://127.0.0.1:${await freePort()}` } };
    const service = await startUncounted(nowhere, { LIMIT_REQUESTS_PER_SUBJECT: PLENTY });
    expect((await presign(service)).status).toBe(200);
    expect(await service.stop()).toBe(0);
  });

  return () => redis;
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);
