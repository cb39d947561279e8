import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@redis/client";
import { atTestEnd } from "./at-test-end.ts";
import { freePort } from "./free-port.ts";
import { makeFolder } from "./make-folder.ts";
import { HOST, type Node, PASSWORD, startNode, startNodesOfCluster } from "./redis.ts";
import { until } from "./until.ts";

/** A Redis whose master has a replica that takes its place. */
export interface Replicated {
  /** The variables that a service needs for it. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends a master as a crash does. */
  readonly killMaster: () => Promise<void>;
  /** Asks the masters, and gives their replies. */
  readonly ask: (...command: ReadonlyArray<string>) => Promise<ReadonlyArray<unknown>>;
  readonly stop: () => Promise<void>;
}

interface Options {
  /** Of redis-server. */
  readonly path: string;
}

/** How long a node is silent before it counts as gone, in milliseconds. */
const DOWN_AFTER = "1000";

/** Starts a cluster of three masters, each with a replica. */
export async function startReplicatedCluster(options: Options): Promise<Replicated> {
  const further = { "cluster-node-timeout": DOWN_AFTER };
  const { nodes: masters, cluster } = await startNodesOfCluster({ ...options, further });
  const replicas = await Promise.all(
    masters.map(async (master) => {
      const replica = await startNode({ ...options, further, isPartOfCluster: true });
      await replica.ask("CLUSTER", "MEET", HOST, String(master.port), String(master.busPort));
      const id = String(await master.ask("CLUSTER", "MYID"));
      await until(
        "a replica",
        async () => (await replica.ask("CLUSTER", "REPLICATE", id)) === "OK",
      );
      return replica;
    }),
  );
  await Promise.all(replicas.map(isInSync));
  return replicated([...masters, ...replicas], cluster.env);
}

const NAME = "files-counter";
const SENTINEL_PASSWORD = "another password";

/** Starts a master and a replica that three Sentinels watch. */
export async function startWatchedRedis(
  options: Options,
  /** A port of another's at which they see the master, which is told the master's own. */
  between?: { readonly seenAt: number; readonly onPort: (port: number) => void },
): Promise<Replicated> {
  const master = await startNode(options);
  between?.onPort(master.port);
  const replica = await startNode({
    ...options,
    further: { replicaof: `${HOST} ${master.port}` },
  });
  await isInSync(replica);
  const sentinels: Array<Awaited<ReturnType<typeof startSentinel>>> = [];
  for (let count = 0; count < 3; count++) {
    sentinels.push(await startSentinel(options, between?.seenAt ?? master.port));
  }
  await until("Sentinels that know each other", async () => {
    const known = await Promise.all(sentinels.map((sentinel) => sentinel.others()));
    return known.every((others) => others === 2);
  });
  const { env, killMaster, ask, stop } = replicated([master, replica], {});
  return {
    killMaster,
    ask,
    env: {
      ...env,
      REDIS_URL: `redis://:${encodeURIComponent(PASSWORD)}@${NAME}`,
      REDIS_SENTINELS: sentinels.map(({ url }) => url).join(","),
    },
    stop: async () => {
      await Promise.all(sentinels.map((sentinel) => sentinel.stop()));
      await stop();
    },
  };
}

const isInSync = (replica: Node) =>
  until("a replica in sync", async () =>
    String(await replica.ask("INFO", "replication")).includes("master_link_status:up"),
  );

function replicated(nodes: ReadonlyArray<Node>, env: Replicated["env"]): Replicated {
  const [master] = nodes;
  let left = nodes;
  return {
    env,
    killMaster: async () => {
      left = nodes.filter((node) => node !== master);
      await master?.kill();
    },
    ask: async (...command) => {
      const roles = await Promise.all(left.map((node) => node.ask("ROLE")));
      const masters = left.filter((_, index) => String(roles[index]).startsWith("master"));
      return Promise.all(masters.map((master) => master.ask(...command)));
    },
    stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))),
  };
}

async function startSentinel({ path }: Options, master: number) {
  const port = await freePort();
  const folder = makeFolder();
  const file = join(folder, "sentinel.conf");
  writeFileSync(
    file,
    `bind ${HOST}
port ${port}
dir ${folder}
requirepass "${SENTINEL_PASSWORD}"
sentinel monitor ${NAME} ${HOST} ${master} 2
sentinel auth-pass ${NAME} "${PASSWORD}"
sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER}
sentinel failover-timeout ${NAME} 5000
`,
  );
  const child = spawn(path, [file, "--sentinel"], { stdio: "ignore" });
  const exited = once(child, "exit");
  await once(child, "spawn");
  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  atTestEnd(stop);
  const url = `redis://:${encodeURIComponent(SENTINEL_PASSWORD)}@${HOST}:${port}`;
  const others = async () => {
    const client = createClient({ url, socket: { reconnectStrategy: false } });
    client.on("error", () => undefined);
    await client.connect();
    try {
      const found = await client.sendCommand<ReadonlyArray<unknown>>([
        "SENTINEL",
        "SENTINELS",
        NAME,
      ]);
      return found.length;
    } finally {
      client.destroy();
    }
  };
  return { url, others, stop };
}
