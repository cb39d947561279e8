import { createClient, createCluster, createSentinel, type RedisScripts } from "@redis/client";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Redacted from "effect/Redacted";
import * as Schedule from "effect/Schedule";
import type { RedisSettings } from "./settings.ts";

/** Wait for the first connection, so that the first requests are counted too. */
const FIRST_CONNECTION_TIMEOUT = "1 second";

/** Connects, and again when the connection is lost. Without one, commands fail at once. */
export const connect = <S extends RedisScripts>(settings: RedisSettings, scripts: S) =>
  Effect.gen(function* () {
    const client = clientFor(settings, scripts, options.socket);
    yield* Effect.addFinalizer(() => Effect.sync(() => void client.destroy()));
    const beginning = yield* Effect.tryPromise(async () => void (await client.connect())).pipe(
      // Only the first connection needs this: a connected client reconnects by itself.
      Effect.retry(Schedule.spaced("1 second")),
      Effect.ignore,
      Effect.forkScoped,
    );
    yield* Effect.timeoutOption(Fiber.await(beginning), FIRST_CONNECTION_TIMEOUT);
    return client;
  });

/** Connects for one use, or fails at once. */
export async function connectOnce<S extends RedisScripts>(
  settings: RedisSettings,
  scripts: S,
  use: (client: ReturnType<typeof clientFor<S>>) => Promise<unknown>,
): Promise<void> {
  const client = clientFor(settings, scripts, { ...options.socket, reconnectStrategy: false });
  try {
    await client.connect();
    await use(client);
  } finally {
    client.destroy();
  }
}

const options = {
  disableOfflineQueue: true,
  commandsQueueMaxLength: 10_000,
  socket: {
    connectTimeout: 1000,
    reconnectStrategy: (tries: number) => Math.min(50 * 2 ** tries, 1000),
  },
};

/** Longest time until a cluster's nodes are read again, in milliseconds. */
const REDISCOVERY = 1000;

type Urls = readonly [string, ...ReadonlyArray<string>];

type Socket = Omit<typeof options.socket, "reconnectStrategy"> & {
  readonly reconnectStrategy: false | ((tries: number) => number);
  readonly ca?: string;
};

function clientFor<S extends RedisScripts>(
  { urls: redactedUrls, isCluster, sentinels, ca }: RedisSettings,
  scripts: S,
  socket: Socket,
) {
  const urls = Redacted.value(redactedUrls);
  const trusted = ca === undefined ? socket : { ...socket, ca };
  const client =
    sentinels !== undefined
      ? sentinel(urls[0], Redacted.value(sentinels), scripts, trusted)
      : isCluster
        ? cluster(urls, scripts, trusted)
        : createClient({ url: urls[0], ...options, scripts, socket: trusted });
  // Without a listener an error would end the process. Commands fail with the reason anyway.
  client.on("error", () => undefined);
  return client;
}

/** Connects to a cluster. Nodes announce only addresses; the credentials are the same for all. */
const cluster = <S extends RedisScripts>(urls: Urls, scripts: S, socket: Socket) =>
  createCluster({
    rootNodes: urls.map((url) => ({ url })),
    scripts,
    // A missing node may have been replaced meanwhile.
    topologyRefreshOnReconnectionAttemptStrategy: REDISCOVERY,
    defaults: { ...options, ...access(urls[0], socket) },
  });

function sentinel<S extends RedisScripts>(
  url: string,
  sentinels: Urls,
  scripts: S,
  socket: Socket,
) {
  const { hostname: name, pathname } = new URL(url);
  return createSentinel({
    name,
    sentinelRootNodes: sentinels.map((one) => {
      const { hostname, port } = new URL(one);
      return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 26_379) };
    }),
    // Never sent again: a command whose connection was lost may have been counted.
    maxCommandRediscovers: 0,
    scanInterval: REDISCOVERY,
    scripts,
    nodeClientOptions: {
      ...options,
      ...access(url, socket),
      database: Number(pathname.slice(1)),
    },
    sentinelClientOptions: access(sentinels[0], socket),
  });
}

function access(url: string, socket: Socket) {
  const { protocol, username, password } = new URL(url);
  return {
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
    socket: { ...socket, ...(protocol === "rediss:" ? { tls: true as const } : {}) },
  };
}
