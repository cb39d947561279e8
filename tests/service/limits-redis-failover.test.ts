import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { isFullRun } from "../support/full-run.ts";
import { startRedis } from "../support/redis.ts";
import {
  type Replicated,
  startReplicatedCluster,
  startWatchedRedis,
} from "../support/replicated-redis.ts";
import { until } from "../support/until.ts";
import { counted, path, presign, start, stopping } from "./over-redis.ts";

const ENV = { LIMIT_OBJECTS_PER_DAY: "1000", LIMITS_ON_FAILURE: "refuse" };

afterEach(async () => void (await Promise.all(stopping.splice(0).map((stop) => stop()))));

describe.skipIf(path === "").each([
  ["a master that Sentinels watch", startWatchedRedis],
  ["a master of a cluster", startReplicatedCluster],
] as const)("%s", (_, startKind) => {
  it("can be lost under load: nothing is counted twice, and all is counted once another has its place", async () => {
    const redis = await startKind({ path });
    const services = await Promise.all([start(redis, ENV), start(redis, ENV)]);
    const outcomes = new Map<string, string>();
    const ended = new AbortController();
    const clients = Array.from({ length: 16 }, async (_, client) => {
      const service = services[client % 2 === 0 ? 0 : 1];
      while (!ended.signal.aborted) {
        // Each upload is the only one of its organization.
        const organization = crypto.randomUUID();
        const { status, body } = await presign(service, { organization });
        outcomes.set(organization, body.code ?? String(status));
      }
    });
    const granted = () => [...outcomes].filter(([, outcome]) => outcome === "200");
    const lastGranted = () =>
      [...outcomes].slice(-300).flatMap(([id, outcome]) => (outcome === "200" ? [id] : []));
    try {
      await until("load", () => granted().length > 200);
      const before = new Set(outcomes.keys());
      await redis.killMaster();
      await until("a refusal", () =>
        [...outcomes].some(([id, outcome]) => !before.has(id) && outcome !== "200"),
      );
      const untilRefused = outcomes.size;
      // A node that is lost would refuse a third of these; some may be late on a busy machine.
      await until(
        "all is counted",
        () => outcomes.size - untilRefused >= 300 && lastGranted().length > 270,
      );
    } finally {
      ended.abort();
      await Promise.all(clients);
    }
    expect(new Set(outcomes.values())).toEqual(new Set(["200", "LIMITS_UNAVAILABLE"]));
    const objects = await countedObjects(redis);
    expect(new Set(objects.values())).toEqual(new Set([1]));
    // Of those before, what the replica had not heard of went with the master.
    expect(lastGranted().filter((organization) => !objects.has(organization))).toEqual([]);
    await Promise.all(stopping.splice(0).map((stop) => stop()));
    await redis.stop();
  });
});

const OBJECTS = `local objects = {}
for _, key in ipairs(redis.call('KEYS', 'valetkey:{organization *}:granted')) do
  table.insert(objects, key)
  table.insert(objects, redis.call('HGET', key, 'objects'))
end
return objects`;

/** How many uploads of each organization Redis has counted. */
async function countedObjects({ ask }: Pick<Replicated, "ask">) {
  // A cluster may take a node for lost for a moment, on a busy machine.
  const answers = await until("an answer of all", () => ask("EVAL", OBJECTS, "0"));
  const values = answers.flat().map(String);
  const objects = new Map<string, number>();
  for (let index = 0; index < values.length; index += 2) {
    const [, organization = ""] = /\{organization (.*)\}/.exec(values[index] ?? "") ?? [];
    objects.set(organization, Number(values[index + 1]));
  }
  return objects;
}

/** A network to Redis that can hold back the answers to a service, and cut its connections. */
async function startHoldingProxy(target: () => number) {
  const sockets = new Set<Socket>();
  /** Not those of Sentinels, which do not greet so. */
  const services = new Set<Socket>();
  let losesNext = false;
  let held: Array<() => void> | undefined;
  const server = createServer((client) => {
    const upstream = connect(target(), "127.0.0.1");
    client.once("data", (first) => void (String(first).includes("HELLO") && services.add(client)));
    client.pipe(upstream);
    upstream.on("data", (answer) => {
      if (!services.has(client)) client.write(answer);
      else if (losesNext) {
        losesNext = false;
        cut();
      } else if (held) held.push(() => void client.write(answer));
      else client.write(answer);
    });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        for (const end of [client, upstream]) end.destroy();
        sockets.delete(socket);
        services.delete(client);
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    for (const client of services) client.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    /** Cuts instead of passing on the next answer. */
    loseNext: () => void (losesNext = true),
    /** Cuts, and holds back what is answered from then on. */
    hold: () => {
      held = [];
      cut();
    },
    release: () => {
      for (const pass of held ?? []) pass();
      held = undefined;
    },
    heldAnswers: () => held?.length ?? 0,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

// The service sends it by the same client, whoever names the master.
const KINDS = isFullRun ? ["one Redis", "a master that Sentinels watch"] : ["one Redis"];

describe.skipIf(path === "").each(KINDS)("of %s", (kind) => {
  it("a decision whose answer is lost is not asked for again, and one that comes too late is not counted", async () => {
    let port = 0;
    const proxy = await startHoldingProxy(() => port);
    const redis = await (async () => {
      if (kind !== "one Redis") {
        return startWatchedRedis({ path }, { seenAt: proxy.port, onPort: (own) => (port = own) });
      }
      const one = await startRedis({ path });
      const url = new URL(one.urls[0]);
      port = Number(url.port);
      url.port = String(proxy.port);
      return { ...one, env: { REDIS_URL: url.href } };
    })();
    try {
      const service = await start(redis, ENV);
      proxy.loseNext();
      expect((await presign(service, { organization: "unanswered" })).status).toBe(503);
      await counted(service);
      proxy.hold();
      await presign(service, { organization: "first-to-fail" });
      await until("another connection", () => proxy.heldAnswers() > 0);
      for (let late = 0; late < 3; late++) {
        expect((await presign(service, { organization: `late-${late}` })).status).toBe(503);
      }
      proxy.release();
      await counted(service);
      const objects = await countedObjects(redis);
      expect(objects.get("unanswered")).toBe(1);
      expect([...objects.keys()].filter((name) => name.startsWith("late"))).toEqual([]);
      await service.stop();
    } finally {
      proxy.close();
      await redis.stop();
    }
  });
});
