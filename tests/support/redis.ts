import { createClient } from "@redis/client";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atTestEnd } from "./at-test-end.ts";
import { freePort } from "./free-port.ts";
import { findOnPath } from "./on-path.ts";
import { until } from "./until.ts";

/** Where redis-server is, or how to get it. */
export const findRedis = () =>
  findOnPath("redis-server", { from: "redis-server", variable: "TEST_REDIS_SERVER" });

/** A Redis of one or more nodes, which can be hurt. */
export interface Redis {
  /** For `REDIS_URL`, with the password. */
  readonly urls: readonly [string, ...ReadonlyArray<string>];
  readonly isCluster: boolean;
  /** Asks all nodes the same, and gives their replies. */
  readonly ask: (...command: ReadonlyArray<string>) => Promise<ReadonlyArray<unknown>>;
  /** Ends it as a crash does. */
  readonly kill: () => Promise<void>;
  /** Starts it again where it was, empty unless it is persistent. */
  readonly restart: () => Promise<void>;
  /** Lets it hang: connections stay, and nothing is answered. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Ends it, and removes what it has stored. */
  readonly stop: () => Promise<void>;
}

interface Options {
  /** Of redis-server. */
  readonly path: string;
  /** Whether each write is on the disk before it is answered. */
  readonly isPersistent?: boolean;
}

/** Starts a node on a free port of the loopback address. */
export async function startRedis(options: Options): Promise<Redis> {
  return together([await startNode(options)], { isCluster: false });
}

/** Starts three nodes, each with a third of the slots. */
export async function startRedisCluster(options: Options): Promise<Redis> {
  const nodes = await Promise.all(
    [0, 1, 2].map(() => startNode({ ...options, isPartOfCluster: true })),
  );
  const cluster = together(nodes, { isCluster: true });
  const [first] = nodes;
  for (const [index, node] of nodes.entries()) {
    const from = Math.floor((index * SLOTS) / nodes.length);
    const to = Math.floor(((index + 1) * SLOTS) / nodes.length) - 1;
    await node.ask("CLUSTER", "ADDSLOTSRANGE", String(from), String(to));
    await node.ask("CLUSTER", "SET-CONFIG-EPOCH", String(index + 1));
    await first?.ask("CLUSTER", "MEET", HOST, String(node.port), String(node.busPort));
  }
  await isWhole(cluster);
  return {
    ...cluster,
    restart: async () => {
      await cluster.restart();
      await isWhole(cluster);
    },
  };
}

const HOST = "127.0.0.1";
const PASSWORD = "a password: with/reserved@characters";
const SLOTS = 16_384;

/** Waits until each node knows of all others and that they answer. */
const isWhole = (cluster: Redis) =>
  until("the cluster's start", async () => {
    const states = (await cluster.ask("CLUSTER", "INFO")).map(String);
    return states.every((state) => /cluster_state:ok[^]*cluster_known_nodes:3\b/.test(state))
      ? true
      : undefined;
  });

type Node = Awaited<ReturnType<typeof startNode>>;

function together(
  nodes: ReadonlyArray<Node>,
  { isCluster }: { readonly isCluster: boolean },
): Redis {
  const all = async (act: (node: Node) => Promise<void>) =>
    void (await Promise.all(nodes.map((node) => act(node))));
  const [url = "", ...others] = nodes.map(({ url }) => url);
  return {
    urls: [url, ...others],
    isCluster,
    ask: (...command) => Promise.all(nodes.map((node) => node.ask(...command))),
    kill: () => all((node) => node.kill()),
    restart: () => all((node) => node.restart()),
    pause: () => nodes.forEach((node) => node.pause()),
    resume: () => nodes.forEach((node) => node.resume()),
    stop: () => all((node) => node.stop()),
  };
}

async function startNode({
  path,
  isPersistent = false,
  isPartOfCluster = false,
}: Options & { readonly isPartOfCluster?: boolean }) {
  const port = await freePort();
  const busPort = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "valetkey-redis-"));
  const url = `redis://:${encodeURIComponent(PASSWORD)}@${HOST}:${port}`;
  const settings = {
    bind: HOST,
    port,
    dir: folder,
    requirepass: PASSWORD,
    save: "",
    appendonly: isPersistent ? "yes" : "no",
    appendfsync: "always",
    ...(isPartOfCluster ? { "cluster-enabled": "yes", "cluster-port": busPort } : {}),
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);

  const ask = async (...command: ReadonlyArray<string>): Promise<unknown> => {
    const client = createClient({ url, socket: { reconnectStrategy: false } });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return await client.sendCommand(command);
    } finally {
      client.destroy();
    }
  };
  const launch = async () => {
    const child = spawn(path, args, { stdio: "ignore" });
    const exited = once(child, "exit");
    await once(child, "spawn");
    return { child, exited };
  };
  const isUp = () =>
    until("the start of Redis", async () => {
      if (running.child.exitCode !== null) throw new Error("redis-server has ended");
      return (await ask("PING")) === "PONG";
    });

  let running = await launch();
  const end = async () => {
    running.child.kill("SIGKILL");
    await running.exited;
  };
  const node = {
    url,
    port,
    busPort,
    ask,
    kill: end,
    restart: async () => {
      running = await launch();
      await isUp();
    },
    pause: () => void running.child.kill("SIGSTOP"),
    resume: () => void running.child.kill("SIGCONT"),
    stop: async () => {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  atTestEnd(node.stop);
  try {
    await isUp();
  } catch (cause) {
    await node.stop();
    throw cause;
  }
  return node;
}
