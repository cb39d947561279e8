import { Client } from "minio";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { startFaultyServer } from "../support/faulty-server.ts";
import { isFullRun } from "../support/full-run.ts";
import { need } from "../support/need.ts";
import { startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { client, keysIn, MINIO, minio, pointsIn, startWaiting } from "./waiting-service.ts";

const redisPath = await need("redis");

/** The service starts once for each. */
const POINTS = isFullRun ? 100 : 3;

const FILES = new Map([
  ["a.txt", "one"],
  ["b/c.txt", "two"],
  ["d", "three"],
]);
const REFUSED = "page.html";
const BYTES = [...FILES.values()].join("").length;

const POLICIES = {
  tools: {
    credentials: true,
    arrival: "incoming",
    put_lifetime: "1 hour",
    allowed_types: ["text/plain"],
  },
};

interface Answer {
  readonly files: ReadonlyArray<{ readonly path: string; readonly key: string }>;
  readonly refused: ReadonlyArray<{ readonly path: string }>;
  readonly next?: string;
}

it.skipIf(minio === undefined || redisPath === undefined)(
  "completing that is killed at any call to the store goes on with the same grant, and makes each file once",
  { timeout: POINTS * 300_000 },
  async () => {
    const front = await startFaultyServer(MINIO);
    const redis = await startRedis({ path: redisPath ?? "" });
    const bucket = `killed-${crypto.randomUUID()}`;
    const env = {
      STORAGE_POLICIES: JSON.stringify(POLICIES),
      LIMIT_STORED_BYTES: "1 GiB",
      REDIS_URL: redis.urls[0],
    };
    let service = await startWaiting(front.url, bucket, undefined, env);
    const ask = async (path: string, body?: object) => {
      const answer = await fetch(`${service.address}/api/v1/orgs/acme/${path}`, {
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${service.token}` },
        ...(body && { method: "POST", body: JSON.stringify(body) }),
      });
      return { status: answer.status, body: await answer.json() };
    };
    const NONE = { status: 0, body: {} };
    /** On a busy machine, the store or Redis may be asked again. */
    const send = (...asked: Parameters<typeof ask>) =>
      until(`an answer to ${asked[0]}`, async () => {
        const answer = await ask(...asked).catch(() => NONE);
        return answer.status === 503 ? undefined : answer;
      });
    const usage = async () => (await send("usage")).body;

    /** What a tool has sent with credentials, and what was told of it. */
    const begin = async () => {
      const { status, body } = await send("credentials", { policy: "tools", max_bytes: 1000 });
      expect(status, JSON.stringify(body)).toBe(200);
      const tool = new Client({
        endPoint: MINIO.hostname,
        port: Number(MINIO.port),
        useSSL: false,
        accessKey: body.access_key_id,
        secretKey: body.secret_access_key,
        sessionToken: body.session_token,
        region: body.region,
      });
      const type = { "Content-Type": "text/plain" };
      for (const [name, content] of [...FILES, [REFUSED, "<html>"]] as const) {
        await tool.putObject(bucket, `${body.prefix}${name}`, content, content.length, type);
      }
      const told = new Map<string, string>();
      const refused = new Set<string>();
      /** Asks until there is no more; false without an answer. */
      const complete = async () => {
        let next: string | undefined = body.grant;
        while (next !== undefined) {
          const answer = await send("credentials/complete", { grant: next });
          if (answer === NONE) return false;
          expect(answer.status, JSON.stringify(answer.body)).toBe(200);
          const page: Answer = answer.body;
          for (const { path, key } of page.files) {
            expect(told.get(path) ?? key, path).toBe(key);
            told.set(path, key);
          }
          for (const { path } of page.refused) refused.add(path);
          ({ next } = page);
        }
        return true;
      };
      return { id: body.prefix.split("/").at(-2), told, refused, complete };
    };
    type Begun = Awaited<ReturnType<typeof begin>>;
    const all: Array<Begun> = [];
    const expectWhole = async (begun: Begun, context: string) => {
      all.push(begun);
      expect([...begun.told.keys()].toSorted(), context).toEqual([...FILES.keys()].toSorted());
      expect([...begun.refused], context).toEqual([REFUSED]);
      for (const [path, key] of begun.told) {
        expect(await text(await client.getObject(bucket, key)), context).toBe(FILES.get(path));
      }
      const left = all.flatMap(({ id, told }) => [
        ...told.values(),
        `incoming/completing/acme/${id}`,
        `incoming/completing/acme/${id}.completed`,
      ]);
      expect((await keysIn(bucket)).toSorted(), context).toEqual(left.toSorted());
      const files = all.length * FILES.size;
      const counted = { files, bytes: all.length * BYTES, granted: 0, open: 0, known: true };
      expect(await usage(), context).toMatchObject(counted);
    };

    try {
      // The second asks least: that there is a bucket is remembered for some seconds.
      for (const time of ["first", "second"]) {
        const begun = await begin();
        front.state.arrived.length = 0;
        expect(await begun.complete()).toBe(true);
        await until("the count", async () => (await usage()).known === true);
        await expectWhole(begun, `without a kill, the ${time} time`);
      }
      const calls = front.state.arrived.slice();
      // Before and after each call; a quick run takes some of them.
      let kills = 0;
      for (const point of pointsIn(calls.length, POINTS)) {
        const begun = await begin();
        let passed = 0;
        front.state.onPass = async () => {
          if (passed++ !== point) return;
          service.signal("SIGKILL");
          await service.ended;
        };
        const context = `point ${point} of ${calls.join(", ")}`;
        const isWhole = await begun.complete();
        front.state.onPass = undefined;
        if (!isWhole) {
          kills += 1;
          service = await startWaiting(front.url, bucket, service, env);
          // What was sent before the end may still be done.
          await until("the store", () => front.state.underWay === 0);
          expect(await begun.complete(), context).toBe(true);
        }
        await expectWhole(begun, context);
      }
      expect(kills).toBeGreaterThan(0);
    } finally {
      await service.stop();
      await redis.stop();
      front.close();
    }
  },
);
